"""kill -9 after each transition and between each act and its record, against a ComfyUI that goes on."""

import asyncio
import os
import signal
import sqlite3
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from bot.domain.attempts import AttemptState
from bot.domain.jobs import Job, JobQuery, JobState, Origin
from sandbox.comfyui import StandInComfyUI
from tests.generation.harness import Harness, open_harness, picture
from tests.generation.killed_process import PARTS, files, run_until_killed
from tests.processes import ForkedProcess

DEADLINE = 60

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="kill -9 is a POSIX thing")


async def run_until_killed_at(tmp_path: Path, url: str, point: str) -> int:
    """Run the process to its violent end."""
    process = await ForkedProcess.start(run_until_killed, tmp_path, url, point)
    try:
        async with asyncio.timeout(DEADLINE):
            errors, _ = await process.communicate()
    finally:
        process.kill()
        await process.wait()
    code = process.returncode
    assert code in {0, -signal.SIGKILL}, errors.decode()[-3000:]
    return code


async def all_jobs(harness: Harness) -> list[Job]:
    return await harness.store.recent(JobQuery(limit=100))


async def recover_and_finish(tmp_path: Path, comfy: StandInComfyUI) -> list[Job]:
    """Start again, in this process, and see every job of before to its end."""
    async with open_harness(tmp_path, comfy.url, files=files()) as harness:
        shown = [job.id for job in await harness.orchestrator.recover()]
        for job in await all_jobs(harness):
            if not job.state.ended:
                done = await harness.ended(job)
                assert done.state in {JobState.GENERATED, JobState.DELIVERED}, done.error
                await harness.orchestrator.mark_delivered(job.id)
        jobs = await all_jobs(harness)
        assert len(shown) == len(set(shown))
        await check(harness, comfy, jobs)
        return jobs


async def check(harness: Harness, comfy: StandInComfyUI, jobs: list[Job]) -> None:
    """Each accepted job has exactly one result, made by exactly one run of each part, with its files and rows."""
    drawn = Counter(entry.prompt_id for entry in comfy.log.find("submitted"))
    wanted: set[str] = set()
    for job in jobs:
        assert job.state is JobState.DELIVERED
        assert job.delivered_at is not None
        attempts = await harness.store.attempts(job.id)
        parts = len(job.request.text_parts) or 1
        succeeded = [attempt for attempt in attempts if attempt.state is AttemptState.SUCCEEDED]
        assert sorted(attempt.part for attempt in succeeded) == list(range(parts))
        assert not any(attempt.state.open for attempt in attempts)
        runs = sum(drawn[str(attempt.prompt_id)] for attempt in attempts)
        assert runs == parts, "drawn once, not twice"
        for artifact in job.artifacts:
            path = harness.data / artifact.path
            assert path.stat().st_size == artifact.size
            wanted |= {artifact.path, str(Path(artifact.path).with_suffix(".json"))}
            wanted |= {name for name in (artifact.thumbnail, artifact.original) if name}
        assert len(job.artifacts) == (1 if job.request.text_parts else 2)
    originals = {path for path in harness.paths() if "_original_" in path}
    assert set(harness.paths()) == wanted | originals, "nothing half-made remains"
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
    assert await run_until_killed_at(tmp_path, comfy.url, point) == -signal.SIGKILL
    jobs = await recover_and_finish(tmp_path, comfy)
    if point != "before:add:1":
        assert jobs


async def test_killed_again_and_again(tmp_path: Path, comfy: StandInComfyUI) -> None:
    """Also in the midst of the recovery from the kill before."""
    for point in ("after:begin_attempt:1", "after:submit:1", "before:finish:1", "before:mark_delivered:1"):
        assert await run_until_killed_at(tmp_path, comfy.url, point) == -signal.SIGKILL
    await recover_and_finish(tmp_path, comfy)


async def test_without_a_kill_nothing_is_left(tmp_path: Path, comfy: StandInComfyUI) -> None:
    assert await run_until_killed_at(tmp_path, comfy.url, "none") == 0
    jobs = await recover_and_finish(tmp_path, comfy)
    assert len(jobs) == 3


# -- restarts in good order, with ComfyUI in every state


async def test_a_running_prompt_takes_the_gpu_first_and_is_followed(tmp_path: Path, comfy: StandInComfyUI) -> None:
    async with comfy.set_breakpoint("KSampler", times=1) as hold:
        async with open_harness(tmp_path, comfy.url) as harness:
            job = await harness.draw()
            later = await harness.draw("later")
            await hold.reached.wait()
        async with open_harness(tmp_path, comfy.url) as harness:
            await harness.orchestrator.recover()
            new = await harness.draw("new")
            view = await harness.orchestrator.queue_view()
            assert [entry.job_id for entry in view.waiting] == [later.id, new.id]
            assert len(comfy.log.find("submitted")) == 1
            hold.release()
            for one in (job, later, new):
                assert (await harness.ended(one)).state is JobState.GENERATED
            assert [attempt.n for attempt in await harness.store.attempts(job.id)] == [0]
    assert len(comfy.log.find("submitted")) == 3


async def test_a_login_in_the_address_is_not_stored_and_todays_rows_are_followed(
    tmp_path: Path, comfy: StandInComfyUI
) -> None:
    with_login = comfy.url.replace("://", "://ada:s3cret@")
    async with comfy.set_breakpoint("KSampler", times=1) as hold:
        async with open_harness(tmp_path, with_login) as harness:
            job = await harness.draw()
            await hold.reached.wait()
        data = tmp_path / "data"
        assert not [path for path in data.rglob("*") if path.is_file() and b"s3cret" in path.read_bytes()]
        with closing(sqlite3.connect(data / "chorus.db")) as database, database:  # as it was stored before
            database.execute("UPDATE attempts SET server = ?", (with_login,))
        async with open_harness(tmp_path, with_login) as harness:
            await harness.orchestrator.recover()
            hold.release()
            assert (await harness.ended(job)).state is JobState.GENERATED
            assert [attempt.n for attempt in await harness.store.attempts(job.id)] == [0]
    assert len(comfy.log.find("submitted")) == 1


async def test_a_prompt_that_ended_meanwhile_is_collected(tmp_path: Path, comfy: StandInComfyUI) -> None:
    async with comfy.set_breakpoint("KSampler", times=1) as hold:
        async with open_harness(tmp_path, comfy.url) as harness:
            job = await harness.draw()
            await hold.reached.wait()
        hold.release()
        await comfy.log.wait_for("execution_success")
    async with open_harness(tmp_path, comfy.url) as harness:
        await harness.orchestrator.recover()
        assert (await harness.ended(job)).state is JobState.GENERATED
    assert len(comfy.log.find("submitted")) == 1


async def test_comfyui_restarted_meanwhile(tmp_path: Path, comfy: StandInComfyUI) -> None:
    async with comfy.set_breakpoint("KSampler", times=1) as hold:
        async with open_harness(tmp_path, comfy.url) as harness:
            job = await harness.draw()
            await hold.reached.wait()
        await comfy.restart()
    async with open_harness(tmp_path, comfy.url) as harness:
        await harness.orchestrator.recover()
        assert (await harness.ended(job)).state is JobState.GENERATED
        first, second = [attempt.state for attempt in await harness.store.attempts(job.id)]
        # UNSENT where the first process was closed before it had the answer to its POST.
        assert first in {AttemptState.LOST, AttemptState.UNSENT}
        assert second is AttemptState.SUCCEEDED


async def test_comfyui_is_away_at_start(tmp_path: Path, comfy: StandInComfyUI) -> None:
    async with comfy.set_breakpoint("KSampler", times=1) as hold:
        async with open_harness(tmp_path, comfy.url) as harness:
            job = await harness.draw()
            queued = await harness.draw()
            await hold.reached.wait()
        await comfy.kill()
    async with open_harness(tmp_path, comfy.url) as harness:
        await harness.orchestrator.recover()
        assert (await harness.orchestrator.queue_view()).reason == "ComfyUI is away"
        assert await harness.orchestrator.cancel(queued.id)
        await comfy.start()
        assert (await harness.ended(job)).state is JobState.GENERATED


async def test_a_cancelled_prompt_that_still_runs_is_interrupted_and_waited_for(
    tmp_path: Path, comfy: StandInComfyUI
) -> None:
    async with comfy.set_breakpoint("KSampler", interruptible=False, times=1) as hold:
        async with open_harness(tmp_path, comfy.url) as harness:
            job = await harness.draw()
            await hold.reached.wait()
            assert await harness.orchestrator.cancel(job.id)
        async with open_harness(tmp_path, comfy.url) as harness:
            unshown = await harness.orchestrator.recover()
            assert [one.id for one in unshown] == [job.id], "the person was not told yet"
            following = await harness.draw()
            await comfy.log.wait_for("interrupt")
            assert len(comfy.log.find("submitted")) == 1
            hold.release()
            assert (await harness.ended(following)).state is JobState.GENERATED
            assert await harness.store.open_attempts("run") == []


async def test_undelivered_results_and_errors_are_handed_back_until_shown(
    tmp_path: Path, comfy: StandInComfyUI
) -> None:
    async with open_harness(tmp_path, comfy.url) as harness:
        done = await harness.ended(await harness.draw())
        comfy.faults.failing_nodes["KSampler"] = "boom"
        failed = await harness.ended(await harness.draw())
    async with open_harness(tmp_path, comfy.url) as harness:
        assert [job.id for job in await harness.orchestrator.recover()] == [done.id, failed.id]
        for job in (done, failed):
            await harness.orchestrator.mark_delivered(job.id)
        assert await harness.store.undelivered("run") == []
        stored = await harness.orchestrator.job(failed.id)
        assert stored is not None
        assert stored.state is JobState.FAILED


async def test_jobs_of_a_terminal_that_is_gone_are_ended_not_taken_up(tmp_path: Path, comfy: StandInComfyUI) -> None:
    await comfy.kill()
    async with open_harness(tmp_path, comfy.url, owner="terminal-1") as harness:
        job = await harness.orchestrator.submit(picture(requester=0))
    async with open_harness(tmp_path, comfy.url) as harness:
        assert await harness.orchestrator.recover() == []
        assert (await harness.orchestrator.queue_view()).waiting == ()
        stored = await harness.orchestrator.job(job.id)
        assert stored is not None
        assert stored.state is JobState.FAILED


async def test_what_a_killed_process_was_writing_is_swept_away(tmp_path: Path, comfy: StandInComfyUI) -> None:
    await comfy.kill()
    async with open_harness(tmp_path, comfy.url) as harness:
        await harness.draw()
        await harness.orchestrator.submit(picture().model_copy(update={"origin": Origin()}))
        for place in ("channel-5", "terminal"):
            for name, age in ((".part-old.json", 3600), (".part-new.json", 0)):
                await asyncio.to_thread(_write, harness.data / "images" / place / name, age)
    async with open_harness(tmp_path, comfy.url) as harness:
        await harness.orchestrator.recover()
        assert harness.paths() == ["images/terminal/.part-new.json"], "a terminal command may be writing that now"


def _write(path: Path, age: float) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("{")
    modified = time.time() - age
    os.utime(path, (modified, modified))


async def test_it_comes_before_the_first_submit(harness: Harness) -> None:
    await harness.draw()
    with pytest.raises(RuntimeError, match="before the first submit"):
        await harness.orchestrator.recover()


async def test_a_job_that_cannot_be_read_does_not_stop_the_others(tmp_path: Path, comfy: StandInComfyUI) -> None:
    async with comfy.set_breakpoint("KSampler") as hold:
        async with open_harness(tmp_path, comfy.url, files=files()) as harness:
            jobs = [await harness.draw(f"lighthouse {n}") for n in range(4)]
            await hold.reached.wait()
        with closing(sqlite3.connect(tmp_path / "data" / "chorus.db", isolation_level=None)) as database:
            spoil = "UPDATE jobs SET request = json_set(request, '$.invented_later', 1) WHERE id = ?"
            database.executemany(spoil, [(str(jobs[0].id),), (str(jobs[2].id),)])  # one is with ComfyUI, one waits
        async with open_harness(tmp_path, comfy.url, files=files()) as harness:
            assert await harness.orchestrator.recover() == []
            hold.release()
            ended = [await harness.ended(jobs[n]) for n in (1, 3)]
    assert [job.state for job in ended] == [JobState.GENERATED] * 2
