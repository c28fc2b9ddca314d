"""A database that another program holds."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from bot.storage.retrying import RetryTimes

QUICK = RetryTimes(busy=0.02, first_pause=0.01, longest_pause=0.05)


@asynccontextmanager
async def locked(path: Path) -> AsyncGenerator[None]:
    """Hold SQLite's write lock, as a database browser does in the middle of a change."""
    # In a thread: a transaction of the bot in this process needs the event loop to end.
    with closing(await asyncio.to_thread(_begin, path)) as other:
        yield
        other.execute("ROLLBACK")


def _begin(path: Path) -> sqlite3.Connection:
    other = sqlite3.connect(path, isolation_level=None, timeout=30, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    return other


async def until_store_waits(caplog: pytest.LogCaptureFixture) -> None:
    """Until a transaction failed and is going to be repeated."""
    async with asyncio.timeout(30):
        while "the database cannot be used now" not in caplog.text:  # noqa: ASYNC110 - a log has no event
            await asyncio.sleep(0.01)
