"""kill -9 around speech: one bubble arrives, whenever it strikes; none twice, none lost."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from tests.conversation.scripted_model import says
from tests.e2e.system import Process
from tests.e2e.voice_system import VoiceSystem, voice_system

BUBBLE = ("POST", "/channels/*/messages")
TURN = ("POST", "/webhooks/*/*")
SAID = "Half past nine, and all is well."

Moment = Callable[[VoiceSystem], AbstractAsyncContextManager[None]]


@pytest.fixture
async def nova(tmp_path: Path) -> AsyncIterator[VoiceSystem]:
    async with voice_system(tmp_path) as made:
        made.model.script = [says(SAID)]
        yield made


def caught(request: tuple[str, str], *, applied: bool) -> Moment:
    @asynccontextmanager
    async def moment(nova: VoiceSystem) -> AsyncGenerator[None]:
        hold = nova.system.discord.faults.set_breakpoint(*request, applied=applied)
        yield
        await hold.wait_reached(timeout=60)

    return moment


def stored(query: str, *row: object) -> Moment:
    @asynccontextmanager
    async def moment(nova: VoiceSystem) -> AsyncGenerator[None]:
        yield
        await nova.system.until_rows(query, row)

    return moment


@asynccontextmanager
async def speaking(nova: VoiceSystem) -> AsyncGenerator[None]:
    async with nova.system.comfy.set_breakpoint("ChatterboxTTS", times=1) as hold:
        yield
        await hold.reached.wait()


MOMENTS: dict[str, Moment] = {
    "turn posted, unrecorded": caught(TURN, applied=True),
    "speech accepted": stored("SELECT count(*) FROM jobs WHERE kind = 'audio'", 1),
    "speaking": speaking,
    "generated, not posted": stored("SELECT state IN ('generated', 'delivered') FROM jobs", 1),
    "bubble unapplied": caught(BUBBLE, applied=False),
    "bubble applied, unrecorded": caught(BUBBLE, applied=True),
    "delivered": stored("SELECT state FROM jobs", "delivered"),
}


async def killed(nova: VoiceSystem, bot: Process, moment: Moment) -> None:
    await bot.ready()
    await nova.use_nova()
    async with moment(nova):
        await nova.ada.send(nova.room, "what time is it?")
    await bot.kill()
    nova.system.discord.faults.clear()


@pytest.mark.parametrize("moment", MOMENTS.values(), ids=MOMENTS.keys())
async def test_killed_at_any_moment_one_bubble_arrives(nova: VoiceSystem, moment: Moment) -> None:
    async with nova.system.start() as bot:
        await killed(nova, bot, moment)
    async with nova.system.start() as bot:
        await bot.ready()
        await nova.bubble()
        await nova.quiet(1)
        code, output = await bot.stop()
    assert code == 0, output
    [bubble] = nova.bubbles
    [turn] = [message for message in nova.room.messages if message.webhook_id is not None]
    assert bubble.reply_to is turn
    assert turn.content == SAID
    assert nova.system.open_deliveries() == 0
    assert nova.system.states() == ["delivered"]
    assert len(nova.system.comfy.log.find("execution_start")) == 1


async def test_what_was_deleted_while_the_bot_was_away_is_not_spoken(nova: VoiceSystem) -> None:
    async with nova.system.start() as bot, nova.system.comfy.set_breakpoint("ChatterboxTTS", times=1) as hold:
        await bot.ready()
        await nova.use_nova()
        await nova.ada.send(nova.room, "what time is it?")
        turn = await nova.turn(SAID)
        await hold.reached.wait()
        await bot.kill()
        await nova.grace.delete(turn)
    async with nova.system.start() as bot:
        await bot.ready()
        await nova.quiet(1)
        await bot.stop()
    assert nova.bubbles == []
