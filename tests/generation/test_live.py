"""The orchestrator against a real ComfyUI: `COMFYUI_URL=http://127.0.0.1:8188 pytest -m live`.

Needs the checkpoint `tiny_random_sd15.safetensors`, which is put into the folder COMFYUI_MODELS where that is set.
Tests of failing nodes and speech also need the custom nodes `TestFail`, `TestOOM`, `TestSleep` and `TestTTS`, and are
skipped without.
"""

import asyncio
import os
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.comfyui.exceptions import FileGone
from bot.comfyui.file_transfer import DownloadedFile
from bot.comfyui.options import ClientOptions
from bot.comfyui.outputs import OutputFile
from bot.comfyui.prompt_state import Succeeded
from bot.domain.attempts import AttemptState
from bot.domain.job_updates import Progress
from bot.domain.jobs import JobKind, JobState
from tests.generation.harness import Graph, Harness, node, open_harness, picture_graph, speech
from tests.live.tiny_models import install_models

URL = os.environ.get("COMFYUI_URL", "")
pytestmark = [pytest.mark.live, pytest.mark.skipif(not URL, reason="COMFYUI_URL is not set")]


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[Harness]:
    if models := os.environ.get("COMFYUI_MODELS"):
        await asyncio.to_thread(install_models, Path(models))
    async with open_harness(tmp_path, URL, options=ClientOptions()) as opened:
        await opened.client.wait_available()
        yield opened


async def need(harness: Harness, *names: str) -> None:
    info = await harness.client.object_info()
    if missing := [name for name in names if name not in info]:
        pytest.skip(f"this ComfyUI has no {', '.join(missing)}")


def through(class_type: str, **inputs: object) -> Graph:
    """The usual picture with a test node before the save node."""
    graph = picture_graph()
    graph["8"] = node(class_type, image=["6", 0], **inputs)
    graph["7"]["inputs"]["images"] = ["8", 0]
    return graph


async def test_every_main_setting_is_executed(harness: Harness) -> None:
    await harness.client.object_info()
    plain = await harness.ended(await harness.draw("a lighthouse", seed=1))
    for overrides in (
        {"sampler": "dpmpp_2m"},
        {"scheduler": "karras"},
        {"denoise": 0.5},
        {"size": "96x64"},
        {"steps": 4, "cfg": 2.0},
    ):
        other = await harness.ended(await harness.draw("a lighthouse", seed=1, overrides=overrides))
        assert other.artifacts[0].sha256 != plain.artifacts[0].sha256
    four = await harness.ended(await harness.draw("a lighthouse", seed=1, overrides={"batch": 4}))
    assert len(four.artifacts) == 4


async def test_a_picture_and_a_batch(harness: Harness) -> None:
    harness.files.graphs[JobKind.IMAGE, "batch"] = picture_graph(batch_size=4)
    one, four = await harness.draw(), await harness.draw(workflow_name="batch")
    assert len((await harness.ended(one)).artifacts) == 1
    assert len((await harness.ended(four)).artifacts) == 4


async def test_steps_are_seen(harness: Harness) -> None:
    harness.files.graphs[JobKind.IMAGE, "default"] = picture_graph(steps=20, width=128, height=128)
    updates = [update for update in await harness.updates(await harness.draw()) if isinstance(update, Progress)]
    fractions = [update.fraction for update in updates if update.fraction is not None]
    assert fractions == sorted(fractions)
    assert len(set(fractions)) > 5
    assert any(update.node_title == "Paint" for update in updates)


async def test_a_file_of_a_cached_run_that_is_gone_is_made_again(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    seed = random.getrandbits(32)
    first = await harness.ended(await harness.draw(seed=seed))
    assert first.state is JobState.GENERATED
    real = harness.client.download
    gone = [True]

    async def deleted_once(file: OutputFile, target: Path, *, max_bytes: int) -> DownloadedFile:
        if gone:
            gone.clear()
            raise FileGone(file)
        return await real(file, target, max_bytes=max_bytes)

    monkeypatch.setattr(harness.client, "download", deleted_once)
    second = await harness.ended(await harness.draw(seed=seed, fresh=True))
    assert second.state is JobState.GENERATED
    assert [attempt.n for attempt in await harness.store.attempts(second.id)] == [0, 1]
    entry = await harness.client.history(str((await harness.store.attempts(second.id))[1].prompt_id))
    assert entry is not None
    assert isinstance(entry.outcome, Succeeded)
    assert not entry.outcome.cached, "the save node ran again"


async def test_a_failing_node_and_too_little_memory(harness: Harness) -> None:
    await need(harness, "TestFail", "TestOOM")
    harness.files.graphs[JobKind.IMAGE, "fail"] = through("TestFail", message=str(random.random()))
    harness.files.graphs[JobKind.IMAGE, "memory"] = through("TestOOM")
    failed = await harness.ended(await harness.draw(workflow_name="fail"))
    memory = await harness.ended(await harness.draw(workflow_name="memory"))
    assert [job.error.code for job in (failed, memory) if job.error] == ["GENERATION_FAILED", "OUT_OF_MEMORY"]
    assert len(await harness.store.attempts(memory.id)) == 2


async def test_a_running_job_is_cancelled(harness: Harness) -> None:
    await need(harness, "TestSleep")
    harness.files.graphs[JobKind.IMAGE, "sleep"] = through("TestSleep", seconds=60 + random.random())
    job = await harness.draw(workflow_name="sleep")
    following = await harness.draw()
    async for update in harness.orchestrator.watch(job.id):
        if isinstance(update, Progress) and update.node_title == "TestSleep":
            assert await harness.orchestrator.cancel(job.id)
    assert (await harness.ended(following)).state is JobState.GENERATED
    assert [attempt.state for attempt in await harness.store.attempts(job.id)] == [AttemptState.CANCELLED]


async def test_missing_model_and_missing_node(harness: Harness) -> None:
    broken = picture_graph()
    broken["6"]["class_type"] = "NoSuchNode"
    harness.files.graphs[JobKind.IMAGE, "model"] = picture_graph(ckpt_name="nope.safetensors")
    harness.files.graphs[JobKind.IMAGE, "node"] = broken
    jobs = [await harness.draw(workflow_name=name) for name in ("model", "node")]
    ended = [await harness.ended(job) for job in jobs]
    assert [job.error.code for job in ended if job.error] == ["MISSING_MODEL", "MISSING_NODE"]


async def test_long_speech(harness: Harness) -> None:
    await need(harness, "TestTTS")
    harness.files.graphs[JobKind.AUDIO, "default"] = {
        "1": node("TestTTS", text="__CHORUS_TEXT__", seed="__CHORUS_SEED__"),
        "2": node("SaveAudio", audio=["1", 0], filename_prefix="audio/live"),
    }
    done = await harness.ended(
        await harness.orchestrator.submit(speech("First sentence.", f"Second {random.random()}."))
    )
    assert done.state is JobState.GENERATED, done.error
    assert done.artifacts[0].media_type == "audio/ogg"


async def test_video(harness: Harness) -> None:
    graph = picture_graph(batch_size=4, width=128, height=128)
    graph["8"] = node("CreateVideo", images=["6", 0], fps=8.0)
    graph["7"] = node("SaveVideo", video=["8", 0], filename_prefix="video/live", format="auto", codec="auto")
    harness.files.graphs[JobKind.VIDEO, "default"] = graph
    request_ = await harness.draw(kind=JobKind.VIDEO)
    done = await harness.ended(request_)
    assert done.state is JobState.GENERATED, done.error
    (artifact,) = done.artifacts
    assert artifact.media_type == "video/mp4"
    assert (artifact.width, artifact.height) == (128, 128)
    assert artifact.duration_seconds == pytest.approx(0.5, abs=0.1)
    assert artifact.thumbnail is not None
    assert artifact.path.startswith("video/")
