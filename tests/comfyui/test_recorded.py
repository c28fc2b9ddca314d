"""The client against every exchange that was recorded from a real ComfyUI, over real sockets."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bot.comfyui.client import ComfyClient
from bot.comfyui.exceptions import MissingModelFile, MissingNodeType
from bot.comfyui.execution_updates import CachedNodes, ExecutionUpdate, NodeProgress, NodeStarted, PreviewFrame, Started
from bot.comfyui.outputs import MediaKind
from bot.comfyui.prompt_state import Failed, Interrupted, Outcome, Succeeded
from tests.comfyui.scripted_server import GRAPH, RECORDED, ScriptedComfyUI


async def replay(
    server: ScriptedComfyUI, client: ComfyClient, prompt_id: str, name: str
) -> tuple[list[ExecutionUpdate], Outcome, Outcome]:
    """Updates, the outcome by tracker, the outcome by the history."""
    server.play_recording = server.load_recording(name)
    async with asyncio.timeout(60):
        with client.track(prompt_id) as tracker:
            await client.submit(prompt_id, GRAPH)
            updates = [update async for update in tracker]
            outcome = await tracker.outcome()
        entry = await client.history(prompt_id)
    assert entry is not None
    return updates, outcome, entry.outcome


def test_every_recording_has_its_test() -> None:
    tested = {"txt2img", "txt2img_again", "batch_of_4", "video", "audio", "preview_only", "execution_error"}
    assert {file.stem for file in RECORDED.glob("*.jsonl")} == tested | {
        "interrupted",
        "missing_node",
        "missing_model",
    }


async def test_txt2img(server: ScriptedComfyUI, client: ComfyClient, prompt_id: str) -> None:
    updates, outcome, recorded = await replay(server, client, prompt_id, "txt2img")
    assert updates[0] == Started()
    assert CachedNodes(frozenset({"4", "5", "6", "7"})) in updates
    assert [update.node_id for update in updates if isinstance(update, NodeStarted)] == ["3", "8", "9"]
    assert NodeProgress("3", 4, 4) in updates
    previews = [update for update in updates if isinstance(update, PreviewFrame)]
    assert previews
    assert previews[-1].media_type == "image/jpeg"
    assert previews[-1].data.startswith(b"\xff\xd8\xff")
    assert isinstance(outcome, Succeeded)
    assert [(file.filename, file.subfolder, file.media) for file in outcome.files] == [
        ("cat_00012_.png", "sd", MediaKind.IMAGE)
    ]
    assert outcome.seconds == pytest.approx(2.128)
    assert outcome == recorded
    assert not outcome.cached


async def test_the_same_again_comes_from_the_cache(
    server: ScriptedComfyUI, client: ComfyClient, prompt_id: str
) -> None:
    updates, outcome, recorded = await replay(server, client, prompt_id, "txt2img_again")
    assert not [update for update in updates if isinstance(update, NodeStarted)]
    assert isinstance(outcome, Succeeded)
    assert outcome.cached
    assert [file.filename for file in outcome.files] == ["cat_00012_.png"]
    assert outcome == recorded


async def test_all_images_of_a_batch(server: ScriptedComfyUI, client: ComfyClient, prompt_id: str) -> None:
    _, outcome, recorded = await replay(server, client, prompt_id, "batch_of_4")
    assert isinstance(outcome, Succeeded)
    assert len({file.filename for file in outcome.files}) == 4
    assert outcome == recorded


@pytest.mark.parametrize(
    ("name", "media", "kind"),
    [
        ("video", MediaKind.VIDEO, "output"),
        ("audio", MediaKind.AUDIO, "output"),
        ("preview_only", MediaKind.IMAGE, "temp"),
    ],
)
async def test_kinds_of_files(
    server: ScriptedComfyUI, client: ComfyClient, prompt_id: str, *, name: str, media: MediaKind, kind: str
) -> None:
    _, outcome, recorded = await replay(server, client, prompt_id, name)
    assert isinstance(outcome, Succeeded)
    assert [(file.media, file.type) for file in outcome.files] == [(media, kind)]
    assert outcome == recorded


async def test_a_node_that_fails(server: ScriptedComfyUI, client: ComfyClient, prompt_id: str) -> None:
    _, outcome, _ = await replay(server, client, prompt_id, "execution_error")
    assert isinstance(outcome, Failed)
    assert (outcome.error.node_id, outcome.error.node_type) == ("2", "SaveImage")
    assert "outside the output folder" in outcome.error.message


async def test_interrupted_is_no_failure(server: ScriptedComfyUI, client: ComfyClient, prompt_id: str) -> None:
    updates, outcome, recorded = await replay(server, client, prompt_id, "interrupted")
    assert NodeProgress("3", 3, 30) in updates
    assert outcome == recorded == Interrupted()


async def test_missing_node(server: ScriptedComfyUI, client: ComfyClient, prompt_id: str) -> None:
    server.load_recording("missing_node")
    with pytest.raises(MissingNodeType) as refused:
        await client.submit(prompt_id, GRAPH)
    assert refused.value.class_type == "NoSuchNode"
    assert (refused.value.node_id, refused.value.node_title) == ("1", "My Node")


async def test_missing_model(server: ScriptedComfyUI, client: ComfyClient, prompt_id: str) -> None:
    server.load_recording("missing_model")
    with pytest.raises(MissingModelFile) as refused:
        await client.submit(prompt_id, GRAPH)
    error: Any = refused.value
    assert (error.class_type, error.input_name) == ("CheckpointLoaderSimple", "ckpt_name")
    assert error.received == "sdxl_base_1.0.safetensors"
    assert error.options == ("tiny_random_sd15.safetensors",)
