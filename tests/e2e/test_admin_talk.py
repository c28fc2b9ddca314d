"""Rules for talk, for what characters draw by themselves, and for the voice that follows a turn."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sandbox.discord import Message, SimulatedUser
from tests.conversation.scripted_model import calls_draw, says
from tests.e2e.chat_system import ChatSystem, open_chat_system

MANAGER = ["manage_guild", "view_channel", "send_messages", "manage_channels"]


@pytest.fixture
async def chat(tmp_path: Path) -> AsyncIterator[ChatSystem]:
    async with open_chat_system(tmp_path) as made:
        yield made


async def rules_page(chat: ChatSystem, owner: SimulatedUser, page: str) -> Message:
    panel = (await owner.slash(chat.room, "admin")).message
    return (await owner.select(panel, "What to look at", page)).message


async def test_talk_for_some_roles(chat: ChatSystem) -> None:
    owner = chat.system.guild.add_member("hedy", permissions=MANAGER)
    friends = chat.system.guild.add_role("friends", to=[chat.bob])
    async with chat.system.running():
        await chat.use("nova")
        await owner.select(await rules_page(chat, owner, "Talk"), "Roles", friends)
        words = await chat.ada.send(chat.room, "hello?")
        told = await chat.room.wait_for_message(lambda shown: "NOT_ALLOWED" in shown.text())
        assert f"<@&{friends.id}>" in told.text()
        await chat.ada.send(chat.room, "hello??")
        await chat.bob.send(chat.room, "hi")
        await chat.until_said("Hello.")
        assert chat.history() == ["bob: hi"], "what is not answered is not kept either"
        assert sum("NOT_ALLOWED" in shown.text() for shown in chat.room.messages) == 1, "told once"
    assert words.content == "hello?"


async def test_a_character_draws_for_nobody_who_may_not_have_pictures(chat: ChatSystem) -> None:
    owner = chat.system.guild.add_member("hedy", permissions=MANAGER)
    painters = chat.system.guild.add_role("painters", to=[chat.bob])
    async with chat.system.running():
        await chat.use("nova")
        await owner.select(await rules_page(chat, owner, "Pictures"), "Roles", painters)
        for person, jobs in ((chat.ada, 0), (chat.bob, 1)):
            chat.model.script = [calls_draw('{"scene": "a boat"}', text="Here you are."), says("a red boat")]
            await person.send(chat.room, "Draw me a boat!")
            await chat.system.until_rows("SELECT count(*) FROM messages WHERE role = 'assistant'", (jobs + 1,))
            await chat.until_settled(2 * (jobs + 1))
            await chat.system.until_rows("SELECT count(*) FROM jobs", (jobs,))
        await chat.system.until_delivered(1)
