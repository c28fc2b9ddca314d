"""The bot becomes ready though Discord's gateway or its commands are out of reach when it starts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
from discord.gateway import DiscordWebSocket
from yarl import URL

from bot.discord_client.endpoint import point_discord_at
from sandbox.discord import RateLimited
from tests.cogs.harness import Harness


@asynccontextmanager
async def bad_gateway(*, silent: bool) -> AsyncGenerator[tuple[URL, asyncio.Event]]:
    """A server that closes each connection, or accepts it and says nothing; and whether somebody connected."""
    reached, ended = asyncio.Event(), asyncio.Event()

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reached.set()
        if silent:
            await ended.wait()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        yield URL(f"ws://127.0.0.1:{port}/gateway"), reached
        ended.set()


@pytest.mark.parametrize("silent", [False, True], ids=["closes", "silent"])
async def test_the_first_connection_is_tried_again(
    harness: Harness, monkeypatch: pytest.MonkeyPatch, silent: bool
) -> None:
    monkeypatch.setattr("bot.discord_client.bot.FIRST_CONNECTION_SECONDS", 0.5)
    async with bad_gateway(silent=silent) as (address, reached):
        point_discord_at(harness.discord.url)
        good = DiscordWebSocket.DEFAULT_GATEWAY

        def use_bad(_: str) -> None:
            DiscordWebSocket.DEFAULT_GATEWAY = address

        async def mend() -> None:
            await reached.wait()
            DiscordWebSocket.DEFAULT_GATEWAY = good

        monkeypatch.setattr("tests.cogs.harness.point_discord_at", use_bad)
        mending = asyncio.create_task(mend())
        async with harness.running():
            await harness.imagine()
        await mending


async def test_commands_that_discord_delays_do_not_delay_the_bot(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.discord_client.bot.SYNC_SECONDS", 0.2)
    harness.discord.faults.next("PUT", "/applications/*/commands", RateLimited(3600))
    async with harness.running() as bot:
        assert bot.is_ready()
