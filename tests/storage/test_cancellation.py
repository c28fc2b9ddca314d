"""A task is cancelled in mid transaction: the transaction ends, and nothing keeps the process from ending."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from bot.domain.jobs import JobState
from bot.storage.database import Database
from bot.storage.jobs import JobRepository
from tests.storage.factories import make_job


def url(folder: Path) -> str:
    return f"sqlite+aiosqlite:///{(folder / 'chorus.db').as_posix()}"


@pytest.mark.parametrize("steps", range(0, 60, 3))
async def test_cancelled_anywhere_no_task_and_no_thread_is_left(tmp_path: Path, steps: int) -> None:
    async with Database.open(url(tmp_path)) as database:
        jobs = JobRepository(database)
        threads, tasks = threading.active_count(), asyncio.all_tasks()
        work = [asyncio.create_task(jobs.add(make_job(), owner="run", fingerprint=str(n))) for n in range(3)]
        for _ in range(steps):
            await asyncio.sleep(0)
        for _ in range(2):  # as `asyncio.run` and a timeout together do
            for task in work:
                task.cancel()
            await asyncio.sleep(0)
        await asyncio.wait(work)
        assert asyncio.all_tasks() == tasks
        assert threading.active_count() <= threads + 3, "the pool keeps its connections"
        stored = await jobs.unfinished("run")
        assert {job.state for job in stored} <= {JobState.QUEUED}
    assert threading.active_count() <= threads


async def test_one_that_waits_to_write_is_cancelled_at_once(tmp_path: Path) -> None:
    async with Database.open(url(tmp_path)) as database:
        jobs = JobRepository(database)
        async with database.write():
            task = asyncio.create_task(jobs.add(make_job(), owner="run", fingerprint="waiting"))
            await asyncio.sleep(0.01)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        assert await jobs.unfinished("run") == []


async def test_a_transaction_that_was_given_up_ends_before_the_database_closes(tmp_path: Path) -> None:
    """Its task was cancelled and not waited for, as at a stop that takes too long."""
    begun, ended = asyncio.Event(), False

    async def slow_transaction() -> None:
        nonlocal ended
        async with database.write():
            begun.set()
            for _ in range(50):
                await asyncio.sleep(0)
        ended = True

    async with Database.open(url(tmp_path)) as database:
        work = asyncio.create_task(database.retrier.run(slow_transaction))
        await begun.wait()
        work.cancel()
    assert ended
    with pytest.raises(asyncio.CancelledError):
        await work
