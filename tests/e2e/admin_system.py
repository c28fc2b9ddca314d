"""A server with somebody who manages it, a member, and somebody of another server; what `/admin` shows them."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.discord import Message, SimulatedChannel, SimulatedInteraction, SimulatedUser
from tests.e2e.system import System, open_system

MANAGER = ["manage_guild", "view_channel", "send_messages", "attach_files"]
PAGES = "What to look at"


@dataclass
class AdminSystem:
    """What a test has its hands on."""

    system: System

    def __post_init__(self) -> None:
        self.room = self.system.room
        self.owner = self.system.guild.add_member("hedy", permissions=MANAGER)
        self.member = self.system.ada
        self.other = self.system.bob
        elsewhere = self.system.discord.add_guild("Elsewhere")
        self.other_room = elsewhere.add_channel("lobby")
        self.stranger = elsewhere.add_member("eve", permissions=MANAGER)

    async def panel(self, page: str | None = None, who: SimulatedUser | None = None) -> Message:
        """A new panel, with a page open."""
        message = (await (who or self.owner).slash(self.room, "admin")).message
        return message if page is None else await self.open(message, page)

    async def open(self, panel: Message, page: str) -> Message:
        """The panel with another page open."""
        return (await self.owner.select(panel, PAGES, page)).message

    async def draw(
        self, who: SimulatedUser | None = None, room: SimulatedChannel | None = None, **values: Any
    ) -> SimulatedInteraction:
        """`/imagine`, whatever comes of it."""
        values.setdefault("prompt", "a lighthouse")
        return await (who or self.member).slash(room or self.room, "imagine", **values)


async def refusal(answer: SimulatedInteraction) -> str:
    """What the person alone was told."""
    message = await answer.wait_for_message(lambda shown: shown.ephemeral and not shown.loading)
    return message.text()


def accepted(answer: SimulatedInteraction) -> bool:
    """It was answered for everybody: a job was accepted."""
    return not answer.message.ephemeral


@asynccontextmanager
async def open_admin_system(folder: Path, **sections: Any) -> AsyncGenerator[AdminSystem]:
    async with open_system(folder, **sections) as system:
        yield AdminSystem(system)


async def set_quota(system: System, owner: SimulatedUser, **numbers: str) -> Message:
    """In the panel: what it shows then."""
    panel = (await owner.slash(system.room, "admin")).message
    page = (await owner.select(panel, PAGES, "Quotas")).message
    form = await owner.press(page, "Change")
    return (await owner.submit_modal(form, numbers)).message
