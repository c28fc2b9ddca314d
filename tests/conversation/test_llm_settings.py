"""Keys of the configuration and of character files, from their files to the requests that the model gets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from bot.domain.channels import Channel
from bot.domain.conversations import IncomingMessage
from bot.services import open_services
from bot.settings import default_settings
from tests.conversation.harness import RecordingPresenter
from tests.conversation.scripted_model import ScriptedModel, fails, says, scripted_model

CHARACTER = "id: nova\nname: Nova\nsystem_prompt: You paint.\n"


async def chat(server: ScriptedModel, folder: Path, llm: dict[str, Any], character: str = CHARACTER) -> None:
    """With these settings, let the services of the bot answer two direct messages; the model always says "Hello."."""
    (folder / "characters").mkdir()
    (folder / "workflows").mkdir()
    (folder / "characters" / "nova.yaml").write_text(character, encoding="utf-8")
    overrides = {
        "llm": {"base_url": server.url, "model": "scripted"} | llm,
        "comfyui": {"url": "http://127.0.0.1:9"},
    }
    presenter = RecordingPresenter()
    async with open_services(default_settings(folder, overrides)) as services:
        await services.conversations.start(presenter)
        for number, text in enumerate(("one", "two"), start=1):
            written = IncomingMessage(
                discord_message_id=number,
                channel=Channel(guild_id=None, channel_id=10),
                author_id=1,
                author_name="Ada",
                content=text,
                created_at=datetime.now(UTC),
            )
            await services.conversations.receive(written)
            async with asyncio.timeout(60):
                await services.conversations.wait_until_idle()
    assert presenter.finished == ["Hello.", "Hello."]


@pytest.fixture
async def server() -> AsyncGenerator[ScriptedModel]:
    async with scripted_model() as scripted:
        yield scripted


async def refuses_tools(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
    if "tools" in body:
        return await fails(400, "scripted does not support tools")(request, body)
    return await says("Hello.")(request, body)


@pytest.mark.setting("llm.tools")
@pytest.mark.parametrize(
    ("tools", "offered"),
    [("auto", [True, False, False]), ("always", [True, False, True, False]), ("never", [False, False])],
)
async def test_tools_that_the_server_refuses_are_offered_as_configured(
    server: ScriptedModel, tmp_path: Path, tools: str, offered: list[bool]
) -> None:
    server.script = [refuses_tools]
    await chat(server, tmp_path, {"tools": tools})
    assert ["tools" in asked for asked in server.asked] == offered


@pytest.mark.setting("llm.tools")
@pytest.mark.parametrize(("tools", "offered"), [("auto", True), ("always", True), ("never", False)])
async def test_tools_that_the_server_takes_are_offered_unless_never(
    server: ScriptedModel, tmp_path: Path, tools: str, offered: bool
) -> None:
    await chat(server, tmp_path, {"tools": tools})
    assert ["tools" in asked for asked in server.asked] == [offered, offered]
    instructions = [asked["messages"][0]["content"] for asked in server.asked]
    assert ["<draw>" in text for text in instructions] == [not offered, not offered]


@pytest.mark.setting("character.preferred_llm.top_p")
@pytest.mark.parametrize(("line", "sent"), [("preferred_llm: {top_p: 0.4}\n", 0.4), ("", None)])
async def test_top_p_of_a_character_is_sent(
    server: ScriptedModel, tmp_path: Path, line: str, sent: float | None
) -> None:
    await chat(server, tmp_path, {}, CHARACTER + line)
    assert [asked.get("top_p") for asked in server.asked] == [sent, sent]
