"""Attachments that cannot be fetched: links that expired, files that were deleted, addresses that are not Discord's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.errors import InputInvalid
from cogs.attachments import fetch_files
from sandbox.discord.uploads import Upload
from tests.e2e.drawing_system import DrawingSystem, open_drawing_system
from tests.media.sample_images import comfy_png

DAY_SECONDS = 86_400


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[DrawingSystem]:
    async with open_drawing_system(tmp_path) as system:
        yield system


@pytest.mark.parametrize("what", ["expired", "deleted"])
async def test_a_link_that_leads_nowhere_any_more_is_told(here: DrawingSystem, tmp_path: Path, what: str) -> None:
    picture = Upload("given.png", comfy_png(tmp_path / "given.png").read_bytes(), "image/png")
    async with here.system.running() as (_, bot):
        posted = await here.stranger.send(here.room, "look", attachments=[picture])
        message = await bot.get_partial_messageable(here.room.id).fetch_message(posted.id)
        assert len((await fetch_files(bot, message.attachments)).files) == 1
        if what == "expired":
            here.system.discord.context.clock.advance(DAY_SECONDS * 2)
        else:
            here.system.discord.context.state.uploads.clear()
        with pytest.raises(InputInvalid, match="cannot be fetched from Discord any more"):
            await fetch_files(bot, message.attachments)


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:{port}/cdn/attachments/1/2/a.png", "https://cdn.discordapp.com.example.com/a.png"]
)
async def test_nothing_but_discords_own_file_servers_is_asked(
    here: DrawingSystem, tmp_path: Path, address: str
) -> None:
    asked: list[int] = []

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(1)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        picture = Upload("given.png", comfy_png(tmp_path / "given.png").read_bytes(), "image/png")
        async with here.system.running() as (_, bot):
            posted = await here.stranger.send(here.room, "look", attachments=[picture])
            message = await bot.get_partial_messageable(here.room.id).fetch_message(posted.id)
            message.attachments[0].url = address.format(port=server.sockets[0].getsockname()[1])
            with pytest.raises(InputInvalid, match="does not lie at Discord"):
                await fetch_files(bot, message.attachments)
    assert asked == []
