"""A database with all tables, copied: creating the tables takes as long as many a test."""

from __future__ import annotations

import asyncio
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

from bot.storage.database import Database


def migrated_database(path: Path) -> str:
    """Put an empty database of today's schema there, if there is no file, and return its URL."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_content())
    return _url(path)


@cache
def _content() -> bytes:
    with tempfile.TemporaryDirectory(prefix="chorus-test-") as folder, ThreadPoolExecutor(1) as pool:
        path = Path(folder) / "chorus.db"
        pool.submit(lambda: asyncio.run(_migrate(_url(path)))).result()
        return path.read_bytes()


async def _migrate(url: str) -> None:
    async with Database.open(url):
        pass


def _url(path: Path) -> str:
    return f"sqlite+aiosqlite:///{path.as_posix()}"
