"""kill -9 at random moments under mixed load: pictures, talk and automatic voice. Nothing is lost, doubled or stuck.

`make test-long` kills a hundred times, `make test` a few times with the same code.
"""

from __future__ import annotations

import contextlib
import random
from pathlib import Path

import pytest

from sandbox.discord import Message
from tests.conversation.scripted_model import says
from tests.e2e.system import CHARACTER, labels, name_of
from tests.e2e.voice_system import ALL_TOLD, OPEN_TURNS, VoiceSystem, voice_system

NOVA = CHARACTER + "voice: {always_on: true}\n"
SAID = "Half past nine, and all is well."
MAX_REQUESTS_BEFORE_KILL = 40
"""A picture, a turn and its speech together need about so many requests to Discord."""


@pytest.mark.long
@pytest.mark.timeout(3000)
async def test_killed_at_random_moments_nothing_is_lost_or_doubled(tmp_path: Path, long_run: bool) -> None:
    random.seed(20261121)
    async with voice_system(tmp_path, nova=NOVA) as nova:
        nova.model.script = [says("Half past ", "nine, ", "and all is well.", pause=0.02)]
        accepted: list[Message] = []
        async with nova.system.start() as bot:
            await bot.ready()
            await nova.use_nova()
            await bot.kill()
        for number in range(100 if long_run else 3):
            accepted += await _lives_until_killed(nova, number)
        async with nova.system.start() as bot:
            await bot.ready()
            await nova.ada.send(nova.room, "the last question")
            await nova.system.until_rows("SELECT count(*) FROM messages WHERE content = 'the last question'", (1,))
            await nova.system.until_rows("SELECT count(*) FROM messages WHERE state IN ('queued', 'running')", (0,))
            await nova.system.until_rows(OPEN_TURNS, (0,))
            await nova.system.until_rows("SELECT count(*) FROM jobs WHERE delivered_at IS NULL", (0,))
            await nova.system.until_rows(ALL_TOLD, (0,))
            code, output = await bot.stop()
        assert code == 0, output
        _assert_pictures(nova, accepted)
        _assert_turns(nova)


async def _lives_until_killed(nova: VoiceSystem, number: int) -> list[Message]:
    """Start the bot, ask for a picture, say something, and kill the bot; the accepted pictures' messages."""
    discord = nova.system.discord
    async with nova.system.start() as bot:
        await bot.ready()
        first = len(discord.requests)
        answer = await nova.system.bob.slash(nova.room, "imagine", prompt=f"boat {number}", wait=False)
        await nova.ada.send(nova.room, f"question {number}")
        count = first + random.randint(1, MAX_REQUESTS_BEFORE_KILL)
        with contextlib.suppress(TimeoutError):  # everything was done with fewer requests
            await discord.wait_until(lambda: len(discord.requests) >= count, timeout=5)
        await bot.kill()
        # What Discord took of the answer counts: a press that was never answered has failed for the person.
        message = answer.message if answer.responded else None
        answer.interaction.failed = message is None
    return [message] if message is not None else []


def _assert_pictures(nova: VoiceSystem, accepted: list[Message]) -> None:
    """Each accepted picture is there once, and no other."""
    for message in accepted:
        assert len(message.attachments) == 1, message.versions
        assert "Cancel" not in labels(message)
    assert [message for message in nova.room.messages if ".png" in name_of(message)] == accepted
    assert nova.system.rows("SELECT count(*) FROM jobs WHERE kind = 'image' AND state = 'delivered'") == [
        (len(accepted),)
    ]


def _assert_turns(nova: VoiceSystem) -> None:
    """Each question is stored, each turn stands once and whole, and each was spoken once."""
    asked = [message.content for message in nova.room.messages if "question" in message.content]
    stored = nova.system.rows("SELECT content FROM messages WHERE role = 'user'")
    assert sorted(content for (content,) in stored) == sorted(asked)
    # The answer to an interaction has a webhook's id too: the application's.
    turns = [message for message in nova.room.messages if message.webhook_id is not None and not message.attachments]
    assert {turn.content for turn in turns} == {SAID}
    assert nova.system.rows("SELECT count(*) FROM messages WHERE role = 'assistant'") == [(len(turns),)]
    assert sorted(bubble.reply_to.id for bubble in nova.bubbles if bubble.reply_to is not None) == [
        turn.id for turn in turns
    ]
    assert len(nova.bubbles) == len(turns)
    assert nova.system.open_deliveries() == 0
