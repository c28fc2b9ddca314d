"""The bot is killed (kill -9) in the middle of a request; the local Discord and what is in it live on."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from sandbox.discord import LocalDiscord

ROOT = Path(__file__).resolve().parents[3]


@asynccontextmanager
async def small_bot(local: LocalDiscord) -> AsyncGenerator[asyncio.subprocess.Process]:
    """The bot in a process of its own, logged in."""
    command = [sys.executable, "-m", "tests.sandbox.discord.small_bot", local.url, local.token]
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT)
    try:
        await local.wait_until_bot_ready(timeout=60)
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        await local.wait_until_bot_disconnected()


@pytest.mark.parametrize("applied", [True, False])
async def test_a_bot_killed_in_the_act_finds_everything_again(applied: bool) -> None:
    edit = "/webhooks/*/*/messages/@original"
    async with LocalDiscord() as local:
        guild = local.add_guild()
        room, ada = guild.add_channel("lounge"), guild.add_member("ada")
        async with small_bot(local) as process:
            hold = local.faults.set_breakpoint("PATCH", edit, applied=applied)
            answer = await ada.slash(room, "slow")
            await hold.wait_reached()
            process.kill()
            await process.wait()
        hold.release()
        await local.wait_until(lambda: local.requests_to("PATCH", edit)[0].status)
        assert answer.message.content == "done"
        async with small_bot(local):
            again = await ada.slash(room, "slow")
            await room.wait_for_edit(again.message, lambda message: message.content == "done")
        assert [message.content for message in room.messages] == ["done", "done"]
        assert local.violations == []


async def test_a_request_that_is_lost_with_its_sender_is_not_applied() -> None:
    edit = "/webhooks/*/*/messages/@original"
    async with LocalDiscord() as local:
        guild = local.add_guild()
        room, ada = guild.add_channel("lounge"), guild.add_member("ada")
        async with small_bot(local) as process:
            hold = local.faults.set_breakpoint("PATCH", edit)
            answer = await ada.slash(room, "slow")
            await hold.wait_reached()
            process.kill()
            await process.wait()
        hold.drop()
        await local.wait_until(lambda: local.requests_to("PATCH", edit)[0].finished)
        assert answer.message.content == "working"
