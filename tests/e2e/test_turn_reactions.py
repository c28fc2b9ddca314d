"""Again, of words and voices: every reaction and button of chat turns and voice messages, by whom they are for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sandbox.discord import Message
from tests.conversation.scripted_model import says
from tests.e2e.drawing_system import press, told
from tests.e2e.system import CHARACTER, labels
from tests.e2e.voice_system import VoiceSystem, voice_system

QUIET = CHARACTER + "image_generation: {enabled: false}\nvoice: {always_on: false}\n"


@pytest.fixture
async def nova(tmp_path: Path) -> AsyncIterator[VoiceSystem]:
    """Nova speaks when she is asked to."""
    async with voice_system(tmp_path, nova=QUIET) as made:
        made.model.script = [says("The first."), says("The second."), says("The third.")]
        yield made


async def said(nova: VoiceSystem) -> Message:
    """A turn that stands."""
    await nova.use_nova()
    await nova.ada.send(nova.room, "hello")
    turn = await nova.turn("The first.")
    await nova.quiet(0)
    return turn


async def test_a_reaction_makes_a_new_alternative_in_place_also_after_a_restart(nova: VoiceSystem) -> None:
    async with nova.system.running():
        turn = await said(nova)
    async with nova.system.running():
        await nova.system.bob.add_reaction(turn, "🔁")
        await nova.room.wait_for_edit(turn, lambda shown: shown.content == "The second." and bool(shown.components))
        assert labels(turn) == ["◀", "2 / 2", "▶", "Speak"]
        menu = await nova.system.bob.context_menu(turn, "Regenerate")
        assert "on its way" in told(menu)
        await nova.room.wait_for_edit(turn, lambda shown: "3 / 3" in labels(shown))
        assert turn.content == "The third."
        info = await nova.system.bob.context_menu(turn, "Info")
        assert "3 of 3" in told(info)
        await nova.quiet(0)
    assert [message for message in nova.room.messages if message.webhook_id is not None] == [turn]


async def test_words_are_spoken_by_reaction_button_and_menu(nova: VoiceSystem) -> None:
    async with nova.system.running():
        turn = await said(nova)
        await nova.system.bob.add_reaction(turn, "🔊")
        first = await nova.bubble()
        await nova.quiet(1)
        assert first.reply_to is turn
        await nova.system.bob.add_reaction(turn, "🔁")
        await nova.room.wait_for_edit(turn, lambda shown: "Speak" in labels(shown))
        text = await nova.ada.send(nova.room, "read this aloud, please", ping=False)
        await nova.system.bob.add_reaction(text, "🔊")
        spoken = await nova.room.wait_for_message(lambda shown: shown.is_voice and shown.reply_to is text)
        assert spoken
        answer = await press(nova.system.bob, turn, "Speak")
        assert "voice" in told(answer) or "spoken" in told(answer)


async def test_a_voice_message_is_spoken_again_and_taken_along(nova: VoiceSystem) -> None:
    async with nova.system.running():
        turn = await said(nova)
        await nova.system.bob.add_reaction(turn, "🔊")
        bubble = await nova.bubble()
        await nova.quiet(1)
    async with nova.system.running():
        await nova.ada.add_reaction(bubble, "🔁")
        again = await nova.bubble(after=bubble)
        assert again.reply_to is bubble
        await nova.quiet(2)
        await nova.ada.add_reaction(bubble, "✉️")
        sent = await nova.ada.dm_channel.wait_for_message(lambda shown: len(shown.attachments) == 2)
        assert sent.attachments[0].data[:4] == b"OggS"
        await nova.ada.add_reaction(again, "🗑️")
        await nova.ada.add_reaction(bubble, "🗑️")
        await nova.room.wait_for_deletion(again)
        await nova.system.bob.add_reaction(bubble, "🗑️")
        await nova.room.wait_for_deletion(bubble)
    rows = nova.system.rows("SELECT requester_id, seed, parent_job_id IS NULL FROM jobs ORDER BY number")
    assert [row[0] for row in rows] == [nova.system.bob.id, nova.ada.id]
    assert rows[0][1] != rows[1][1]
    assert [row[2] for row in rows] == [1, 0]


async def test_turns_are_deleted_by_whom_they_answer_and_moderators_and_sent_to_anyone(nova: VoiceSystem) -> None:
    async with nova.system.running():
        turn = await said(nova)
        await nova.system.bob.add_reaction(turn, "🗑️")
        await nova.system.bob.add_reaction(turn, "✉️")
        sent = await nova.system.bob.dm_channel.wait_for_message(lambda shown: shown.content == "The first.")
        assert sent
        assert not turn.deleted
        await nova.ada.add_reaction(turn, "🗑️")
        await nova.room.wait_for_deletion(turn)
        await nova.system.until_rows("SELECT count(*) FROM messages WHERE deleted_at IS NOT NULL", (1,))
        await nova.ada.send(nova.room, "once more")
        second = await nova.turn("The second.")
        await nova.quiet(0)
        await nova.grace.add_reaction(second, "🗑️")
        await nova.room.wait_for_deletion(second)


async def test_who_may_not_write_asks_for_nothing(nova: VoiceSystem) -> None:
    async with nova.system.running():
        turn = await said(nova)
        nova.room.set_permissions(nova.system.bob, deny=["send_messages"])
        await nova.system.bob.add_reaction(turn, "🔁")
        await nova.system.bob.add_reaction(turn, "🔊")
        assert "NOT_ALLOWED" in told(await nova.system.bob.context_menu(turn, "Regenerate"))
        await nova.quiet(0)
    assert turn.content == "The first."
    assert nova.bubbles == []
