"""discord.py clients that log in to the local Discord."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TypeVar

import discord
from discord import app_commands

from bot.discord_client.endpoint import point_discord_at
from sandbox.discord import LocalDiscord


class Probe(discord.Client):
    """Keeps the messages and reactions that it receives."""

    def __init__(self, intents: discord.Intents | None = None) -> None:
        super().__init__(
            intents=intents or discord.Intents.all(),
            guild_ready_timeout=0.1,
            allowed_mentions=discord.AllowedMentions.none(),
        )
        self.tree = app_commands.CommandTree(self)
        self.heard: list[discord.Message] = []
        self.resumes = 0
        self.readies = 0
        self.was_ready = asyncio.Event()
        self.news = asyncio.Condition()
        self.reactions: list[discord.RawReactionActionEvent] = []

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """Do not wait five seconds between two logins, as discord.py does by default."""

    async def on_ready(self) -> None:
        self.readies += 1
        self.was_ready.set()

    async def on_resumed(self) -> None:
        self.resumes += 1

    async def on_message(self, message: discord.Message) -> None:
        async with self.news:
            self.heard.append(message)
            self.news.notify_all()

    async def on_raw_reaction_add(self, event: discord.RawReactionActionEvent) -> None:
        async with self.news:
            self.reactions.append(event)
            self.news.notify_all()


ClientT = TypeVar("ClientT", bound=Probe)


@asynccontextmanager
async def running(
    local: LocalDiscord, client: ClientT, *, sync: bool = False, token: str | None = None
) -> AsyncGenerator[ClientT]:
    """The client logged in and ready; closed at the end without leaving a task behind."""
    point_discord_at(local.url)
    async with client:
        await client.login(token or local.token)
        if sync:
            await client.tree.sync()
        task = asyncio.create_task(client.connect())
        try:
            ready = asyncio.create_task(client.was_ready.wait())
            await asyncio.wait([ready, task], timeout=60, return_when=asyncio.FIRST_COMPLETED)
            ready.cancel()
            if task.done():
                return  # the login failed; `await task` raises why
            assert client.was_ready.is_set(), "not ready after 60 s"
            yield client
        finally:
            await client.close()
            await task
