"""Asking for batches between the stand-ins, and reading their messages."""

from __future__ import annotations

from typing import Any

from sandbox.discord import Message, SimulatedInteraction
from tests.e2e.system import DEADLINE, System

EDIT = ("PATCH", "/channels/*/messages/*")
POST = ("POST", "/channels/*/messages")


def names(message: Message) -> list[str]:
    return [file.filename for file in message.attachments]


def pictures(messages: list[Message]) -> list[str]:
    """The names of all posted pictures, without the sheets."""
    return [name for message in messages for name in names(message) if name.startswith("nova_")]


def menu_of(message: Message) -> dict[str, Any] | None:
    return next((entry for entry in message.flat_components() if entry.get("type") == 3), None)


def given(values: dict[str, Any]) -> dict[str, Any]:
    """Options of a command, for the type checker."""
    return values


async def batch(system: System, **values: Any) -> SimulatedInteraction:
    return await system.ada.slash(system.room, "batch", **given({"prompt": "a door"} | values))


async def finished(system: System, message: Message) -> Message:
    """Until the message is the result of its batch, and the batch is recorded as delivered."""
    await system.room.wait_for_edit(message, lambda shown: menu_of(shown) is not None, timeout=DEADLINE)
    await system.until_rows("SELECT count(*) FROM batches WHERE state IN ('running', 'stopped')", (0,))
    return message


async def start_twelve(system: System) -> None:
    proposal = await batch(system, count=12)
    await system.ada.press(proposal.message, "Start", wait=False)


def assert_each_once(system: System, total: int) -> None:
    assert system.states() == ["delivered"] * total
    posted = pictures(system.room.bot_messages)
    assert len(posted) == len(set(posted)) == total
    assert sum(name.startswith("batch_") for message in system.room.bot_messages for name in names(message)) == 1
    assert len(system.room.bot_messages) == 1 + (total > 9)
    assert system.open_deliveries() == 0
    assert system.rows("SELECT state FROM batches") == [("delivered",)]
