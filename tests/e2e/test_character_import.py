"""`/character import` from the attachment to the character's own voice and picture; and what is refused."""

from __future__ import annotations

import json

import pytest

from sandbox.discord import Upload
from tests.characters.cards import picture, png_card, v2
from tests.conversation.scripted_model import says
from tests.e2e.chat_system import ChatSystem


async def test_a_card_becomes_a_character_of_that_server_with_its_picture(chat: ChatSystem) -> None:
    manager = chat.system.guild.add_member("hedy", permissions=["manage_guild", "manage_channels", "view_channel"])
    elsewhere = chat.system.discord.add_guild("Elsewhere")
    there = elsewhere.add_channel("lobby")
    stranger = elsewhere.add_member("eve", permissions=["manage_channels", "manage_guild"])
    card = png_card(v2(name="Captain Iris", system_prompt="You sail.", first_mes="Ahoy!"))
    async with chat.system.running():
        answer = await manager.slash(chat.room, "character import", card=Upload("iris.png", card))
        told = await answer.wait_for_message()
        assert told.ephemeral
        assert "Captain Iris" in told.text()
        [choice] = await manager.autocomplete(chat.room, "character use", "name", "iris")
        await manager.slash(chat.room, "character use", name=str(choice.value))
        chat.model.script = [says("Ahoy there.")]
        await chat.ada.send(chat.room, "hello")
        turn = await chat.until_said("Ahoy there.")
        await chat.until_settled(2)
        assert await stranger.autocomplete(there, "character use", "name", "iris") == []
        refused = await stranger.slash(there, "character use", name="Captain Iris")
        assert "CHARACTER_NOT_FOUND" in refused.message.text()
    assert turn.author.name == "Captain Iris"
    [webhook] = chat.room.webhooks
    assert webhook.avatar is not None
    assert webhook.avatar.startswith(b"\x89PNG")
    assert "You sail." in chat.model.asked[0]["messages"][0]["content"]


@pytest.mark.parametrize(
    "file",
    [
        Upload("not.png", b"\x89PNG\r\n\x1a\n" + b"\0" * 5000),
        Upload("plain.png", picture()),
        Upload("card.json", b"{" * 200_000),
        Upload("card.json", b"[1, 2, 3]"),
        Upload("card.json", json.dumps({"spec": "chara_card_v2", "data": {"name": ""}}).encode()),
        Upload("card.exe", b"MZ" + b"\0" * 1000),
    ],
    ids=["broken picture", "picture without card", "nested", "list", "nameless", "program"],
)
async def test_a_bad_file_is_refused_with_a_reason(chat: ChatSystem, file: Upload) -> None:
    manager = chat.system.guild.add_member("hedy", permissions=["manage_guild", "view_channel"])
    async with chat.system.running():
        answer = await manager.slash(chat.room, "character import", card=file)
        told = await answer.wait_for_message()
        assert told.ephemeral
        assert "INPUT_INVALID" in told.text()
        assert "inside the bot" not in told.text()
    assert not list((chat.system.folder / "data" / "guilds").rglob("*.yaml"))


async def test_importing_needs_manage_server(chat: ChatSystem) -> None:
    async with chat.system.running():
        answer = await chat.grace.slash(chat.room, "character import", card=Upload("iris.png", png_card(v2())))
        assert answer.message.ephemeral
        assert "Manage Server" in answer.message.text()
