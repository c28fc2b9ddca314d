"""The bot is killed (kill -9) in the middle of a request; the local Discord and its state are kept."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from sandbox.discord import LocalDiscord
from tests.processes import spawn
from tests.sandbox.discord.checked_discord import CheckedDiscord

ROOT = Path(__file__).resolve().parents[3]


@asynccontextmanager
async def small_bot(local: LocalDiscord) -> AsyncGenerator[asyncio.subprocess.Process]:
    """The bot in a process of its own, logged in."""
    command = [sys.executable, "-m", "tests.sandbox.discord.small_bot", local.url, local.token]
    process = await spawn(*command, cwd=ROOT)
    try:
        await local.wait_until_bot_ready(timeout=60)
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        await local.wait_until_bot_disconnected()


@pytest.mark.parametrize("applied", [True, False])
async def test_a_bot_killed_during_a_request_can_be_started_again(applied: bool) -> None:
    edit = "/webhooks/*/*/messages/@original"
    async with CheckedDiscord() as local:
        guild = local.add_guild()
        lounge, ada = guild.add_channel("lounge"), guild.add_member("ada")
        async with small_bot(local) as process:
            breakpoint_ = local.faults.set_breakpoint("PATCH", edit, applied=applied)
            answer = await ada.slash(lounge, "slow")
            await breakpoint_.wait_reached()
            process.kill()
            await process.wait()
        breakpoint_.release()
        await local.wait_until(lambda: local.requests_to("PATCH", edit)[0].status)
        assert answer.message.content == "done"
        async with small_bot(local):
            again = await ada.slash(lounge, "slow")
            await lounge.wait_for_edit(again.message, lambda message: message.content == "done")
        assert [message.content for message in lounge.messages] == ["done", "done"]
        assert local.violations == []


async def test_a_request_that_is_lost_with_its_sender_is_not_applied() -> None:
    edit = "/webhooks/*/*/messages/@original"
    async with CheckedDiscord() as local:
        guild = local.add_guild()
        lounge, ada = guild.add_channel("lounge"), guild.add_member("ada")
        async with small_bot(local) as process:
            breakpoint_ = local.faults.set_breakpoint("PATCH", edit)
            answer = await ada.slash(lounge, "slow")
            await breakpoint_.wait_reached()
            process.kill()
            await process.wait()
        breakpoint_.drop()
        await local.wait_until(lambda: local.requests_to("PATCH", edit)[0].finished)
        assert answer.message.content == "working"
