"""What the bot works on is taken away meanwhile: the webhook that shows it is deleted, its thread is archived."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cogs.delivery import delivery_of
from sandbox.discord import Message, SimulatedChannel
from sandbox.discord.webhooks import delete_webhook
from tests.conversation.scripted_model import says
from tests.e2e.chat_system import ChatSystem
from tests.e2e.system import CHARACTER, DEADLINE, labels
from tests.e2e.voice_system import VoiceSystem, voice_system


@pytest.fixture
async def nova(tmp_path: Path) -> AsyncIterator[VoiceSystem]:
    """Nova speaks when asked."""
    async with voice_system(tmp_path, nova=CHARACTER + "image_generation: {enabled: false}\n") as made:
        yield made


async def drawn_without_webhook(chat: ChatSystem) -> tuple[Message, Message]:
    """The message that showed the character's progress, and the one that shows its picture."""
    chat.model.script = [says("Here. <draw>a boat</draw>"), says("a boat, oil")]
    async with chat.system.running(), chat.system.comfy.set_breakpoint("KSampler", after_step=1) as hold:
        await chat.use("nova")
        await chat.ada.send(chat.room, "draw my boat")
        await hold.reached.wait()
        progress = await chat.room.wait_for_message(lambda shown: "Cancel" in labels(shown))
        assert progress.webhook_id is not None
        delete_webhook(chat.system.discord.context, chat.room.webhooks[0])
        hold.release()
        posted = await chat.room.wait_for_message(lambda shown: "Again" in labels(shown), timeout=DEADLINE)
        await chat.system.until_delivered()
        if not progress.deleted:
            answer = await chat.ada.press(progress, "Cancel")
            assert answer.response.type == 7
    return progress, posted


@pytest.mark.parametrize("may_delete", [True, False], ids=["Manage Messages", "none"])
async def test_a_picture_appears_though_its_webhook_was_deleted(chat: ChatSystem, may_delete: bool) -> None:
    if may_delete:
        chat.system.guild.add_bot_permissions("manage_messages")
    progress, posted = await drawn_without_webhook(chat)
    assert len(posted.attachments) == 1
    assert progress.deleted is may_delete
    # Nobody but its webhook may edit the message, except as the answer to a press of its own button.
    assert may_delete or labels(progress) == []
    assert chat.system.states() == ["delivered"]
    assert chat.system.open_deliveries() == 0


async def spoken_into_archived(nova: VoiceSystem, *, locked: bool) -> tuple[SimulatedChannel, Message]:
    """A thread that is archived while `/speak` works, and the answer of the command."""
    async with nova.system.running(), nova.system.comfy.set_breakpoint("ChatterboxTTS", times=1) as hold:
        thread = await nova.ada.create_thread(nova.room, "aside")
        answer = await nova.ada.slash(thread, "speak", text="Come in.")
        await hold.reached.wait()
        thread.edit(archived=True, locked=locked)
        hold.release()
        await nova.quiet(1)
    return thread, answer.message


@pytest.mark.parametrize("locked", [False, True])
async def test_speech_opens_a_thread_that_was_archived_meanwhile(nova: VoiceSystem, locked: bool) -> None:
    if locked:
        nova.system.guild.add_bot_permissions("manage_threads")
    thread, answer = await spoken_into_archived(nova, locked=locked)
    [shown, voice] = thread.bot_messages
    assert shown is answer
    assert "Cancel" not in labels(answer)
    assert "Come in." in answer.text()
    assert voice.is_voice
    assert voice.reply_to is answer
    assert not thread.channel.archived


async def test_speech_for_a_locked_thread_ends_with_the_reason(nova: VoiceSystem) -> None:
    await spoken_into_archived(nova, locked=True)
    assert nova.system.states() == ["failed"]
    [(error,)] = nova.system.rows("SELECT error FROM jobs")
    assert "NOT_ALLOWED" in str(error)
    assert "locked" in str(error)


async def test_a_deletion_is_noted_before_the_rows_are_read(chat: ChatSystem, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between reading the rows and noting it, the id of the deleted message might be stored: nobody would notice."""
    noted = asyncio.Queue[bool]()
    async with chat.system.running() as (services, bot):
        repository, deletions = services.conversations.repository, delivery_of(bot).outbox.deletions
        delete = repository.delete_by_discord_id

        async def watched(message_id: int) -> object:
            noted.put_nowait(message_id in deletions)
            return await delete(message_id)

        monkeypatch.setattr(repository, "delete_by_discord_id", watched)
        await chat.ada.delete(await chat.ada.send(chat.room, "never mind"))
        assert await asyncio.wait_for(noted.get(), DEADLINE)
