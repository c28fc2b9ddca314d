"""What the keys of `comfyui` do."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from bot.comfyui.exceptions import ComfyError
from bot.domain.jobs import GenerationRequest, JobState, Origin
from bot.errors import QueueFull
from sandbox.comfyui import StandInComfyUI
from tests.settings_effects.running import ended, made, picture, running, speech


@pytest.mark.setting("comfyui.url")
async def test_jobs_run_on_the_server(tmp_path: Path, comfy: StandInComfyUI) -> None:
    async with running(tmp_path, comfyui={"url": comfy.url}) as services:
        assert (await made(services, picture())).state is JobState.GENERATED
    assert len(comfy.log.find("execution_success")) == 1


@pytest.mark.setting("comfyui.urls")
async def test_jobs_run_on_all_servers_at_the_same_time(tmp_path: Path, comfy: StandInComfyUI) -> None:
    async with (
        StandInComfyUI() as other,
        running(tmp_path, comfyui={"urls": [comfy.url, other.url]}) as services,
        comfy.set_breakpoint("KSampler") as hold,
        other.set_breakpoint("KSampler") as other_hold,
    ):
        jobs = [await services.orchestrator.submit(picture()) for _ in range(2)]
        await hold.reached.wait()
        await other_hold.reached.wait()
        hold.release()
        other_hold.release()
        assert [(await ended(services, job)).state for job in jobs] == [JobState.GENERATED] * 2
    assert len(comfy.log.find("execution_success")) == len(other.log.find("execution_success")) == 1


@pytest.mark.parametrize(
    ("kind", "codes"),
    [
        pytest.param("image", ["GENERATION_TIMEOUT", None], marks=pytest.mark.setting("comfyui.timeout_seconds.image")),
        pytest.param("audio", [None, "GENERATION_TIMEOUT"], marks=pytest.mark.setting("comfyui.timeout_seconds.audio")),
    ],
)
async def test_a_job_that_takes_longer_is_stopped(
    tmp_path: Path, comfy: StandInComfyUI, kind: str, codes: list[str | None]
) -> None:
    """The nodes of both kinds pause; those of the kind with the short limit are interrupted, the others released."""
    slow_class = "KSampler" if kind == "image" else "ChatterboxTTS"
    async with running(tmp_path, comfy.url, comfyui={"timeout_seconds": {kind: 0.2}}) as services:
        async with comfy.set_breakpoint(slow_class):
            limited = await made(services, picture() if kind == "image" else speech("Hello."))
        unlimited = await made(services, speech("Hello.") if kind == "image" else picture())
    jobs = [limited, unlimited] if kind == "image" else [unlimited, limited]
    assert [job.error.code if job.error else None for job in jobs] == codes


class ClosingServer:
    """Accepts connections and closes those for one request as soon as they have sent it."""

    def __init__(self, request_line: bytes) -> None:
        self._request_line = request_line
        self.times: list[float] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if (await reader.readline()).startswith(self._request_line):
            self.times.append(time.monotonic())
        writer.close()


@pytest.mark.setting("comfyui.connection_retry_attempts", "comfyui.connection_retry_backoff")
async def test_a_request_is_tried_so_often_with_doubled_waits(tmp_path: Path) -> None:
    closing = ClosingServer(b"POST /free ")
    async with await asyncio.start_server(closing.serve, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        keys = {"connection_retry_attempts": 4, "connection_retry_backoff": 0.1}
        async with running(tmp_path, url, comfyui=keys) as services:
            with pytest.raises(ComfyError):
                await services.comfy[0].free()
    assert len(closing.times) == 4
    waits = [later - earlier for earlier, later in zip(closing.times, closing.times[1:], strict=False)]
    assert [wait >= least for wait, least in zip(waits, (0.1, 0.2, 0.4), strict=True)] == [True] * 3
    assert sum(waits) < 7, "the default of 1 s would have waited 1 + 2 + 4 s"


@pytest.mark.parametrize(
    "polling",
    [
        pytest.param(
            {"initial_interval_seconds": 0.02},
            marks=pytest.mark.setting("comfyui.polling.initial_interval_seconds"),
        ),
        pytest.param(
            {"initial_interval_seconds": 3600, "max_interval_seconds": 0.02},
            marks=pytest.mark.setting("comfyui.polling.max_interval_seconds"),
        ),
    ],
    ids=["initial", "max"],
)
async def test_without_a_websocket_the_queue_is_asked_so_often(
    tmp_path: Path, comfy: StandInComfyUI, polling: dict[str, Any]
) -> None:
    comfy.faults.reject_websocket = True
    async with (
        running(tmp_path, comfy.url, comfyui={"polling": polling}) as services,
        comfy.set_breakpoint("KSampler") as hold,
    ):
        job = await services.orchestrator.submit(picture())
        await hold.reached.wait()
        started = time.monotonic()
        await comfy.log.wait_until(lambda: comfy.log.requests("GET", "/queue")[29:30])
        assert time.monotonic() - started < 30, "at the default of 2 s it would be a minute"
        hold.release()
        assert (await ended(services, job)).state is JobState.GENERATED


@pytest.mark.setting("comfyui.queue.max_queue_size")
async def test_so_many_jobs_may_wait(tmp_path: Path, comfy: StandInComfyUI) -> None:
    async with (
        running(tmp_path, comfy.url, comfyui={"queue": {"max_queue_size": 2}}) as services,
        comfy.set_breakpoint("KSampler") as hold,
    ):
        first = await services.orchestrator.submit(picture(requester_id=1))
        await hold.reached.wait()
        waiting = [await services.orchestrator.submit(picture(requester_id=person)) for person in (2, 3)]
        with pytest.raises(QueueFull):
            await services.orchestrator.submit(picture(requester_id=4))
        hold.release()
        assert [(await ended(services, job)).state for job in (first, *waiting)] == [JobState.GENERATED] * 3


@pytest.mark.setting("comfyui.queue.max_per_user")
async def test_so_many_jobs_of_one_person_may_wait(tmp_path: Path, comfy: StandInComfyUI) -> None:
    async with (
        running(tmp_path, comfy.url, comfyui={"queue": {"max_per_user": 1}}) as services,
        comfy.set_breakpoint("KSampler") as hold,
    ):
        first = await services.orchestrator.submit(picture(requester_id=1))
        await hold.reached.wait()
        waiting = await services.orchestrator.submit(picture(requester_id=1))
        with pytest.raises(QueueFull):
            await services.orchestrator.submit(picture(requester_id=1))
        other = await services.orchestrator.submit(picture(requester_id=2))
        hold.release()
        assert [(await ended(services, job)).state for job in (first, waiting, other)] == [JobState.GENERATED] * 3


async def _refused(
    tmp_path: Path, comfy: StandInComfyUI, limit: str, waits: GenerationRequest, more: GenerationRequest
) -> None:
    """With the limit at 1 and one job waiting another one is refused; by default it is accepted."""
    async with comfy.set_breakpoint("KSampler") as hold:
        async with running(tmp_path / "limited", comfy.url, comfyui={"queue": {limit: 1}}) as services:
            await services.orchestrator.submit(picture(requester_id=1))
            await hold.reached.wait()
            await services.orchestrator.submit(waits)
            with pytest.raises(QueueFull):
                await services.orchestrator.submit(more)
        async with running(tmp_path / "default", comfy.url) as services:
            for request in (picture(requester_id=1), waits, more):
                await services.orchestrator.submit(request)


@pytest.mark.setting("comfyui.queue.max_per_guild")
async def test_so_many_jobs_of_one_discord_server_may_wait(tmp_path: Path, comfy: StandInComfyUI) -> None:
    here = {"origin": Origin(guild_id=5, channel_id=7)}
    await _refused(tmp_path, comfy, "max_per_guild", picture(requester_id=2, **here), picture(requester_id=3, **here))


@pytest.mark.setting("comfyui.queue.max_images")
async def test_so_many_pictures_may_wait(tmp_path: Path, comfy: StandInComfyUI) -> None:
    await _refused(tmp_path, comfy, "max_images", picture(requester_id=2), picture(requester_id=3))


@pytest.mark.setting("comfyui.queue.max_audio")
async def test_so_many_voices_may_wait(tmp_path: Path, comfy: StandInComfyUI) -> None:
    await _refused(tmp_path, comfy, "max_audio", speech("One."), speech("Two."))
