"""A damaged or lost database stops the start with advice, and is left as it is."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path

import pytest

from bot.errors import ConfigError
from bot.storage.database import Database
from bot.storage.jobs import JobRepository
from tests.storage.factories import make_job

PAGE = 4096
JOBS = 300


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A database with some hundred pages that was opened and closed."""
    path = tmp_path / "chorus.db"

    async def add_jobs(database: Database) -> None:
        for _ in range(JOBS):
            await JobRepository(database).add(make_job(), owner="run")

    opened(path, add_jobs)
    assert path.stat().st_size > 40 * PAGE
    assert not path.with_name("chorus.db-wal").exists()
    return path


async def nothing(_: Database) -> None:
    """For a database that is opened and closed only."""


def opened(path: Path, use: Callable[[Database], Awaitable[None]] = nothing) -> None:
    """Open a database as the bot does, use it and close it."""

    async def run() -> None:
        async with Database.open(f"sqlite+aiosqlite:///{path}") as database:
            await use(database)

    asyncio.run(run())


def overwrite(path: Path, offset: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(data)


def page_in_the_middle(path: Path) -> None:
    overwrite(path, path.stat().st_size // PAGE // 2 * PAGE, b"\xa5" * PAGE)


def header(path: Path) -> None:
    overwrite(path, 0, b"\0" * 100)


def truncated(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)


def within_a_page(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - 1000)


def schema(path: Path) -> None:
    overwrite(path, 100, b"\xff" * 500)


@pytest.mark.parametrize("damage", [page_in_the_middle, header, truncated, within_a_page, schema])
def test_damage_stops_the_start(path: Path, damage: Callable[[Path], None]) -> None:
    damage(path)
    before = path.read_bytes()
    with pytest.raises(ConfigError, match="is damaged") as raised:
        opened(path)
    assert "chorus restore" in raised.value.advice
    assert path.read_bytes() == before


def gone(path: Path) -> None:
    path.unlink()


def empty(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize("lose", [gone, empty])
def test_a_lost_database_is_not_made_anew(path: Path, lose: Callable[[Path], None]) -> None:
    lose(path)
    before = path.read_bytes() if path.exists() else None
    with pytest.raises(ConfigError, match="gone or empty") as raised:
        opened(path)
    assert "chorus restore" in raised.value.advice
    assert (path.read_bytes() if path.exists() else None) == before
    path.with_name("chorus.db.opened").unlink()
    opened(path)
    assert path.stat().st_size > PAGE


def test_a_database_whose_tables_were_in_a_lost_wal_is_not_made_anew(tmp_path: Path) -> None:
    """As after kill -9 of the first run, when somebody deletes the files that look temporary."""
    path = tmp_path / "chorus.db"
    killed = tmp_path / "killed"
    killed.mkdir()

    def copy() -> None:
        for file in tmp_path.glob("chorus.db*"):
            (killed / file.name).write_bytes(file.read_bytes())

    async def copy_as_it_is(_: Database) -> None:
        await asyncio.to_thread(copy)

    opened(path, copy_as_it_is)
    wal = killed / "chorus.db-wal"
    assert wal.stat().st_size > PAGE
    opened(_copy(killed, tmp_path / "whole"))
    wal.unlink()
    (killed / "chorus.db-shm").unlink()
    with pytest.raises(ConfigError, match="gone or empty"):
        opened(killed / "chorus.db")


def _copy(folder: Path, target: Path) -> Path:
    target.mkdir()
    for file in folder.iterdir():
        (target / file.name).write_bytes(file.read_bytes())
    return target / "chorus.db"


def test_a_sound_database_is_opened_again(path: Path) -> None:
    opened(path)
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("SELECT count(*) FROM jobs").fetchone() == (JOBS,)
