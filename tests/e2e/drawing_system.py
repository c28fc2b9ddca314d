"""A system whose Nova can vary and enlarge, with a stranger and a moderator beside the one who asks."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import discord

from bot.discord_client.bot import ChorusBot
from sandbox.discord import Message, SimulatedInteraction, SimulatedUser
from sandbox.discord.sessions import PRIVILEGED_INTENTS
from tests.e2e.system import DEADLINE, REPOSITORY, System, labels, open_system

SHARED = REPOSITORY / "workflows" / "_shared" / "image"


@dataclass
class DrawingSystem:
    """What a test has its hands on."""

    system: System

    def __post_init__(self) -> None:
        self.room = self.system.room
        self.requester = self.system.ada
        self.stranger = self.system.bob
        self.moderator = self.system.guild.add_member("mod", permissions=["manage_messages"])

    async def drawn(self, **values: str) -> Message:
        """A finished picture of the requester's."""
        message = await self.system.imagine(None, None, **values)
        return await self.finished(message)

    async def finished(self, message: Message, *, files: int = 1) -> Message:
        """Until it bears its result, and is recorded as delivered."""
        await self.system.result(message, files=files)
        await self.system.until_rows("SELECT count(*) FROM jobs WHERE delivered_at IS NULL", (0,))
        return message

    async def next_result(self, after: Message) -> Message:
        """The result of the next message of the bot's."""
        return await self.finished(await self.next_message(after))

    async def next_message(self, after: Message) -> Message:
        return await self.room.wait_for_message(
            lambda shown: shown.author is self.system.discord.bot and bool(shown.components), after=after
        )

    def jobs(self, columns: str) -> list[tuple[Any, ...]]:
        return self.system.rows(f"SELECT {columns} FROM jobs ORDER BY number")

    def count(self) -> int:
        return len(self.jobs("id"))

    def workflow(self, name: str, graph: dict[str, Any]) -> None:
        path = self.system.folder / "workflows" / "nova" / "image" / f"{name}.json"
        path.write_text(json.dumps(graph), encoding="utf-8")

    @property
    def data(self) -> Path:
        return self.system.folder / "data"


@asynccontextmanager
async def open_drawing_system(folder: Path, *, special: bool = True, **sections: Any) -> AsyncGenerator[DrawingSystem]:
    async with open_system(folder, privileged_intents=PRIVILEGED_INTENTS, comfy_options=None, **sections) as system:
        if special:
            for name in ("vary", "upscale"):
                shutil.copy(SHARED / f"{name}.json", folder / "workflows" / "nova" / "image" / f"{name}.json")
        yield DrawingSystem(system)


class ReactionHandlers:
    """Tells when the bot has handled the reactions it was sent, also those to which it answers nothing.

    Handlers of several reactions run at the same time: without waiting, a later one may overtake an earlier one.
    """

    def __init__(self, bot: ChorusBot) -> None:
        self._received = 0
        bot.add_listener(self._count, "on_raw_reaction_add")

    async def _count(self, _: discord.RawReactionActionEvent) -> None:
        self._received += 1

    async def wait_until_done(self, count: int) -> None:
        """Wait until `count` reactions were received since this object was made and all their handlers returned.

        discord.py names the task of a listener `discord.py: on_raw_reaction_add`.
        """
        async with asyncio.timeout(DEADLINE):
            while self._received < count or _handling():  # noqa: ASYNC110 - the tasks are discord.py's
                await asyncio.sleep(0.005)


def _handling() -> bool:
    return any(task.get_name() == "discord.py: on_raw_reaction_add" for task in asyncio.all_tasks())


async def press(person: SimulatedUser, message: Message, label: str) -> SimulatedInteraction:
    """Press; it must be there."""
    assert label in labels(message), labels(message)
    return await person.press(message, label)


def told(answer: SimulatedInteraction) -> str:
    """What the person alone was told."""
    assert answer.message.ephemeral
    return answer.message.text()


async def told_soon(answer: SimulatedInteraction) -> str:
    """As `told`, of an answer that was prepared first."""
    message = await answer.wait_for_message()
    assert message.ephemeral
    return message.text()
