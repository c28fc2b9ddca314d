"""The bot's ComfyUI client with the stand-in, as in the demo."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.comfyui.client import ComfyClient
from bot.comfyui.exceptions import FileGone, MissingModelFile, MissingNodeType
from bot.comfyui.execution_updates import ExecutionUpdate, NodeProgress, PreviewFrame
from bot.comfyui.options import ClientOptions
from bot.comfyui.prompt_state import Absent, Interrupted, Lost, Pending, Succeeded
from sandbox.comfyui import PostFault, StandInComfyUI
from tests.sandbox.comfyui.graphs import node, solid_image, text_to_image, with_sandbox_node

QUICK = ClientOptions(retry_backoff=0.02, reconnect_max=0.1, poll_initial=0.05, poll_max=0.1, watchdog_after_submit=0.2)


@pytest.fixture
async def client(comfy: StandInComfyUI) -> AsyncIterator[ComfyClient]:
    async with ComfyClient(comfy.url, QUICK) as opened:
        await comfy.log.wait_for("socket_open")
        yield opened


def new_prompt_id() -> str:
    return str(uuid.uuid4())


async def test_a_drawing_with_steps_previews_and_a_file(client: ComfyClient, tmp_path: Path) -> None:
    prompt_id, updates = new_prompt_id(), list[ExecutionUpdate]()
    async with asyncio.timeout(60):
        with client.track(prompt_id) as tracking:
            await client.submit(prompt_id, text_to_image("a lighthouse at dusk"))
            updates += [each async for each in tracking]
            outcome = await tracking.outcome()
    assert isinstance(outcome, Succeeded)
    assert [each.value for each in updates if isinstance(each, NodeProgress)][-1] == 4
    assert any(isinstance(each, PreviewFrame) for each in updates)
    downloaded = await client.download(outcome.files[0], tmp_path / "x.png", max_bytes=10_000_000)
    assert downloaded.path.read_bytes().startswith(b"\x89PNG")


async def test_refusals_are_understood(client: ComfyClient) -> None:
    with pytest.raises(MissingNodeType):
        await client.submit(new_prompt_id(), {"1": node("NoSuchNode")})
    graph = text_to_image()
    graph["4"]["inputs"]["ckpt_name"] = "nope.safetensors"
    with pytest.raises(MissingModelFile):
        await client.submit(new_prompt_id(), graph)


async def test_cancelling_pending_and_running(comfy: StandInComfyUI, client: ComfyClient) -> None:
    running, pending = new_prompt_id(), new_prompt_id()
    async with asyncio.timeout(60), comfy.set_breakpoint("SandboxSleep") as paused:
        with client.track(running) as tracking:
            await client.submit(running, with_sandbox_node(solid_image()))
            await client.submit(pending, solid_image(color=3))
            await paused.reached.wait()
            assert await client.prompt_state(pending) == Pending(1, client.client_id)
            assert await client.cancel(pending)
            assert await client.prompt_state(pending) == Absent()
            assert await client.cancel(running)
            assert isinstance(await tracking.outcome(), Interrupted)


async def test_a_submission_whose_answer_is_lost_is_not_repeated(comfy: StandInComfyUI, client: ComfyClient) -> None:
    prompt_id = new_prompt_id()
    comfy.faults.posts.append(PostFault.APPLIED_THEN_DROPPED)
    async with asyncio.timeout(60):
        with client.track(prompt_id) as tracking:
            await client.submit(prompt_id, solid_image())
            assert isinstance(await tracking.outcome(), Succeeded)
    assert len(comfy.log.find("submitted")) == 1


async def test_a_muted_socket_is_noticed(comfy: StandInComfyUI, client: ComfyClient) -> None:
    prompt_id = new_prompt_id()
    comfy.mute_sockets()
    async with asyncio.timeout(60):
        with client.track(prompt_id) as tracking:
            await client.submit(prompt_id, solid_image())
            assert isinstance(await tracking.outcome(), Succeeded)


async def test_a_restart_in_mid_job_loses_it(comfy: StandInComfyUI, client: ComfyClient) -> None:
    prompt_id = new_prompt_id()
    async with asyncio.timeout(60), comfy.set_breakpoint("SandboxSleep") as paused:
        with client.track(prompt_id) as tracking:
            await client.submit(prompt_id, with_sandbox_node(solid_image()))
            await paused.reached.wait()
            await comfy.restart()
            assert isinstance(await tracking.outcome(), Lost)


async def test_a_cached_file_that_is_gone(comfy: StandInComfyUI, client: ComfyClient, tmp_path: Path) -> None:
    for again in (False, True):
        prompt_id = new_prompt_id()
        async with asyncio.timeout(60):
            with client.track(prompt_id) as tracking:
                await client.submit(prompt_id, solid_image())
                outcome = await tracking.outcome()
        assert isinstance(outcome, Succeeded)
        assert outcome.cached is again
        comfy.delete_output("img_00001_.png")
    with pytest.raises(FileGone):
        await client.download(outcome.files[0], tmp_path / "x.png", max_bytes=10_000_000)
