"""A system in which characters talk: the local Discord, a scripted model, the real bot between them."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.discord import Message, SimulatedChannel, SimulatedUser
from tests.conversation.scripted_model import ScriptedModel, scripted_model
from tests.e2e.system import System, open_system

ALEX = "id: alex\nname: Alex\naliases: [Lex]\nsystem_prompt: You mix.\nimage_generation: {enabled: false}\n"


@dataclass
class ChatSystem:
    """What a test has its hands on."""

    system: System
    model: ScriptedModel

    def __post_init__(self) -> None:
        self.room = self.system.room
        self.ada = self.system.ada
        self.bob = self.system.bob
        self._grace: SimulatedUser | None = None

    @property
    def grace(self) -> SimulatedUser:
        """Who manages channels."""
        if self._grace is None:
            may = ["view_channel", "send_messages", "manage_channels"]
            self._grace = self.system.guild.add_member("grace", permissions=may)
        return self._grace

    async def use(self, name: str, room: SimulatedChannel | None = None, mode: str = "all") -> Message:
        """`/character use`: its answer."""
        answer = await self.grace.slash(room or self.room, "character use", name=name, mode=mode)
        return answer.message

    async def until_said(self, text: str, room: SimulatedChannel | None = None) -> Message:
        """Until a character's message shows exactly this."""
        return await (room or self.room).wait_for_message(
            lambda shown: shown.content == text and shown.webhook_id is not None
        )

    async def until_settled(self, messages: int) -> None:
        """Until so many are stored, none of which waits for anything."""
        query = "SELECT count(*), sum(state IN ('queued', 'running', 'generated')) FROM messages"
        await self.system.until_rows(query, (messages, 0))

    @property
    def turns(self) -> list[Message]:
        """What characters said, oldest first."""
        return [message for message in self.room.messages if message.webhook_id is not None]

    def history(self) -> list[str]:
        """What the model was sent last, without the system message."""
        return [str(message["content"]) for message in self.model.asked[-1]["messages"][1:]]

    def turn_id(self) -> str:
        """Our id of the newest turn."""
        query = "SELECT id FROM messages WHERE role = 'assistant' ORDER BY position DESC LIMIT 1"
        return str(self.system.rows(query)[0][0])


@asynccontextmanager
async def open_chat_system(folder: Path, **sections: Any) -> AsyncGenerator[ChatSystem]:
    """Nova and Alex, and a bot that may manage webhooks."""
    async with scripted_model() as model:
        llm = {"provider": "openai", "base_url": model.url, "model": "scripted"}
        conversation = {"edit_interval_seconds": 0.05} | sections.pop("conversation", {})
        async with open_system(
            folder, llm=llm | sections.pop("llm", {}), conversation=conversation, **sections
        ) as system:
            (folder / "characters" / "alex.yaml").write_text(ALEX, encoding="utf-8")
            system.guild.add_bot_permissions("manage_webhooks")
            yield ChatSystem(system, model)
