"""The service with a real store and a real socket to the model; only Discord is replaced, by a presenter that notes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.characters import Character, ImageGeneration
from bot.conversation.answering import TurnAnswerer
from bot.conversation.prompt import Budget
from bot.conversation.prompt_writer import PromptWriter
from bot.conversation.service import ConversationOptions, ConversationService
from bot.domain.conversations import AnswerMode, ChatRole, IncomingMessage, Message, Scene, Thread
from bot.domain.jobs import JobState
from bot.errors import CharacterNotFound, ChorusError
from bot.language_model.client import LanguageModel, ModelOptions
from bot.storage.conversations import ConversationRepository
from bot.storage.database import Database
from tests.conversation.scripted_model import (
    ScriptedModel,
    breaks_off,
    calls_draw,
    fails,
    says,
    scripted_model,
)

CHANNEL, GUILD = 10, 5
NOVA = Character(id="nova", name="Nova", system_prompt="You paint.")
ALEX = Character(id="alex", name="Alex", system_prompt="You mix.", image_generation=ImageGeneration(enabled=False))


class Cast:
    def __init__(self, *characters: Character) -> None:
        self.by_id = {character.id: character for character in characters}

    def find(self, name_or_id: str, guild_id: int | None = None) -> Character:
        if name_or_id not in self.by_id:
            raise CharacterNotFound
        return self.by_id[name_or_id]

    def names(self, guild_id: int | None = None) -> dict[str, str]:
        return {each.id: each.name for each in self.by_id.values()}

    def names_and_aliases(self, guild_id: int | None = None) -> list[tuple[str, str]]:
        return [(name, each.id) for each in self.by_id.values() for name in (each.name, *each.aliases)]


class Turnstile:
    def conversation(self) -> Any:
        return nullcontext()


@dataclass
class Noted:
    """One turn as a presenter saw it."""

    turn_id: str
    grown: list[str] = field(default_factory=list[str])
    finished: str | None = None

    def grow(self, text: str) -> None:
        self.grown.append(text)

    async def finish(self, turn: Message) -> None:
        self.finished = turn.text


@dataclass
class NotingPresenter:
    posts: list[Noted] = field(default_factory=list[Noted])
    notices: list[str] = field(default_factory=list[str])
    retracted: list[str] = field(default_factory=list[str])
    drawn: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])

    @asynccontextmanager
    async def open(self, turn: Message, thread: Thread) -> AsyncGenerator[Noted]:
        post = Noted(turn.id)
        self.posts.append(post)
        yield post

    async def retract(self, turn: Message, thread: Thread) -> None:
        self.retracted.append(turn.id)

    async def draw(self, turn: Message, thread: Thread, character: Character, scene: Scene, prompt: str) -> str | None:
        self.drawn.append((scene.description, prompt))
        return "11111111-1111-1111-1111-111111111111"

    async def notice(self, thread: Thread, error: ChorusError) -> None:
        self.notices.append(error.code)

    @property
    def finished(self) -> list[str | None]:
        return [post.finished for post in self.posts]


@dataclass
class Stage:
    """Everything a test talks to."""

    service: ConversationService
    store: ConversationRepository
    server: ScriptedModel
    seen: NotingPresenter
    next_id: int = 100

    async def say(self, content: str, *, author: str = "Ada", **other: Any) -> Message | None:
        self.next_id += 1
        fields: dict[str, Any] = {
            "discord_message_id": self.next_id,
            "channel_id": CHANNEL,
            "guild_id": GUILD,
            "author_id": hash(author) % 1000,
            "author_name": author,
            "created_at": datetime.now(UTC),
        }
        return await self.service.hear(IncomingMessage(content=content, **(fields | other)))

    async def settled(self) -> None:
        async with asyncio.timeout(60):
            await self.service.idle()

    def prompts(self) -> list[str]:
        """The last message of each request to the model."""
        return [asked["messages"][-1]["content"] for asked in self.server.asked]

    async def history(self) -> list[Message]:
        [conversation] = await self.store.conversations(CHANNEL)
        thread = await self.store.ensure_thread(conversation.id, CHANNEL)
        return await self.store.history(thread)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncGenerator[ConversationRepository]:
    async with Database.open(f"sqlite+aiosqlite:///{tmp_path / 'chorus.db'}") as database:
        yield ConversationRepository(database)


def service_over(
    store: ConversationRepository, model: LanguageModel, *, retry_seconds: float = 0.05, **options: Any
) -> ConversationService:
    cast, turnstile = Cast(NOVA, ALEX), Turnstile()
    model_options = ModelOptions(model="scripted", timeout_seconds=5)
    answering = TurnAnswerer(
        store,
        cast,
        model,
        writer=PromptWriter(model, model_options, turnstile),
        turnstile=turnstile,
        options=model_options,
        budget=Budget(4096, 256),
    )
    chosen = ConversationOptions(default_character="nova", retry_seconds=retry_seconds, **options)
    return ConversationService(store, cast, answering, chosen)


@pytest.fixture
async def stage(store: ConversationRepository) -> AsyncGenerator[Stage]:
    async with scripted_model() as server, LanguageModel(server.url) as model:
        service = service_over(store, model)
        seen = NotingPresenter()
        await service.start(seen)
        await service.use_character(CHANNEL, GUILD, "nova")
        yield Stage(service, store, server, seen)
        await service.close()


async def test_a_message_is_answered_and_both_are_remembered(stage: Stage) -> None:
    stage.server.script = [says("Hello ", "Ada.")]
    await stage.say("hi")
    await stage.settled()
    assert stage.seen.finished == ["Hello Ada."]
    assert [(each.role, each.text, each.state) for each in await stage.history()] == [
        (ChatRole.USER, "hi", JobState.DELIVERED),
        (ChatRole.ASSISTANT, "Hello Ada.", JobState.DELIVERED),
    ]


async def test_the_next_answer_knows_the_talk_before_it(stage: Stage) -> None:
    await stage.say("my boat is red")
    await stage.settled()
    await stage.say("which colour?")
    await stage.settled()
    sent = [message["content"] for message in stage.server.asked[-1]["messages"][1:]]
    assert sent == ["Ada: my boat is red", "Hello.", "Ada: which colour?"]


async def test_messages_that_arrive_during_an_answer_are_read_together(stage: Stage) -> None:
    gate = asyncio.Event()
    stage.server.script = [says("One", ".", gate=gate), says("Two.")]
    await stage.say("first")
    await stage.server.wait_asked(1)
    await stage.say("second", author="Bo")
    await stage.say("third", author="Cy")
    gate.set()
    await stage.settled()
    assert stage.seen.finished == ["One.", "Two."]
    assert stage.prompts() == ["Ada: first", "Bo: second\nCy: third"]


async def test_the_same_discord_message_is_heard_once(stage: Stage) -> None:
    assert await stage.say("hi", discord_message_id=7) is not None
    assert await stage.say("hi", discord_message_id=7) is None
    await stage.settled()
    assert len(stage.seen.posts) == 1


async def test_an_edited_message_changes_the_history(stage: Stage) -> None:
    await stage.say("my boat is red", discord_message_id=7)
    await stage.settled()
    await stage.store.edit_human(7, "my boat is blue")
    await stage.say("which colour?")
    await stage.settled()
    assert stage.server.asked[-1]["messages"][1]["content"] == "Ada: my boat is blue"


async def test_a_deleted_message_leaves_the_history(stage: Stage) -> None:
    await stage.say("a secret", discord_message_id=7)
    await stage.settled()
    await stage.service.forget(7)
    await stage.say("what did I say?")
    await stage.settled()
    assert "secret" not in str(stage.server.asked[-1]["messages"])


async def test_the_shown_alternative_is_the_one_the_model_reads(stage: Stage) -> None:
    stage.server.script = [says("First."), says("Second."), says("Third.")]
    await stage.say("hi")
    await stage.settled()
    turn = (await stage.history())[1]
    await stage.service.regenerate(turn.id)
    await stage.settled()
    again = (await stage.history())[1]
    assert [each.content for each in again.alternatives] == ["First.", "Second."]
    assert again.text == "Second."
    assert stage.prompts()[1] == "Ada: hi"
    await stage.service.show_alternative(turn.id, 0)
    await stage.say("go on")
    await stage.settled()
    assert [message["content"] for message in stage.server.asked[-1]["messages"][1:]] == [
        "Ada: hi",
        "First.",
        "Ada: go on",
    ]
    assert await stage.service.show_alternative(turn.id, 9) is None


async def test_another_answer_to_a_deleted_turn_is_refused(stage: Stage) -> None:
    with pytest.raises(ChorusError):
        await stage.service.regenerate("00000000-0000-0000-0000-000000000000")


async def test_a_thread_begins_with_its_parents_history_and_keeps_its_own(stage: Stage) -> None:
    await stage.say("in the channel")
    await stage.settled()
    await stage.say("in the thread", channel_id=77, parent_channel_id=CHANNEL)
    await stage.settled()
    await stage.say("later in the channel")
    await stage.settled()
    await stage.say("again in the thread", channel_id=77, parent_channel_id=CHANNEL)
    await stage.settled()
    thread = [message["content"] for message in stage.server.asked[-1]["messages"][1:]]
    assert thread == ["Ada: in the channel", "Hello.", "Ada: in the thread", "Hello.", "Ada: again in the thread"]


async def test_a_stranger_mode_is_obeyed(stage: Stage) -> None:
    await stage.service.use_character(CHANNEL, GUILD, "nova", mode=AnswerMode.MENTION)
    await stage.say("not for you")
    await stage.settled()
    assert stage.seen.posts == []
    await stage.say("but this", mentions_bot=True)
    await stage.settled()
    assert stage.prompts() == ["Ada: not for you\nAda: but this"]


async def test_another_character_called_by_name_answers(stage: Stage) -> None:
    await stage.say("Alex, what do you think?")
    await stage.settled()
    assert "You are Alex" in stage.server.asked[0]["messages"][0]["content"]
    assert (await stage.history())[1].character_id == "alex"


async def test_a_character_keeps_its_last_conversation_when_it_returns(stage: Stage) -> None:
    await stage.say("remember me")
    await stage.settled()
    await stage.service.use_character(CHANNEL, GUILD, "alex")
    await stage.say("hello")
    await stage.settled()
    assert "remember me" not in str(stage.server.asked[-1]["messages"])
    await stage.service.use_character(CHANNEL, GUILD, "nova")
    await stage.say("hello again")
    await stage.settled()
    assert "remember me" in str(stage.server.asked[-1]["messages"])


async def test_a_picture_is_drawn_when_the_model_calls_its_tool(stage: Stage) -> None:
    stage.server.script = [calls_draw('{"scene": "a red boat"}'), says("a red boat on a calm sea, oil painting")]
    await stage.say("draw my boat")
    await stage.settled()
    assert stage.seen.drawn == [("a red boat", "a red boat on a calm sea, oil painting")]
    assert (await stage.history())[1].job_id == "11111111-1111-1111-1111-111111111111"
    assert stage.seen.finished == ["*sends a picture*"]


async def test_a_model_without_tools_asks_for_its_picture_in_the_text(stage: Stage) -> None:
    stage.server.script = [fails(400, "does not support tools"), says("Here. <draw>a red boat</draw>"), says("prompt")]
    await stage.say("draw my boat")
    await stage.settled()
    assert stage.seen.drawn == [("a red boat", "prompt")]
    assert stage.seen.finished == ["Here."]
    assert all("draw" not in text for text in stage.seen.posts[0].grown)


async def test_a_character_that_does_not_draw_never_does(stage: Stage) -> None:
    stage.server.script = [says("<draw>a boat</draw>No.")]
    await stage.service.use_character(CHANNEL, GUILD, "alex")
    await stage.say("draw!")
    await stage.settled()
    assert stage.seen.drawn == []
    assert "tools" not in stage.server.asked[0]


async def test_an_unavailable_model_is_told_once_and_the_last_turn_is_answered_when_it_is_back(stage: Stage) -> None:
    stage.server.away = True
    await stage.say("one")
    await stage.settled()
    await stage.say("two", author="Bo")
    await stage.settled()
    assert stage.seen.notices == ["LLM_UNAVAILABLE"]
    assert set(stage.seen.retracted) == {post.turn_id for post in stage.seen.posts}
    stage.server.away = False
    asked = len(stage.server.asked)
    await stage.server.wait_asked(asked + 1)
    await stage.settled()
    assert [text for text in stage.seen.finished if text] == ["Hello."]
    assert stage.prompts()[-1] == "Ada: one\nBo: two"


async def test_a_broken_stream_is_asked_for_once_more_in_the_same_turn(stage: Stage) -> None:
    stage.server.script = [breaks_off("Half an an"), says("The whole answer.")]
    await stage.say("hi")
    await stage.settled()
    assert stage.seen.finished == ["The whole answer."]
    assert stage.seen.notices == []


async def test_an_empty_answer_is_no_answer(stage: Stage) -> None:
    stage.server.script = [says("<think>nothing comes to mind</think>")]
    await stage.say("hi")
    await stage.settled()
    assert stage.seen.notices == ["LLM_UNAVAILABLE"]
    assert [each.role for each in await stage.history() if each.text] == [ChatRole.USER]


async def test_a_window_smaller_than_configured_is_found_out(stage: Stage) -> None:
    stage.server.script = [fails(400, "exceeds the context size"), says("It fits now.")]
    await stage.say("hi")
    await stage.settled()
    assert stage.seen.finished == ["It fits now."]


async def test_a_turn_interrupted_by_a_crash_is_spoken_again_in_its_own_row(
    store: ConversationRepository,
) -> None:
    async with scripted_model() as server, LanguageModel(server.url) as model:
        gate = asyncio.Event()
        server.script = [says("Half", " a word", gate=gate), says("A whole answer.")]
        first, seen = service_over(store, model), NotingPresenter()
        await first.start(seen)
        await first.use_character(CHANNEL, GUILD, "nova")
        stage = Stage(first, store, server, seen)
        await stage.say("hi")
        await server.wait_asked(1)
        await first.close()  # as a crash leaves it: RUNNING in the store
        gate.set()
        second, after = service_over(store, model), NotingPresenter()
        await second.start(after)
        await second.idle()
        assert after.finished == ["A whole answer."]
        assert [post.turn_id for post in after.posts] == [post.turn_id for post in seen.posts]
        assert len(await stage.history()) == 2
        await second.close()


async def test_what_was_written_while_away_is_remembered_and_only_the_newest_is_answered(stage: Stage) -> None:
    missed: list[Message] = []
    for index, text in enumerate(["old news", "and you?"]):
        incoming = IncomingMessage(
            discord_message_id=50 + index,
            channel_id=CHANNEL,
            guild_id=GUILD,
            author_id=1,
            author_name="Ada",
            content=text,
            created_at=datetime.now(UTC),
        )
        stored = await stage.service.hear(incoming, missed=True)
        assert stored is not None
        missed.append(stored)
    await stage.settled()
    assert stage.seen.posts == []
    await stage.service.answer_missed(missed[-1])
    await stage.settled()
    assert stage.prompts() == ["Ada: old news\nAda: and you?"]


async def test_what_is_too_old_is_not_answered(stage: Stage) -> None:
    long_ago = datetime.now(UTC) - timedelta(minutes=11)
    await stage.say("hello?", created_at=long_ago)
    await stage.settled()
    assert stage.seen.posts == []
    assert (await stage.history())[0].state is JobState.DELIVERED


async def test_two_bots_do_not_talk_for_ever(store: ConversationRepository) -> None:
    async with scripted_model() as server, LanguageModel(server.url) as model:
        service, seen = service_over(store, model, allow_bots=True, max_bot_turns=2), NotingPresenter()
        await service.start(seen)
        await service.use_character(CHANNEL, GUILD, "nova")
        stage = Stage(service, store, server, seen)
        for text in ("beep", "boop", "bip", "bap"):
            await stage.say(text, author="Robot", author_is_bot=True)
            await stage.settled()
        assert len(seen.posts) == 2
        await stage.say("Stop that.", author="Ada")
        await stage.settled()
        assert len(seen.posts) == 3
        await service.close()


async def test_a_removed_character_is_told_and_the_history_kept(stage: Stage) -> None:
    await stage.service.use_character(CHANNEL, GUILD, "gone")
    await stage.say("hello?")
    await stage.settled()
    assert stage.seen.notices == ["CHARACTER_NOT_FOUND"]
    assert (await stage.history())[0].text == "hello?"


async def test_a_message_that_comes_while_the_last_look_is_taken_is_answered(
    store: ConversationRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with scripted_model() as server, LanguageModel(server.url) as model:
        service, seen = service_over(store, model), NotingPresenter()
        await service.start(seen)
        await service.use_character(CHANNEL, GUILD, "nova")
        stage = Stage(service, store, server, seen)
        look, said = store.unanswered, 0

        async def look_and_be_slow(thread_id: str) -> Sequence[Message]:
            nonlocal said
            found = await look(thread_id)
            if not found and not said:
                said += 1
                await stage.say("and me?", author="Bo")
            return found

        monkeypatch.setattr(store, "unanswered", look_and_be_slow)
        await stage.say("hi")
        await stage.server.wait_asked(2)
        await stage.settled()
        assert stage.prompts() == ["Ada: hi", "Bo: and me?"]
        await service.close()
