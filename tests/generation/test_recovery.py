"""kill -9 after each transition and between each act and its record, against a ComfyUI that goes on."""

import asyncio
import os
import signal
import time
from collections import Counter
from pathlib import Path

import pytest

from bot.domain.attempts import AttemptState
from bot.domain.jobs import Job, JobQuery, JobState, Origin
from sandbox.comfyui import StandInComfyUI
from tests.forked_process import ForkedProcess
from tests.generation.house import House, open_house, picture
from tests.generation.victim import PARTS, files, victim

DEADLINE = 60

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="kill -9 is a POSIX thing")


async def run_victim(tmp_path: Path, url: str, point: str) -> int:
    """Run the process to its violent end."""
    process = await ForkedProcess.start(victim, tmp_path, url, point)
    try:
        async with asyncio.timeout(DEADLINE):
            errors, _ = await process.communicate()
    finally:
        process.kill()
        await process.wait()
    code = process.returncode
    assert code in {0, -signal.SIGKILL}, errors.decode()[-3000:]
    return code


async def all_jobs(house: House) -> list[Job]:
    return await house.store.recent(JobQuery(limit=100))


async def recover_and_finish(tmp_path: Path, comfy: StandInComfyUI) -> list[Job]:
    """Start again, in this process, and see every job of before to its end."""
    async with open_house(tmp_path, comfy.url, files=files()) as house:
        shown = [job.id for job in await house.orchestrator.recover()]
        for job in await all_jobs(house):
            if not job.state.ended:
                done = await house.ended(job)
                assert done.state in {JobState.GENERATED, JobState.DELIVERED}, done.error
                await house.orchestrator.mark_delivered(job.id)
        jobs = await all_jobs(house)
        assert len(shown) == len(set(shown))
        await check(house, comfy, jobs)
        return jobs


async def check(house: House, comfy: StandInComfyUI, jobs: list[Job]) -> None:
    """Each accepted job has exactly one result, made by exactly one run of each part, with its files and rows."""
    drawn = Counter(entry.prompt_id for entry in comfy.log.find("submitted"))
    wanted: set[str] = set()
    for job in jobs:
        assert job.state is JobState.DELIVERED
        assert job.delivered_at is not None
        attempts = await house.store.attempts(job.id)
        parts = len(job.request.text_parts) or 1
        succeeded = [attempt for attempt in attempts if attempt.state is AttemptState.SUCCEEDED]
        assert sorted(attempt.part for attempt in succeeded) == list(range(parts))
        assert not any(attempt.state.open for attempt in attempts)
        runs = sum(drawn[str(attempt.prompt_id)] for attempt in attempts)
        assert runs == parts, "drawn once, not twice"
        for artifact in job.artifacts:
            path = house.data / artifact.path
            assert path.stat().st_size == artifact.size
            wanted |= {artifact.path, str(Path(artifact.path).with_suffix(".json"))}
            wanted |= {name for name in (artifact.thumbnail, artifact.original) if name}
        assert len(job.artifacts) == (1 if job.request.text_parts else 2)
    originals = {path for path in house.paths() if "_original_" in path}
    assert set(house.paths()) == wanted | originals, "nothing half-made remains"
    assert len(originals) == len(PARTS) * sum(bool(job.request.text_parts) for job in jobs)


POINTS = [
    *(f"{when}:{method}:1" for method in ("add", "begin_attempt", "mark_submitted", "finish", "mark_delivered")
      for when in ("before", "after")),
    "after:add:3",
    "before:begin_attempt:2",
    "before:submit:1",
    "after:submit:2",
    "after:download:1",
    "before:download:2",
    "after:submit:3",
    "before:end_attempt:1",  # the first part of the speech is on the disk, and not recorded
    "after:end_attempt:1",
    "after:begin_attempt:4",
    "before:finish:3",
    "after:finish:3",
]  # fmt: skip


@pytest.mark.parametrize("point", POINTS)
async def test_killed_at(tmp_path: Path, comfy: StandInComfyUI, point: str) -> None:
    assert await run_victim(tmp_path, comfy.url, point) == -signal.SIGKILL
    jobs = await recover_and_finish(tmp_path, comfy)
    if point != "before:add:1":
        assert jobs


async def test_killed_again_and_again(tmp_path: Path, comfy: StandInComfyUI) -> None:
    """Also in the midst of the recovery from the kill before."""
    for point in ("after:begin_attempt:1", "after:submit:1", "before:finish:1", "before:mark_delivered:1"):
        assert await run_victim(tmp_path, comfy.url, point) == -signal.SIGKILL
    await recover_and_finish(tmp_path, comfy)


async def test_without_a_kill_nothing_is_left(tmp_path: Path, comfy: StandInComfyUI) -> None:
    assert await run_victim(tmp_path, comfy.url, "none") == 0
    jobs = await recover_and_finish(tmp_path, comfy)
    assert len(jobs) == 3


# -- restarts in good order, with ComfyUI in every state


async def test_a_running_prompt_takes_the_gpu_first_and_is_followed(tmp_path: Path, comfy: StandInComfyUI) -> None:
    async with comfy.set_breakpoint("KSampler", times=1) as hold:
        async with open_house(tmp_path, comfy.url) as house:
            job = await house.draw()
            later = await house.draw("later")
            await hold.reached.wait()
        async with open_house(tmp_path, comfy.url) as house:
            await house.orchestrator.recover()
            new = await house.draw("new")
            view = house.orchestrator.queue_view()
            assert [entry.job_id for entry in view.waiting] == [later.id, new.id]
            assert len(comfy.log.find("submitted")) == 1
            hold.release()
            for one in (job, later, new):
                assert (await house.ended(one)).state is JobState.GENERATED
            assert [attempt.n for attempt in await house.store.attempts(job.id)] == [0]
    assert len(comfy.log.find("submitted")) == 3


async def test_a_prompt_that_ended_meanwhile_is_collected(tmp_path: Path, comfy: StandInComfyUI) -> None:
    async with comfy.set_breakpoint("KSampler", times=1) as hold:
        async with open_house(tmp_path, comfy.url) as house:
            job = await house.draw()
            await hold.reached.wait()
        hold.release()
        await comfy.log.wait_for("execution_success")
    async with open_house(tmp_path, comfy.url) as house:
        await house.orchestrator.recover()
        assert (await house.ended(job)).state is JobState.GENERATED
    assert len(comfy.log.find("submitted")) == 1


async def test_comfyui_restarted_meanwhile(tmp_path: Path, comfy: StandInComfyUI) -> None:
    async with comfy.set_breakpoint("KSampler", times=1) as hold:
        async with open_house(tmp_path, comfy.url) as house:
            job = await house.draw()
            await hold.reached.wait()
        await comfy.restart()
    async with open_house(tmp_path, comfy.url) as house:
        await house.orchestrator.recover()
        assert (await house.ended(job)).state is JobState.GENERATED
        first, second = [attempt.state for attempt in await house.store.attempts(job.id)]
        # UNSENT where the first process was closed before it had the answer to its POST.
        assert first in {AttemptState.LOST, AttemptState.UNSENT}
        assert second is AttemptState.SUCCEEDED


async def test_comfyui_is_away_at_start(tmp_path: Path, comfy: StandInComfyUI) -> None:
    async with comfy.set_breakpoint("KSampler", times=1) as hold:
        async with open_house(tmp_path, comfy.url) as house:
            job = await house.draw()
            queued = await house.draw()
            await hold.reached.wait()
        await comfy.kill()
    async with open_house(tmp_path, comfy.url) as house:
        await house.orchestrator.recover()
        assert house.orchestrator.queue_view().reason == "ComfyUI is away"
        assert await house.orchestrator.cancel(queued.id)
        await comfy.start()
        assert (await house.ended(job)).state is JobState.GENERATED


async def test_a_cancelled_prompt_that_still_runs_is_interrupted_and_waited_for(
    tmp_path: Path, comfy: StandInComfyUI
) -> None:
    async with comfy.set_breakpoint("KSampler", interruptible=False, times=1) as hold:
        async with open_house(tmp_path, comfy.url) as house:
            job = await house.draw()
            await hold.reached.wait()
            assert await house.orchestrator.cancel(job.id)
        async with open_house(tmp_path, comfy.url) as house:
            unshown = await house.orchestrator.recover()
            assert [one.id for one in unshown] == [job.id], "the person was not told yet"
            following = await house.draw()
            await comfy.log.wait_for("interrupt")
            assert len(comfy.log.find("submitted")) == 1
            hold.release()
            assert (await house.ended(following)).state is JobState.GENERATED
            assert await house.store.open_attempts("run") == []


async def test_undelivered_results_and_errors_are_handed_back_until_shown(
    tmp_path: Path, comfy: StandInComfyUI
) -> None:
    async with open_house(tmp_path, comfy.url) as house:
        done = await house.ended(await house.draw())
        comfy.faults.failing_nodes["KSampler"] = "boom"
        failed = await house.ended(await house.draw())
    async with open_house(tmp_path, comfy.url) as house:
        assert [job.id for job in await house.orchestrator.recover()] == [done.id, failed.id]
        for job in (done, failed):
            await house.orchestrator.mark_delivered(job.id)
        assert await house.store.undelivered("run") == []
        stored = await house.orchestrator.job(failed.id)
        assert stored is not None
        assert stored.state is JobState.FAILED


async def test_jobs_of_a_terminal_that_is_gone_are_ended_not_taken_up(tmp_path: Path, comfy: StandInComfyUI) -> None:
    await comfy.kill()
    async with open_house(tmp_path, comfy.url, owner="terminal-1") as house:
        job = await house.orchestrator.submit(picture(requester=0))
    async with open_house(tmp_path, comfy.url) as house:
        assert await house.orchestrator.recover() == []
        assert house.orchestrator.queue_view().waiting == ()
        stored = await house.orchestrator.job(job.id)
        assert stored is not None
        assert stored.state is JobState.FAILED


async def test_what_a_killed_process_was_writing_is_swept_away(tmp_path: Path, comfy: StandInComfyUI) -> None:
    await comfy.kill()
    async with open_house(tmp_path, comfy.url) as house:
        await house.draw()
        await house.orchestrator.submit(picture().model_copy(update={"origin": Origin()}))
        for place in ("channel-5", "terminal"):
            for name, age in ((".part-old.json", 3600), (".part-new.json", 0)):
                await asyncio.to_thread(_write, house.data / "images" / place / name, age)
    async with open_house(tmp_path, comfy.url) as house:
        await house.orchestrator.recover()
        assert house.paths() == ["images/terminal/.part-new.json"], "a terminal command may be writing that now"


def _write(path: Path, age: float) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("{")
    modified = time.time() - age
    os.utime(path, (modified, modified))


async def test_it_comes_before_the_first_submit(house: House) -> None:
    await house.draw()
    with pytest.raises(RuntimeError, match="before the first submit"):
        await house.orchestrator.recover()
