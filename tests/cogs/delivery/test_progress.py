from __future__ import annotations

import asyncio

import discord

from bot.domain.job_updates import Progress, Waiting
from cogs.delivery.live_message import LiveMessage, MessagePayload
from cogs.delivery.progress_editor import ProgressEditor
from tests.cogs.factories import CHANNEL, GUILD, a_job, refusal

INTERVAL = 0.02


class RecordingMessage(LiveMessage):
    """Remembers what it was made to show; refuses by plan."""

    def __init__(self, *refusals: Exception) -> None:
        client = discord.Client(intents=discord.Intents.none())
        super().__init__(client, channel_id=CHANNEL, message_id=1, guild_id=GUILD)
        self.refusals = list(refusals)
        self.shown: list[str] = []
        self.tries = 0
        self.changed = asyncio.Event()

    async def edit(self, payload: MessagePayload) -> None:
        self.tries += 1
        self.changed.set()
        if self.refusals:
            raise self.refusals.pop(0)
        self.shown.append((payload.embed.description or "") if payload.embed else "")

    async def tried(self, times: int) -> None:
        async with asyncio.timeout(60):
            while self.tries < times:
                self.changed.clear()
                await self.changed.wait()


def at(percent: int, *, seconds: float = 100) -> Progress:
    return Progress(fraction=percent / 100, node_title="KSampler", elapsed_seconds=seconds)


def progress_editor(message: RecordingMessage, *, interval: float = INTERVAL) -> ProgressEditor:
    return ProgressEditor(message, a_job(), "Nova", interval=interval, shown=None)


async def test_the_clock_alone_is_not_worth_an_edit() -> None:
    message = RecordingMessage()
    async with progress_editor(message) as editor:
        editor.put(at(10))
        await message.tried(1)
        editor.put(at(10, seconds=200))
        await asyncio.sleep(3 * INTERVAL)
        editor.put(at(20))
        await message.tried(2)
    assert len(message.shown) == 2
    assert "10 %" in message.shown[0]
    assert "20 %" in message.shown[1]


async def test_of_many_updates_the_newest_is_shown() -> None:
    message = RecordingMessage()
    async with progress_editor(message) as editor:
        for percent in range(1, 50):
            editor.put(at(percent))
        await message.tried(1)
    assert len(message.shown) == 1
    assert "49 %" in message.shown[0]


async def test_nothing_is_edited_when_the_job_is_over_soon_anyway() -> None:
    message = RecordingMessage()
    async with progress_editor(message, interval=5) as editor:
        editor.put(at(90, seconds=9))
        editor.put(Waiting(position=1, expected_seconds=2))
    assert message.tries == 0


async def test_a_discord_that_is_away_for_a_moment_is_tried_again() -> None:
    message = RecordingMessage(refusal(503), ConnectionResetError())
    async with progress_editor(message) as editor:
        for percent in (1, 2, 3):
            editor.put(at(percent))
            await message.tried(percent)
    assert len(message.shown) == 1
    assert " 3 %" in message.shown[0]


async def test_a_message_that_is_gone_is_left_alone() -> None:
    message = RecordingMessage(refusal(404, 10008))
    async with progress_editor(message) as editor:
        editor.put(at(1))
        await message.tried(1)
        editor.put(at(2))
        await asyncio.sleep(3 * INTERVAL)
    assert message.tries == 1
