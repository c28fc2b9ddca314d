"""What people write: stored, answered, edited, deleted, and found again in the next prompt."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.domain.channels import Channel
from bot.domain.conversations import AnswerMode, ChatRole, Message
from bot.domain.jobs import JobState
from bot.storage.conversations import ConversationRepository
from bot.storage.database import Database
from tests.conversation.harness import CHANNEL, GUILD, Harness, open_harness
from tests.conversation.scripted_model import says


async def test_a_message_is_answered_and_both_are_remembered(harness: Harness) -> None:
    harness.server.script = [says("Hello ", "Ada.")]
    await harness.say_and_wait("hi")
    assert harness.presenter.finished == ["Hello Ada."]
    assert [(each.role, each.text, each.state) for each in await harness.history()] == [
        (ChatRole.USER, "hi", JobState.DELIVERED),
        (ChatRole.ASSISTANT, "Hello Ada.", JobState.DELIVERED),
    ]


async def test_the_next_answer_knows_the_history(harness: Harness) -> None:
    await harness.say_and_wait("my boat is red")
    await harness.say_and_wait("which colour?")
    assert harness.last_history() == ["Ada: my boat is red", "Hello.", "Ada: which colour?"]


async def test_messages_that_arrive_during_an_answer_are_answered_together(harness: Harness) -> None:
    gate = asyncio.Event()
    harness.server.script = [says("One", ".", gate=gate), says("Two.")]
    await harness.say("first")
    await harness.server.wait_asked(1)
    await harness.say("second", author="Bo")
    await harness.say("third", author="Cy")
    gate.set()
    await harness.answered()
    assert harness.presenter.finished == ["One.", "Two."]
    assert harness.prompts() == ["Ada: first", "Bo: second\nCy: third"]


async def test_the_same_discord_message_is_stored_once(harness: Harness) -> None:
    first = await harness.say("hi", discord_message_id=7)
    assert first is not None
    assert await harness.say("hi", discord_message_id=7) is None
    await harness.answered()
    assert len(harness.presenter.posts) == 1


async def test_a_message_without_text_is_not_stored(harness: Harness) -> None:
    assert await harness.say("") is None
    await harness.answered()
    assert harness.presenter.posts == []


async def test_an_edited_message_changes_the_history(harness: Harness) -> None:
    await harness.say_and_wait("my boat is red", discord_message_id=7)
    await harness.repository.edit_user_message(7, "my boat is blue")
    await harness.say_and_wait("which colour?")
    assert harness.last_history()[0] == "Ada: my boat is blue"


async def test_a_deleted_message_leaves_the_history(harness: Harness) -> None:
    await harness.say_and_wait("a secret", discord_message_id=7)
    await harness.service.delete_message(7)
    await harness.service.delete_message(8)
    await harness.say_and_wait("what did I say?")
    assert harness.last_history() == ["Ada: what did I say?"]


async def test_an_answer_to_a_deleted_message_is_cancelled(harness: Harness) -> None:
    gate = asyncio.Event()
    harness.server.script = [says("Half", " a word", gate=gate)]
    await harness.say("a secret", discord_message_id=7)
    await harness.server.wait_asked(1)
    await harness.service.delete_message(7)
    await harness.answered()
    gate.set()
    [post] = harness.presenter.posts
    assert post.finished is None
    assert harness.presenter.deleted == [post.turn_id]


async def test_a_discord_thread_begins_with_its_parents_history_and_keeps_its_own(harness: Harness) -> None:
    await harness.say_and_wait("in the channel")
    discord_thread = Channel(guild_id=GUILD, channel_id=77, parent_id=CHANNEL)
    await harness.say_and_wait("in the thread", channel=discord_thread)
    await harness.say_and_wait("later in the channel")
    await harness.say_and_wait("again in the thread", channel=discord_thread)
    assert harness.last_history() == [
        "Ada: in the channel",
        "Hello.",
        "Ada: in the thread",
        "Hello.",
        "Ada: again in the thread",
    ]


async def test_in_mode_mention_everything_is_read_and_only_mentions_are_answered(harness: Harness) -> None:
    await harness.service.channels.bind_character(CHANNEL, GUILD, "nova", mode=AnswerMode.MENTION)
    await harness.say_and_wait("not for you")
    assert harness.presenter.posts == []
    await harness.say_and_wait("but this", mentions_bot=True)
    assert harness.prompts() == ["Ada: not for you\nAda: but this"]


async def test_another_character_called_by_name_answers(harness: Harness) -> None:
    await harness.say_and_wait("Alex, what do you think?")
    assert "You are Alex" in harness.server.asked[0]["messages"][0]["content"]
    assert (await harness.history())[1].character_id == "alex"


async def test_a_character_for_adults_answers_in_age_restricted_channels_only(harness: Harness) -> None:
    assert await harness.say("Eve, are you there?") is None
    assert (
        await harness.say("Eve, and here?", channel=Channel(guild_id=GUILD, channel_id=CHANNEL, age_restricted=True))
        is not None
    )
    await harness.answered()
    assert harness.prompts() == ["Ada: Eve, and here?"]


async def test_a_character_keeps_its_last_conversation_when_it_is_bound_again(harness: Harness) -> None:
    await harness.say_and_wait("remember me")
    await harness.service.channels.bind_character(CHANNEL, GUILD, "alex")
    await harness.say_and_wait("hello")
    assert harness.last_history() == ["Ada: hello"]
    await harness.service.channels.bind_character(CHANNEL, GUILD, "nova")
    await harness.say_and_wait("hello again")
    assert harness.last_history()[0] == "Ada: remember me"


async def missed(harness: Harness, *texts: str, **other: Any) -> list[Message]:
    stored = [await harness.say(text, missed=True, **other) for text in texts]
    return [message for message in stored if message is not None]


async def test_of_missed_messages_only_the_newest_is_answered(harness: Harness) -> None:
    stored = await missed(harness, "Alex, any news?", "and you?")
    await harness.answered()
    assert harness.presenter.posts == []
    await harness.service.answer_newest(stored)
    await harness.answered()
    assert harness.prompts() == ["Ada: Alex, any news?\nAda: and you?"]
    assert [each.character_id for each in await harness.history()] == ["alex", "nova", "nova"]


async def test_missed_messages_that_are_old_or_want_no_answer_get_none(harness: Harness) -> None:
    await harness.service.channels.bind_character(CHANNEL, GUILD, "nova", mode=AnswerMode.MENTION)
    old = await missed(harness, "hello?", mentions_bot=True, created_at=datetime.now(UTC) - timedelta(minutes=11))
    await harness.service.answer_newest([*old, *await missed(harness, "not for you")])
    await harness.answered()
    assert [each.text for each in await harness.history()] == ["hello?", "not for you"]


async def test_a_missed_message_is_answered_also_after_a_crash_before_its_answer_was_scheduled(
    harness: Harness,
) -> None:
    await missed(harness, "and you?")
    presenter = await harness.restart()
    await harness.answered()
    assert presenter.finished == ["Hello."]
    assert harness.prompts() == ["Ada: and you?"]


@pytest.mark.parametrize("minutes", [-60, 11, 600])
async def test_a_message_is_answered_whatever_the_difference_of_the_clocks(harness: Harness, minutes: int) -> None:
    await harness.say_and_wait("hello?", created_at=datetime.now(UTC) - timedelta(minutes=minutes))
    assert harness.presenter.finished == ["Hello."]


@pytest.mark.setting("conversation.answer_missed_within_minutes")
async def test_without_time_for_missed_messages_all_others_are_answered(tmp_path: Path) -> None:
    async with open_harness(tmp_path, answer_missed_within=timedelta(0)) as harness:
        gate = asyncio.Event()
        harness.server.script = [says("One", ".", gate=gate), says("Two.")]
        await harness.say("first")
        await harness.server.wait_asked(1)
        await harness.say("second", author="Bo")
        gate.set()
        await harness.answered()
        assert harness.presenter.finished == ["One.", "Two."]
        assert await missed(harness, "third") != []
        await harness.answered()
        assert len(harness.presenter.posts) == 2


async def test_what_was_left_by_an_earlier_process_and_is_old_is_not_answered(tmp_path: Path) -> None:
    async with open_harness(tmp_path, answer_missed_within=timedelta(minutes=15)) as harness:
        await missed(harness, "hello?", created_at=datetime.now(UTC) - timedelta(minutes=11))
        presenter = await harness.restart()  # with the default of ten minutes
        await harness.answered()
        assert presenter.posts == []
        assert (await harness.history())[0].state is JobState.DELIVERED


async def test_two_bots_do_not_answer_each_other_for_ever(tmp_path: Path) -> None:
    async with open_harness(tmp_path, allow_bots=True, max_bot_turns=2) as harness:
        for text in ("beep", "boop", "bip", "bap"):
            await harness.say_and_wait(text, author="Robot", author_is_bot=True)
        assert len(harness.presenter.posts) == 2
        await harness.say_and_wait("Stop that.", author="Ada")
        assert len(harness.presenter.posts) == 3


class MessageDuringTheLastLook(ConversationRepository):
    """Receives another message whenever a worker found that nothing waits any more, the first time."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.harness: Harness | None = None

    async def waiting_messages(self, thread_id: str) -> Sequence[Message]:
        found = await super().waiting_messages(thread_id)
        harness = self.harness
        if not found and harness is not None:
            self.harness = None
            await harness.say("and me?", author="Bo")
        return found


async def test_a_message_that_comes_while_a_worker_looks_for_the_last_time_is_answered(tmp_path: Path) -> None:
    async with open_harness(tmp_path, MessageDuringTheLastLook) as harness:
        assert isinstance(harness.repository, MessageDuringTheLastLook)
        harness.repository.harness = harness
        await harness.say("hi")
        await harness.server.wait_asked(2)
        await harness.answered()
        assert harness.prompts() == ["Ada: hi", "Bo: and me?"]


class FailingOnce(ConversationRepository):
    """A database that cannot be read the first time a worker looks for messages."""

    failed = False

    async def waiting_messages(self, thread_id: str) -> Sequence[Message]:
        if not self.failed:
            self.failed = True
            raise OSError("disk I/O error")
        return await super().waiting_messages(thread_id)


async def test_a_worker_that_failed_is_started_again(tmp_path: Path) -> None:
    async with open_harness(tmp_path, FailingOnce) as harness:
        await harness.say("hi")
        await harness.server.wait_asked(1)
        await harness.answered()
        assert harness.presenter.finished == ["Hello."]
