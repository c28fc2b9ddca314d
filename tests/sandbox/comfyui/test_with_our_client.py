"""Our own client against the stand-in: what the bot will meet in the demo."""

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
from tests.sandbox.comfyui.talk import drawing, held, node, picture

HASTE = ClientOptions(retry_backoff=0.02, reconnect_max=0.1, poll_initial=0.05, poll_max=0.1, watchdog_after_submit=0.2)


@pytest.fixture
async def client(comfy: StandInComfyUI) -> AsyncIterator[ComfyClient]:
    async with ComfyClient(comfy.url, HASTE) as opened:
        await comfy.log.wait_for("socket_open")
        yield opened


def fresh() -> str:
    return str(uuid.uuid4())


async def test_a_drawing_with_steps_previews_and_a_file(client: ComfyClient, tmp_path: Path) -> None:
    mine, updates = fresh(), list[ExecutionUpdate]()
    async with asyncio.timeout(60):
        with client.track(mine) as tracking:
            await client.submit(mine, drawing("a lighthouse at dusk"))
            updates += [each async for each in tracking]
            outcome = await tracking.outcome()
    assert isinstance(outcome, Succeeded)
    assert [each.value for each in updates if isinstance(each, NodeProgress)][-1] == 4
    assert any(isinstance(each, PreviewFrame) for each in updates)
    downloaded = await client.download(outcome.files[0], tmp_path / "x.png", max_bytes=10_000_000)
    assert downloaded.path.read_bytes().startswith(b"\x89PNG")


async def test_refusals_are_understood(client: ComfyClient) -> None:
    with pytest.raises(MissingNodeType):
        await client.submit(fresh(), {"1": node("NoSuchNode")})
    graph = drawing()
    graph["4"]["inputs"]["ckpt_name"] = "nope.safetensors"
    with pytest.raises(MissingModelFile):
        await client.submit(fresh(), graph)


async def test_cancelling_pending_and_running(comfy: StandInComfyUI, client: ComfyClient) -> None:
    running, pending = fresh(), fresh()
    async with asyncio.timeout(60), comfy.set_breakpoint("SandboxSleep") as hold:
        with client.track(running) as tracking:
            await client.submit(running, held(picture()))
            await client.submit(pending, picture(color=3))
            await hold.reached.wait()
            assert await client.prompt_state(pending) == Pending(1, client.client_id)
            assert await client.cancel(pending)
            assert await client.prompt_state(pending) == Absent()
            assert await client.cancel(running)
            assert isinstance(await tracking.outcome(), Interrupted)


async def test_a_submission_whose_answer_is_lost_is_not_repeated(comfy: StandInComfyUI, client: ComfyClient) -> None:
    mine = fresh()
    comfy.faults.posts.append(PostFault.APPLIED_THEN_DROPPED)
    async with asyncio.timeout(60):
        with client.track(mine) as tracking:
            await client.submit(mine, picture())
            assert isinstance(await tracking.outcome(), Succeeded)
    assert len(comfy.log.find("submitted")) == 1


async def test_a_deaf_socket_is_survived(comfy: StandInComfyUI, client: ComfyClient) -> None:
    mine = fresh()
    comfy.mute_sockets()
    async with asyncio.timeout(60):
        with client.track(mine) as tracking:
            await client.submit(mine, picture())
            assert isinstance(await tracking.outcome(), Succeeded)


async def test_a_restart_in_mid_job_loses_it(comfy: StandInComfyUI, client: ComfyClient) -> None:
    mine = fresh()
    async with asyncio.timeout(60), comfy.set_breakpoint("SandboxSleep") as hold:
        with client.track(mine) as tracking:
            await client.submit(mine, held(picture()))
            await hold.reached.wait()
            await comfy.restart()
            assert isinstance(await tracking.outcome(), Lost)


async def test_a_cached_file_that_is_gone(comfy: StandInComfyUI, client: ComfyClient, tmp_path: Path) -> None:
    for again in (False, True):
        mine = fresh()
        async with asyncio.timeout(60):
            with client.track(mine) as tracking:
                await client.submit(mine, picture())
                outcome = await tracking.outcome()
        assert isinstance(outcome, Succeeded)
        assert outcome.cached is again
        comfy.delete_output("img_00001_.png")
    with pytest.raises(FileGone):
        await client.download(outcome.files[0], tmp_path / "x.png", max_bytes=10_000_000)
