"""Speech that somebody asks for: /speak, Speak, and what becomes of it when the words change."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.conversation.scripted_model import says
from tests.e2e.system import CHARACTER
from tests.e2e.voice_system import VoiceSystem, voice_system

SILENT = CHARACTER + "image_generation: {enabled: false}\n"


@pytest.fixture
async def nova(tmp_path: Path) -> AsyncIterator[VoiceSystem]:
    """Nova speaks when asked."""
    async with voice_system(tmp_path, nova=SILENT) as made:
        made.model.script = [says("The kettle is on.")]
        yield made


async def test_speak_answers_with_the_words_and_the_bubble_replies(nova: VoiceSystem) -> None:
    async with nova.system.running(), nova.system.comfy.set_breakpoint("ChatterboxTTS", times=1) as hold:
        answer = await nova.ada.slash(nova.room, "speak", text="Come in, **dear** friend!")
        await hold.reached.wait()
        assert "Come in" in answer.message.text()
        assert nova.bubbles == []
        hold.release()
        bubble = await nova.bubble()
        await nova.quiet(1)
    assert bubble.reply_to is answer.message
    assert "> Come in, **dear** friend!" in answer.message.text()
    assert nova.system.rows("SELECT text FROM audio_messages") == [("Come in, dear friend!",)]
    assert nova.room.bot_messages == [answer.message, bubble]


async def test_speak_with_nothing_to_say_is_a_sentence(nova: VoiceSystem) -> None:
    async with nova.system.running():
        answer = await nova.ada.slash(nova.room, "speak", text="🎉 *waves*")
    assert answer.message.ephemeral
    assert "INPUT_INVALID" in answer.message.text()
    assert nova.system.states() == []


async def test_a_failing_voice_is_an_error_on_the_answer(nova: VoiceSystem) -> None:
    nova.system.comfy.faults.failing_nodes["ChatterboxTTS"] = "boom"
    async with nova.system.running():
        answer = await nova.ada.slash(nova.room, "speak", text="Hello there.")
        await nova.room.wait_for_edit(answer.message, lambda shown: "GENERATION_FAILED" in shown.text())
        await nova.system.until_delivered()
    assert nova.room.bot_messages == [answer.message]


async def test_speak_can_be_cancelled(nova: VoiceSystem) -> None:
    async with nova.system.running(), nova.system.comfy.set_breakpoint("ChatterboxTTS", times=1) as hold:
        answer = await nova.ada.slash(nova.room, "speak", text="Hello there.")
        await hold.reached.wait()
        await nova.ada.press(answer.message, "Cancel")
        await nova.room.wait_for_edit(answer.message, lambda shown: "CANCELLED" in shown.text())
    assert nova.bubbles == []


async def test_speak_on_a_persons_message(nova: VoiceSystem) -> None:
    async with nova.system.running():
        words = f"Ask {nova.grace.mention} in {nova.room.mention}."
        message = await nova.ada.send(nova.room, words)
        answer = await nova.grace.context_menu(message, "Speak")
        assert answer.message.ephemeral
        bubble = await nova.bubble()
        await nova.quiet(1)
        again = await nova.ada.context_menu(message, "Speak")
        assert str(bubble.id) in again.message.text()
        of_bubble = await nova.ada.context_menu(bubble, "Speak")
        assert str(bubble.id) in of_bubble.message.text()
    assert bubble.reply_to is message
    assert nova.system.rows("SELECT text FROM audio_messages") == [("Ask grace in studio.",)]
    assert len(nova.bubbles) == 1


async def test_speak_on_a_message_without_words(nova: VoiceSystem) -> None:
    async with nova.system.running():
        message = await nova.ada.send(nova.room, "🎉")
        answer = await nova.ada.context_menu(message, "Speak")
    assert "INPUT_INVALID" in answer.message.text()
    assert nova.system.states() == []


async def test_an_edited_message_is_spoken_as_it_is_now(nova: VoiceSystem) -> None:
    async with nova.system.running(), nova.system.comfy.set_breakpoint("ChatterboxTTS", times=1) as hold:
        message = await nova.ada.send(nova.room, "Meet me at noon.")
        await nova.ada.context_menu(message, "Speak")
        await hold.reached.wait()
        await nova.ada.edit(message, "Meet me at one.")
        await nova.system.until_rows("SELECT state FROM jobs WHERE state = 'cancelled'", ("cancelled",))
        hold.release()
        bubble = await nova.bubble()
        await nova.quiet(2)
    assert bubble.reply_to is message
    assert nova.system.rows("SELECT text FROM audio_messages") == [("Meet me at one.",)]
    assert len(nova.bubbles) == 1


async def test_a_deleted_message_is_not_spoken(nova: VoiceSystem) -> None:
    async with nova.system.running(), nova.system.comfy.set_breakpoint("ChatterboxTTS", times=1) as hold:
        message = await nova.ada.send(nova.room, "A secret.")
        await nova.ada.context_menu(message, "Speak")
        await hold.reached.wait()
        await nova.ada.delete(message)
        await nova.quiet(1)
        hold.release()
    assert nova.bubbles == []
    assert nova.system.states() == ["cancelled"]


async def test_edited_while_the_bubble_is_on_its_way(nova: VoiceSystem) -> None:
    hold = nova.system.discord.faults.set_breakpoint("POST", "/channels/*/messages", applied=True)
    async with nova.system.running():
        message = await nova.ada.send(nova.room, "Left, then right.")
        await nova.ada.context_menu(message, "Speak")
        await hold.wait_reached(timeout=60)
        old = await nova.bubble()
        await nova.ada.edit(message, "Right, then left.")
        await nova.system.until_rows("SELECT count(*) FROM jobs", (2,))
        hold.release()
        await nova.room.wait_for_deletion(old)
        await nova.quiet(2)
    [bubble] = nova.bubbles
    assert bubble is not old
    assert bubble.reply_to is message


async def test_deleting_what_was_spoken_takes_the_voice_along(nova: VoiceSystem) -> None:
    async with nova.system.running():
        message = await nova.ada.send(nova.room, "A secret.")
        await nova.ada.context_menu(message, "Speak")
        bubble = await nova.bubble()
        await nova.quiet(1)
        await nova.ada.delete(message)
        await nova.room.wait_for_deletion(bubble)


async def test_another_alternative_replaces_the_voice(nova: VoiceSystem) -> None:
    async with nova.system.running() as (services, _):
        await nova.use_nova()
        await nova.grace.slash(nova.room, "voice auto", mode="on")
        await nova.ada.send(nova.room, "hello")
        turn = await nova.turn("The kettle is on.")
        first = await nova.bubble()
        await nova.quiet(1)
        stored = await services.conversations.repository.message_by_discord_id(turn.id)
        assert stored is not None
        nova.model.script = [says("The tea is ready.")]
        await services.conversations.regenerate(stored.id)
        await nova.room.wait_for_deletion(first)
        second = await nova.bubble(after=first)
        await nova.quiet(2)
        assert second.reply_to is turn
        await nova.ada.press(turn, "◀")
        await nova.room.wait_for_deletion(second)
        third = await nova.bubble(after=second)
        await nova.quiet(3)
    assert turn.content == "The kettle is on."
    assert third.attachments[0].data == first.attachments[0].data
    assert nova.bubbles == [third]
    assert len(nova.system.comfy.log.find("execution_start")) == 2, "the first words are spoken from disk"


async def test_regenerated_while_it_is_spoken(nova: VoiceSystem) -> None:
    async with (
        nova.system.running() as (services, _),
        nova.system.comfy.set_breakpoint("ChatterboxTTS", times=1) as hold,
    ):
        await nova.use_nova()
        await nova.grace.slash(nova.room, "voice auto", mode="on")
        await nova.ada.send(nova.room, "hello")
        turn = await nova.turn("The kettle is on.")
        await hold.reached.wait()
        stored = await services.conversations.repository.message_by_discord_id(turn.id)
        assert stored is not None
        nova.model.script = [says("The tea is ready.")]
        await services.conversations.regenerate(stored.id)
        await nova.system.until_rows("SELECT state FROM jobs WHERE state = 'cancelled'", ("cancelled",))
        hold.release()
        await nova.bubble()
        await nova.quiet(2)
    assert len(nova.bubbles) == 1
    assert nova.system.rows("SELECT text FROM audio_messages") == [("The tea is ready.",)]


async def test_a_shorter_alternative_keeps_turn_and_voice(nova: VoiceSystem) -> None:
    paragraphs = "\n\n".join(f"Paragraph {n}. " + "word " * 150 for n in range(4))
    nova.model.script = [says(paragraphs), says("Short.")]
    async with nova.system.running() as (services, _):
        await nova.use_nova()
        await nova.ada.send(nova.room, "hello")
        await nova.quiet(0)
        await nova.system.until_rows("SELECT count(*) FROM messages WHERE role = 'assistant'", (1,))
        await nova.quiet(0)
        first, *_ = [message for message in nova.room.messages if message.webhook_id is not None]
        await nova.ada.context_menu(first, "Speak")
        await nova.bubble()
        await nova.quiet(1)
        stored = await services.conversations.repository.message_by_discord_id(first.id)
        assert stored is not None
        old = nova.bubbles[0]
        await services.conversations.regenerate(stored.id)
        await nova.room.wait_for_edit(first, lambda shown: shown.content == "Short.")
        await nova.room.wait_for_deletion(old)
        await nova.bubble(after=old)
        await nova.quiet(2)
        await nova.ada.slash(nova.room, "queue")  # whatever Discord told of the deletions was heard by now
    assert nova.system.rows("SELECT count(*) FROM messages WHERE deleted_at IS NOT NULL") == [(0,)]
    assert len(nova.bubbles) == 1


async def test_a_deleted_turn_takes_its_voice_along(nova: VoiceSystem) -> None:
    async with nova.system.running():
        await nova.use_nova()
        await nova.grace.slash(nova.room, "voice auto", mode="on")
        await nova.ada.send(nova.room, "hello")
        turn = await nova.turn("The kettle is on.")
        bubble = await nova.bubble()
        await nova.quiet(1)
        await nova.grace.delete(turn)
        await nova.room.wait_for_deletion(bubble)
        await nova.system.until_rows("SELECT count(*) FROM messages WHERE deleted_at IS NOT NULL", (1,))


async def test_deleting_only_the_bubble_keeps_the_words(nova: VoiceSystem) -> None:
    async with nova.system.running():
        await nova.use_nova()
        await nova.grace.slash(nova.room, "voice auto", mode="on")
        await nova.ada.send(nova.room, "hello")
        await nova.turn("The kettle is on.")
        bubble = await nova.bubble()
        await nova.quiet(1)
        await nova.grace.delete(bubble)
        await nova.system.until_rows("SELECT state FROM deliveries WHERE kind = 'voice'", ("deleted",))
    assert nova.system.rows("SELECT count(*) FROM messages WHERE deleted_at IS NOT NULL") == [(0,)]


async def test_a_character_for_adults_speaks_among_adults_only(tmp_path: Path) -> None:
    async with voice_system(tmp_path, nova=SILENT + "nsfw: true\n") as nova, nova.system.running():
        refused = await nova.ada.slash(nova.room, "speak", text="Hello.", character="nova")
        assert "NOT_ALLOWED" in refused.message.text()
        message = await nova.ada.send(nova.room, "Hello.")
        refused = await nova.ada.context_menu(message, "Speak")
        assert "NOT_ALLOWED" in refused.message.text()
        adults = nova.system.guild.add_channel("late", nsfw=True)
        await nova.ada.slash(adults, "speak", text="Hello.", character="nova")
        await adults.wait_for_message(lambda shown: shown.is_voice)
        await nova.quiet(1)
