"""The account of a soak notices what is lost, doubled or left over."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from bench._house import open_system, picture
from sandbox.discord import Limits, Message
from soak.account import take_account, until_quiet
from soak.bot_process import BotProcess
from soak.people import People
from soak.plan import Planned


@pytest.mark.slow
async def test_what_is_lost_or_doubled_is_noticed() -> None:
    async with open_system({"default": picture(steps=1)}, limits=Limits(callback_seconds=60)) as system:
        people, bot = People(system), BotProcess(system, system.folder / "output.txt")
        data = system.folder / "data"
        try:
            await bot.start()
            await bot.ready()
            for n in range(3):
                await people.do(Planned(float(n), "imagine", 0.0, n / 10))
            assert await until_quiet(data / "chorus.db", 60)
            assert await bot.stop() == 0
        finally:
            await bot.kill()
        account = await asyncio.to_thread(take_account, people, data)
        assert (account.accepted, account.delivered, account.good) == (3, 3, True)
        await asyncio.to_thread(_spoil, data, people.accepted)
        account = await asyncio.to_thread(take_account, people, data)
        assert (account.accepted, account.delivered) == (3, 2)
        assert account.lost[0].startswith("neither")
        assert account.lost[1] == "1 jobs are open"
        assert any("is on 2 messages" in entry for entry in account.doubled)
        assert any("belongs to nothing" in entry for entry in account.doubled)
        assert account.orphan_files == ["images/left.png"]
        assert len(account.orphan_rows) == 1


def _spoil(data: Path, accepted: list[Message]) -> None:
    """A result without files, one on two messages, a file that is gone, one without a row, and a job that is open."""
    accepted[0].attachments, accepted[1].attachments = [], [*accepted[1].attachments, *accepted[2].attachments]
    (data / "images" / "left.png").write_bytes(b"left")
    with closing(sqlite3.connect(data / "chorus.db")) as database, database:
        (name,) = database.execute("SELECT filename FROM images ORDER BY id LIMIT 1").fetchone()
        (data / name).unlink()
        database.execute("UPDATE jobs SET delivered_at = NULL WHERE number = (SELECT max(number) FROM jobs)")
        database.execute("UPDATE deliveries SET state = 'deleted' WHERE discord_message_id = ?", (accepted[1].id,))
