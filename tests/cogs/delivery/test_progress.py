from __future__ import annotations

import asyncio

import discord

from bot.domain.job_updates import Progress, Waiting
from cogs.delivery._live import Face, LiveMessage
from cogs.delivery._progress import Painter
from tests.cogs.making import CHANNEL, GUILD, a_job, refusal

INTERVAL = 0.02


class Canvas(LiveMessage):
    """Remembers what it was made to show; refuses by plan."""

    def __init__(self, *refusals: Exception) -> None:
        client = discord.Client(intents=discord.Intents.none())
        super().__init__(client, channel_id=CHANNEL, message_id=1, guild_id=GUILD)
        self.refusals = list(refusals)
        self.shown: list[str] = []
        self.tries = 0
        self.changed = asyncio.Event()

    async def edit(self, face: Face) -> None:
        self.tries += 1
        self.changed.set()
        if self.refusals:
            raise self.refusals.pop(0)
        self.shown.append((face.embed.description or "") if face.embed else "")

    async def tried(self, times: int) -> None:
        async with asyncio.timeout(60):
            while self.tries < times:
                self.changed.clear()
                await self.changed.wait()


def at(percent: int, *, seconds: float = 100) -> Progress:
    return Progress(fraction=percent / 100, node_title="KSampler", elapsed_seconds=seconds)


def painter(canvas: Canvas, *, interval: float = INTERVAL) -> Painter:
    return Painter(canvas, a_job(), "Nova", interval=interval, shown=None)


async def test_the_clock_alone_is_not_worth_an_edit() -> None:
    canvas = Canvas()
    async with painter(canvas) as brush:
        brush.put(at(10))
        await canvas.tried(1)
        brush.put(at(10, seconds=200))
        for _ in range(3):
            await brush.settle()
        brush.put(at(20))
        await canvas.tried(2)
    assert len(canvas.shown) == 2
    assert "10 %" in canvas.shown[0]
    assert "20 %" in canvas.shown[1]


async def test_of_many_updates_the_newest_is_shown() -> None:
    canvas = Canvas()
    async with painter(canvas) as brush:
        for percent in range(1, 50):
            brush.put(at(percent))
        await canvas.tried(1)
    assert len(canvas.shown) == 1
    assert "49 %" in canvas.shown[0]


async def test_nothing_is_painted_when_the_job_is_over_soon_anyway() -> None:
    canvas = Canvas()
    async with painter(canvas, interval=5) as brush:
        brush.put(at(90, seconds=9))
        brush.put(Waiting(position=1, expected_seconds=2))
    assert canvas.tries == 0


async def test_a_discord_that_is_away_for_a_moment_is_painted_for_again() -> None:
    canvas = Canvas(refusal(503), ConnectionResetError())
    async with painter(canvas) as brush:
        for percent in (1, 2, 3):
            brush.put(at(percent))
            await canvas.tried(percent)
    assert len(canvas.shown) == 1
    assert " 3 %" in canvas.shown[0]


async def test_a_message_that_is_gone_is_left_alone() -> None:
    canvas = Canvas(refusal(404, 10008))
    async with painter(canvas) as brush:
        brush.put(at(1))
        await canvas.tried(1)
        brush.put(at(2))
        for _ in range(3):
            await brush.settle()
    assert canvas.tries == 1
