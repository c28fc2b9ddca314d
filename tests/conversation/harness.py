"""Conversations with a real database and a real socket to the model; Discord is a presenter that records its calls."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bot.characters import Character
from bot.characters.library import CharacterLibrary
from bot.conversation.image_prompt_writer import ImagePromptWriter
from bot.conversation.options import ConversationOptions
from bot.conversation.reply_generation import ReplyGenerator
from bot.conversation.service import ConversationService
from bot.conversation.token_budget import TokenBudget
from bot.conversation.turn_answerer import TurnAnswerer
from bot.domain.channels import Channel
from bot.domain.conversations import IncomingMessage, Message, Scene, Thread
from bot.errors import ChorusError
from bot.gpu_lock import GpuLock
from bot.language_model.client import LanguageModel, ModelOptions
from bot.language_model.request_slots import RequestSlots
from bot.storage.conversations import ConversationRepository
from bot.storage.database import Database
from tests.conversation.scripted_model import ScriptedModel, scripted_model
from tests.migrated_database import migrated_database

CHANNEL, GUILD = 10, 5
JOB_ID = "11111111-1111-1111-1111-111111111111"
AUTHORS = {"Ada": 1, "Bo": 2, "Cy": 3, "Robot": 4}
CHARACTERS = {
    "nova": "id: nova\nname: Nova\nsystem_prompt: You paint.\n",
    "alex": "id: alex\nname: Alex\nsystem_prompt: You mix.\nimage_generation: {enabled: false}\n",
    "eve": "id: eve\nname: Eve\nsystem_prompt: For adults.\nnsfw: true\n",
}


@dataclass
class RecordedPost:
    """One turn as the presenter was given it."""

    turn_id: str
    updates: list[str] = field(default_factory=list[str])
    finished: str | None = None

    def update(self, text: str) -> None:
        self.updates.append(text)

    async def finish(self, turn: Message) -> None:
        self.finished = turn.text


@dataclass
class RecordingPresenter:
    """Implements `bot.conversation.presenter.TurnPresenter`."""

    posts: list[RecordedPost] = field(default_factory=list[RecordedPost])
    errors: list[str] = field(default_factory=list[str])
    deleted: list[str] = field(default_factory=list[str])
    drawn: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])

    @asynccontextmanager
    async def open(self, turn: Message, thread: Thread) -> AsyncGenerator[RecordedPost]:
        post = RecordedPost(turn.id)
        self.posts.append(post)
        yield post

    async def delete_posts(self, turn: Message, thread: Thread) -> None:
        self.deleted.append(turn.id)

    async def draw(self, turn: Message, thread: Thread, character: Character, scene: Scene, prompt: str) -> str | None:
        self.drawn.append((scene.description, prompt))
        return JOB_ID

    async def show_error(self, thread: Thread, error: ChorusError) -> None:
        self.errors.append(error.code)

    @property
    def finished(self) -> list[str | None]:
        return [post.finished for post in self.posts]


def build_service(
    repository: ConversationRepository, characters: CharacterLibrary, model: LanguageModel, **options: Any
) -> ConversationService:
    gpu = GpuLock()
    slots = RequestSlots(4)
    model_options = ModelOptions(model="scripted", timeout_seconds=5)
    answerer = TurnAnswerer(
        repository,
        characters,
        replies=ReplyGenerator(repository, model, model_options, TokenBudget(4096, 256)),
        image_prompts=ImagePromptWriter(model, model_options, gpu, slots),
        gpu=gpu,
        slots=slots,
    )
    chosen = ConversationOptions(default_character="nova", retry_seconds=0.05, **options)
    return ConversationService(repository, characters, model, answerer, chosen)


@dataclass
class Harness:
    """What a test works with."""

    repository: ConversationRepository
    characters: CharacterLibrary
    server: ScriptedModel
    model: LanguageModel
    service: ConversationService
    presenter: RecordingPresenter
    next_id: int = 100

    async def say(self, content: str, *, author: str = "Ada", missed: bool = False, **other: Any) -> Message | None:
        self.next_id += 1
        fields: dict[str, Any] = {
            "discord_message_id": self.next_id,
            "channel": Channel(guild_id=GUILD, channel_id=CHANNEL),
            "author_id": AUTHORS[author],
            "author_name": author,
            "created_at": datetime.now(UTC),
        }
        return await self.service.receive(IncomingMessage(content=content, **(fields | other)), missed=missed)

    async def answered(self) -> None:
        """Return when nothing is being answered any more."""
        async with asyncio.timeout(60):
            await self.service.wait_until_idle()

    async def say_and_wait(self, content: str, **other: Any) -> None:
        await self.say(content, **other)
        await self.answered()

    async def restart(self) -> RecordingPresenter:
        """Close the service as it is, and start another one with the same database; returns its presenter."""
        await self.service.close()
        self.service = build_service(self.repository, self.characters, self.model)
        self.presenter = RecordingPresenter()
        await self.service.start(self.presenter)
        return self.presenter

    def prompts(self) -> list[str]:
        """The last message of each request to the model."""
        return [asked["messages"][-1]["content"] for asked in self.server.asked]

    def last_history(self) -> list[str]:
        """The history in the last request to the model."""
        return [message["content"] for message in self.server.asked[-1]["messages"][1:]]

    async def history(self) -> list[Message]:
        [conversation] = await self.repository.conversations(CHANNEL)
        return await self.repository.history(await self.repository.get_or_create_thread(conversation.id, CHANNEL))


@asynccontextmanager
async def open_harness(
    folder: Path, repository: type[ConversationRepository] = ConversationRepository, **options: Any
) -> AsyncGenerator[Harness]:
    """A started service in whose channel Nova answers every message."""
    root = folder / "characters"
    root.mkdir()
    for name, text in CHARACTERS.items():
        (root / f"{name}.yaml").write_text(text, encoding="utf-8")
    characters = CharacterLibrary(root)
    characters.load()
    async with (
        Database.open(migrated_database(folder / "chorus.db")) as database,
        scripted_model() as server,
        LanguageModel(server.url) as model,
    ):
        stored = repository(database)
        service = build_service(stored, characters, model, **options)
        harness = Harness(stored, characters, server, model, service, RecordingPresenter())
        await service.start(harness.presenter)
        await service.channels.bind_character(CHANNEL, GUILD, "nova")
        yield harness
        await harness.service.close()
