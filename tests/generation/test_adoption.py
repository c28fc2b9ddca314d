"""What a killed process left with ComfyUI is taken up in one look, and ComfyUI's outages in mid-job are told."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from bot.domain.attempts import Attempt, AttemptState, attempt_id
from bot.domain.job_updates import Ended, JobUpdate, Progress
from bot.domain.jobs import Job, JobState
from bot.generation.job_registry import utc_now
from sandbox.comfyui import StandInComfyUI
from tests.generation.harness import Harness, open_harness

DEADLINE = 60


async def leave_unsent(tmp_path: Path, comfy: StandInComfyUI, *, unsent: int) -> list[Job]:
    """Jobs of a process that died with so many attempts prepared and not submitted, and one job beside them."""
    await comfy.kill()
    async with open_harness(tmp_path, comfy.url) as harness:
        jobs = [await harness.draw(f"lighthouse {n}") for n in range(unsent + 1)]
    async with open_harness(tmp_path, comfy.url) as harness:
        for job in jobs[:unsent]:
            attempt = Attempt(
                prompt_id=attempt_id(job.id, 0, 0), job_id=job.id, part=0, n=0, server=comfy.url, created_at=utc_now()
            )
            assert await harness.store.begin_attempt(attempt, job.parameters)
    await comfy.start()
    comfy.log.entries.clear()
    return jobs


async def test_attempts_that_were_never_sent_are_told_in_one_look(tmp_path: Path, comfy: StandInComfyUI) -> None:
    jobs = await leave_unsent(tmp_path, comfy, unsent=6)
    async with open_harness(tmp_path, comfy.url) as harness:
        await harness.orchestrator.recover()
        for job in jobs:
            assert (await harness.ended(job)).state is JobState.GENERATED
        attempts = [await harness.store.attempts(job.id) for job in jobs]
    submitted = comfy.log.find("submitted")
    looks = [one for one in comfy.log.requests("GET", "/queue") if one.time < submitted[0].time]
    assert len(looks) <= 2, "once for all, and once more for those that may have been on their way"
    for states in attempts[:-1]:
        assert [one.state for one in states] == [AttemptState.UNSENT, AttemptState.SUCCEEDED]
    order = [entry.prompt_id for entry in submitted]
    places = [order.index(str(one[-1].prompt_id)) for one in attempts[:-1]]
    assert places == sorted(places), "they keep their order of acceptance"


async def test_nothing_is_prepared_before_what_was_left_is_looked_up(tmp_path: Path, comfy: StandInComfyUI) -> None:
    """Otherwise each process that is killed soon leaves an attempt more, and the next one has more to look up."""
    jobs = await leave_unsent(tmp_path, comfy, unsent=1)
    comfy.faults.latency["/queue"] = 1.0
    async with open_harness(tmp_path, comfy.url) as harness:
        await harness.orchestrator.recover()
        assert (await harness.ended(jobs[-1])).state is JobState.GENERATED
    (asked, *_), (prepared, *_) = comfy.log.requests("GET", "/queue"), comfy.log.requests("GET", "/object_info")
    assert asked.time < prepared.time


async def test_a_comfyui_that_dies_in_mid_job_is_announced_and_its_return_too(
    harness: Harness, comfy: StandInComfyUI
) -> None:
    async with comfy.set_breakpoint("KSampler", times=1) as hold:
        watched = Watched(harness, await harness.draw())
        await hold.reached.wait()
        await watched.until(lambda update: isinstance(update, Progress))
        await comfy.kill()
        await watched.until(lambda update: reason_of(update) == "ComfyUI is away")
        assert (await harness.orchestrator.queue_view()).reason == "ComfyUI is away"
        await comfy.start()
        await watched.until(lambda update: reason_of(update) is None)
    assert (await watched.end()).state is JobState.GENERATED
    async with asyncio.timeout(DEADLINE):
        while (await harness.orchestrator.queue_view()).reason is not None:  # noqa: ASYNC110 - a state without an event
            await asyncio.sleep(0.01)


async def test_a_comfyui_that_accepts_connections_and_says_nothing_is_announced(
    harness: Harness, comfy: StandInComfyUI
) -> None:
    async with comfy.set_breakpoint("KSampler", times=1) as hold:
        watched = Watched(harness, await harness.draw())
        waiting = Watched(harness, await harness.draw("later"))
        await hold.reached.wait()
        comfy.faults.latency["*"] = 30.0
        await watched.until(lambda update: reason_of(update) == "ComfyUI does not answer")
        await waiting.until(lambda update: reason_of(update) == "ComfyUI does not answer")
        comfy.faults.latency.clear()
        await watched.until(lambda update: reason_of(update) is None)
        hold.release()
        for one in (watched, waiting):
            assert (await one.end()).state is JobState.GENERATED
    assert len(comfy.log.find("submitted")) == 2


def reason_of(update: JobUpdate) -> str | None:
    return None if isinstance(update, Ended) else update.reason


class Watched:
    """A job whose updates are read as they come."""

    def __init__(self, harness: Harness, job: Job) -> None:
        self._updates = harness.orchestrator.watch(job.id)
        self._last: JobUpdate | None = None

    async def until(self, wanted: Callable[[JobUpdate], bool]) -> None:
        async with asyncio.timeout(DEADLINE):
            while self._last is None or not wanted(self._last):
                self._last = await anext(self._updates)

    async def end(self) -> Job:
        await self.until(lambda update: isinstance(update, Ended))
        assert isinstance(self._last, Ended)
        return self._last.job
