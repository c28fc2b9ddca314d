"""What people write: stored, answered, edited, deleted, and found again in the next prompt."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bot.domain.channels import Channel
from bot.domain.conversations import AnswerMode, ChatRole, Message
from bot.domain.jobs import JobState
from bot.storage.conversations import ConversationRepository
from bot.storage.database import Database
from tests.conversation.scripted_model import says
from tests.conversation.stage import CHANNEL, GUILD, Stage, staged


async def test_a_message_is_answered_and_both_are_remembered(stage: Stage) -> None:
    stage.server.script = [says("Hello ", "Ada.")]
    await stage.say_and_wait("hi")
    assert stage.presenter.finished == ["Hello Ada."]
    assert [(each.role, each.text, each.state) for each in await stage.history()] == [
        (ChatRole.USER, "hi", JobState.DELIVERED),
        (ChatRole.ASSISTANT, "Hello Ada.", JobState.DELIVERED),
    ]


async def test_the_next_answer_knows_the_history(stage: Stage) -> None:
    await stage.say_and_wait("my boat is red")
    await stage.say_and_wait("which colour?")
    assert stage.last_history() == ["Ada: my boat is red", "Hello.", "Ada: which colour?"]


async def test_messages_that_arrive_during_an_answer_are_answered_together(stage: Stage) -> None:
    gate = asyncio.Event()
    stage.server.script = [says("One", ".", gate=gate), says("Two.")]
    await stage.say("first")
    await stage.server.wait_asked(1)
    await stage.say("second", author="Bo")
    await stage.say("third", author="Cy")
    gate.set()
    await stage.answered()
    assert stage.presenter.finished == ["One.", "Two."]
    assert stage.prompts() == ["Ada: first", "Bo: second\nCy: third"]


async def test_the_same_discord_message_is_stored_once(stage: Stage) -> None:
    first = await stage.say("hi", discord_message_id=7)
    assert first is not None
    assert await stage.say("hi", discord_message_id=7) is None
    await stage.answered()
    assert len(stage.presenter.posts) == 1


async def test_a_message_without_text_is_not_stored(stage: Stage) -> None:
    assert await stage.say("") is None
    await stage.answered()
    assert stage.presenter.posts == []


async def test_an_edited_message_changes_the_history(stage: Stage) -> None:
    await stage.say_and_wait("my boat is red", discord_message_id=7)
    await stage.repository.edit_user_message(7, "my boat is blue")
    await stage.say_and_wait("which colour?")
    assert stage.last_history()[0] == "Ada: my boat is blue"


async def test_a_deleted_message_leaves_the_history(stage: Stage) -> None:
    await stage.say_and_wait("a secret", discord_message_id=7)
    assert await stage.service.delete_message(7)
    assert not await stage.service.delete_message(8)
    await stage.say_and_wait("what did I say?")
    assert stage.last_history() == ["Ada: what did I say?"]


async def test_an_answer_to_a_deleted_message_is_cancelled(stage: Stage) -> None:
    gate = asyncio.Event()
    stage.server.script = [says("Half", " a word", gate=gate)]
    await stage.say("a secret", discord_message_id=7)
    await stage.server.wait_asked(1)
    await stage.service.delete_message(7)
    await stage.answered()
    gate.set()
    [post] = stage.presenter.posts
    assert post.finished is None
    assert stage.presenter.deleted == [post.turn_id]


async def test_a_discord_thread_begins_with_its_parents_history_and_keeps_its_own(stage: Stage) -> None:
    await stage.say_and_wait("in the channel")
    discord_thread = Channel(guild_id=GUILD, channel_id=77, parent_id=CHANNEL)
    await stage.say_and_wait("in the thread", channel=discord_thread)
    await stage.say_and_wait("later in the channel")
    await stage.say_and_wait("again in the thread", channel=discord_thread)
    assert stage.last_history() == [
        "Ada: in the channel",
        "Hello.",
        "Ada: in the thread",
        "Hello.",
        "Ada: again in the thread",
    ]


async def test_in_mode_mention_everything_is_read_and_only_mentions_are_answered(stage: Stage) -> None:
    await stage.service.channels.bind_character(CHANNEL, GUILD, "nova", mode=AnswerMode.MENTION)
    await stage.say_and_wait("not for you")
    assert stage.presenter.posts == []
    await stage.say_and_wait("but this", mentions_bot=True)
    assert stage.prompts() == ["Ada: not for you\nAda: but this"]


async def test_another_character_called_by_name_answers(stage: Stage) -> None:
    await stage.say_and_wait("Alex, what do you think?")
    assert "You are Alex" in stage.server.asked[0]["messages"][0]["content"]
    assert (await stage.history())[1].character_id == "alex"


async def test_a_character_for_adults_answers_in_age_restricted_channels_only(stage: Stage) -> None:
    assert await stage.say("Eve, are you there?") is None
    assert (
        await stage.say("Eve, and here?", channel=Channel(guild_id=GUILD, channel_id=CHANNEL, age_restricted=True))
        is not None
    )
    await stage.answered()
    assert stage.prompts() == ["Ada: Eve, and here?"]


async def test_a_character_keeps_its_last_conversation_when_it_is_bound_again(stage: Stage) -> None:
    await stage.say_and_wait("remember me")
    await stage.service.channels.bind_character(CHANNEL, GUILD, "alex")
    await stage.say_and_wait("hello")
    assert stage.last_history() == ["Ada: hello"]
    await stage.service.channels.bind_character(CHANNEL, GUILD, "nova")
    await stage.say_and_wait("hello again")
    assert stage.last_history()[0] == "Ada: remember me"


async def missed(stage: Stage, *texts: str, **other: Any) -> list[Message]:
    stored = [await stage.say(text, missed=True, **other) for text in texts]
    return [message for message in stored if message is not None]


async def test_of_missed_messages_only_the_newest_is_answered(stage: Stage) -> None:
    stored = await missed(stage, "Alex, any news?", "and you?")
    await stage.answered()
    assert stage.presenter.posts == []
    await stage.service.answer_newest(stored)
    await stage.answered()
    assert stage.prompts() == ["Ada: Alex, any news?\nAda: and you?"]
    assert [each.character_id for each in await stage.history()] == ["alex", "nova", "nova"]


async def test_missed_messages_that_are_old_or_want_no_answer_get_none(stage: Stage) -> None:
    await stage.service.channels.bind_character(CHANNEL, GUILD, "nova", mode=AnswerMode.MENTION)
    old = await missed(stage, "hello?", mentions_bot=True, created_at=datetime.now(UTC) - timedelta(minutes=11))
    await stage.service.answer_newest([*old, *await missed(stage, "not for you")])
    await stage.answered()
    assert [each.text for each in await stage.history()] == ["hello?", "not for you"]


async def test_a_missed_message_is_answered_also_after_a_crash_before_its_answer_was_scheduled(stage: Stage) -> None:
    await missed(stage, "and you?")
    presenter = await stage.restart()
    await stage.answered()
    assert presenter.finished == ["Hello."]
    assert stage.prompts() == ["Ada: and you?"]


async def test_an_old_message_is_not_answered(stage: Stage) -> None:
    await stage.say_and_wait("hello?", created_at=datetime.now(UTC) - timedelta(minutes=11))
    assert stage.presenter.posts == []
    assert (await stage.history())[0].state is JobState.DELIVERED


async def test_two_bots_do_not_answer_each_other_for_ever(tmp_path: Path) -> None:
    async with staged(tmp_path, allow_bots=True, max_bot_turns=2) as stage:
        for text in ("beep", "boop", "bip", "bap"):
            await stage.say_and_wait(text, author="Robot", author_is_bot=True)
        assert len(stage.presenter.posts) == 2
        await stage.say_and_wait("Stop that.", author="Ada")
        assert len(stage.presenter.posts) == 3


class MessageDuringTheLastLook(ConversationRepository):
    """Receives another message whenever a worker found that nothing waits any more, the first time."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.stage: Stage | None = None

    async def waiting_messages(self, thread_id: str) -> Sequence[Message]:
        found = await super().waiting_messages(thread_id)
        stage = self.stage
        if not found and stage is not None:
            self.stage = None
            await stage.say("and me?", author="Bo")
        return found


async def test_a_message_that_comes_while_a_worker_looks_for_the_last_time_is_answered(tmp_path: Path) -> None:
    async with staged(tmp_path, MessageDuringTheLastLook) as stage:
        assert isinstance(stage.repository, MessageDuringTheLastLook)
        stage.repository.stage = stage
        await stage.say("hi")
        await stage.server.wait_asked(2)
        await stage.answered()
        assert stage.prompts() == ["Ada: hi", "Bo: and me?"]
