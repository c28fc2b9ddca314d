"""A database that another program locks: without a limit a task waits, with one it gives up and nothing is written."""

import asyncio
import gc
import importlib
import inspect
import pkgutil
import time
from pathlib import Path
from typing import Any

import pytest

import bot.storage
from bot.errors import ConfigError, StorageUnavailable
from bot.storage import database as database_module
from bot.storage.database import Database
from bot.storage.guild_settings import GuildSettings
from bot.storage.jobs import JobRepository
from bot.storage.retrying import RetryTimes
from bot.storage.waiting import limit_interaction, store_deadline, waiting_for_store
from tests.locked_database import locked, until_store_waits
from tests.storage.factories import make_job

FILE = "chorus.db"


@pytest.fixture
def jobs(quick_retries: None, database: Database) -> JobRepository:
    return JobRepository(database)


async def soon(seconds: float) -> float:
    return asyncio.get_running_loop().time() + seconds


async def test_a_write_waits_for_the_lock_without_limit(
    jobs: JobRepository, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    job = make_job()
    async with locked(tmp_path / FILE):
        adding = asyncio.create_task(jobs.add(job, owner="run"))
        await until_store_waits(caplog)
        assert await jobs.get(job.id) is None  # readers do not wait
        assert not adding.done()
    await adding
    assert await jobs.get(job.id) == job


async def test_writes_that_waited_together_are_all_done(
    jobs: JobRepository, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    waiting = [make_job() for _ in range(30)]
    async with locked(tmp_path / FILE):
        adding = asyncio.gather(*(jobs.add(job, owner="run") for job in waiting))
        await until_store_waits(caplog)
    await adding
    assert {job.id for job in await jobs.unfinished("run")} == {job.id for job in waiting}


async def test_a_task_with_a_limit_gives_up_and_nothing_is_written(jobs: JobRepository, tmp_path: Path) -> None:
    job = make_job()
    async with locked(tmp_path / FILE):
        patient = asyncio.create_task(jobs.add(make_job(), owner="run"))
        began = time.monotonic()
        with waiting_for_store(until=await soon(0.3)), pytest.raises(StorageUnavailable) as caught:
            await jobs.add(job, owner="run")
        assert 0.1 < time.monotonic() - began < 5
    assert caught.value.code == "STORAGE_UNAVAILABLE"
    await patient
    assert await jobs.get(job.id) is None


async def test_a_task_with_a_limit_does_not_wait_for_others_that_wait(url: str, tmp_path: Path) -> None:
    async with Database.open(url, RetryTimes(busy=0.3, first_pause=0.01, longest_pause=0.01)) as database:
        jobs = JobRepository(database)
        async with locked(tmp_path / FILE):
            patient = asyncio.gather(*(jobs.add(make_job(), owner="run") for _ in range(40)))  # 12 s for one try each
            await asyncio.sleep(0)
            began = time.monotonic()
            with waiting_for_store(until=await soon(0.1)), pytest.raises(StorageUnavailable):
                await jobs.add(make_job(), owner="run")
            assert time.monotonic() - began < 6
        await patient


async def test_a_task_past_its_limit_waits_for_a_slow_writer(database: Database) -> None:
    jobs, job = JobRepository(database), make_job()

    async def add() -> None:
        with waiting_for_store(until=await soon(-1)):
            await jobs.add(job, owner="run")

    async with database.write():
        adding = asyncio.create_task(add())
        await asyncio.wait({adding}, timeout=0.6)
        assert not adding.done()
    await adding
    assert await jobs.get(job.id) == job


async def test_a_limit_is_the_tasks_own() -> None:
    async def deadline_elsewhere() -> float | None:
        return store_deadline()

    limit_interaction()
    assert store_deadline() is not None
    assert await asyncio.create_task(deadline_elsewhere()) is None
    with waiting_for_store(until=None):
        assert store_deadline() is None
    assert store_deadline() is not None


async def test_what_waits_when_the_database_is_closed_ends(
    quick_retries: None, url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with Database.open(url):
        pass
    async with locked(tmp_path / FILE):
        async with Database.open(url) as database:
            adding = asyncio.create_task(JobRepository(database).add(make_job(), owner="run"))
            await until_store_waits(caplog)
        with pytest.raises(RuntimeError, match="closed"):
            await adding


async def test_a_locked_database_can_be_opened(url: str, tmp_path: Path) -> None:
    async with Database.open(url):
        pass
    async with locked(tmp_path / FILE), Database.open(url) as database:
        assert await JobRepository(database).unfinished("run") == []


async def test_a_new_database_that_stays_locked_is_told_at_the_start(
    quick_retries: None, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "_OPEN_SECONDS", 0.3)
    async with locked(tmp_path / FILE):
        with pytest.raises(ConfigError, match="locked"):
            async with Database.open(url):
                pass
    gc.collect()  # a connection that was left open would warn now


async def test_memory_follows_the_database_only(quick_retries: None, database: Database, tmp_path: Path) -> None:
    settings = GuildSettings(database)
    async with locked(tmp_path / FILE):
        with waiting_for_store(until=await soon(0.1)), pytest.raises(StorageUnavailable):
            await settings.set(1, "voice", value=True)
        assert settings.get(1, "voice") is None


def repository_methods() -> list[Any]:
    """Every public coroutine method of a class in `bot.storage` that has a database."""
    found: dict[str, Any] = {}
    for module in pkgutil.iter_modules(bot.storage.__path__, "bot.storage."):
        if module.ispkg:
            continue
        for name, kind in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
            if kind.__module__ == module.name and "database" in getattr(kind.__init__, "__annotations__", {}):
                for method, function in inspect.getmembers(kind, inspect.iscoroutinefunction):
                    if not method.startswith("_"):
                        found[f"{name}.{method}"] = function
    assert len(found) > 50
    return [pytest.param(function, id=name) for name, function in found.items()]


@pytest.mark.parametrize("method", repository_methods())
def test_every_method_of_a_repository_is_repeated(method: Any) -> None:
    assert hasattr(method, "__wrapped__")
