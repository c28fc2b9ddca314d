"""Telling Discord which commands there are, only when they changed.

Discord allows 200 command creations per day and guild, and a global update takes a while to reach every client, so a
restart must not send what Discord already has. What was sent last is remembered in the data folder by its hash.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import discord
from discord import app_commands

from bot.discord_client.errors import NETWORK_ERRORS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from discord.ext import commands

    from bot.settings import Settings

log = logging.getLogger(__name__)

FILE_NAME = "discord_commands.json"


class CommandSync:
    """Sends the tree to each guild of `discord.guild_ids`, or globally where none is named.

    Commands of a guild do not exist in direct messages, so with both `guild_ids` and `allow_dms` the global commands
    are kept too, for direct messages only.
    """

    def __init__(self, bot: commands.Bot, settings: Settings) -> None:
        self._bot = bot
        self._guild_ids = settings.discord.guild_ids
        self._allow_dms = settings.discord.allow_dms
        self._server = settings.discord.server or "discord.com"
        self._file = settings.storage.data_dir / FILE_NAME

    async def run(self) -> None:
        """Send what changed. A refusal is logged: the bot still works with the commands Discord knows."""
        known = await asyncio.to_thread(_read, self._file)
        scopes: list[int | None] = [*self._guild_ids]
        if not self._guild_ids or self._allow_dms:
            scopes.append(None)
        await self._withdraw(scopes, known)
        for scope in scopes:
            await self._sync(scope, known)
            # After each: a process that is killed during the next one must not send this one again.
            await asyncio.to_thread(_write, self._file, known)

    async def _withdraw(self, scopes: Sequence[int | None], known: dict[str, str]) -> None:
        """Take back what was sent when `discord.guild_ids` was another: people would see each command twice."""
        mine = f"{self._server}/{self._bot.application_id}/"
        kept = {self._key(scope) for scope in scopes}
        for key in [key for key in known if key.startswith(mine) and key not in kept]:
            place = key.removeprefix(mine)
            application_id = self._bot.application_id or 0
            try:
                if place == "global":
                    await self._bot.http.bulk_upsert_global_commands(application_id, [])
                else:
                    await self._bot.http.bulk_upsert_guild_commands(application_id, int(place), [])
            except (discord.NotFound, discord.Forbidden, ValueError):
                log.info("the commands of %s are out of reach; the bot is no longer there", place)
            except (discord.HTTPException, *NETWORK_ERRORS) as error:
                log.warning("the commands could not be taken back from %s: %s", place, error)
                continue
            known.pop(key)

    async def joined(self, guild: discord.Guild) -> None:
        """Send a guild's commands again, whatever is remembered."""
        if guild.id not in self._guild_ids:
            return
        known = await asyncio.to_thread(_read, self._file)
        known.pop(self._key(guild.id), None)
        await self._sync(guild.id, known)
        await asyncio.to_thread(_write, self._file, known)

    def _set_contexts(self, guild_id: int | None) -> None:
        """Where and to whom commands are offered; a guild's own commands take no contexts."""
        tree = self._bot.tree
        if guild_id is None:
            tree.allowed_installs = app_commands.AppInstallationType(guild=True, user=False)
            tree.allowed_contexts = app_commands.AppCommandContext(
                guild=not self._guild_ids, dm_channel=self._allow_dms, private_channel=False
            )
        else:
            tree.allowed_installs = app_commands.AppInstallationType()
            tree.allowed_contexts = app_commands.AppCommandContext()

    async def _sync(self, guild_id: int | None, known: dict[str, str]) -> None:
        tree = self._bot.tree
        self._set_contexts(guild_id)
        guild = discord.Object(guild_id) if guild_id is not None else None
        if guild is not None:
            tree.copy_global_to(guild=guild)
        digest = self._digest(guild)
        if known.get(self._key(guild_id)) == digest:
            return
        try:
            sent = await tree.sync(guild=guild)
        except (discord.HTTPException, app_commands.AppCommandError, *NETWORK_ERRORS) as error:
            log.warning("the commands could not be sent to %s: %s", guild_id or "all servers", error)
            return
        known[self._key(guild_id)] = digest
        log.info("sent %d commands to %s", len(sent), guild_id or "all servers")

    def _digest(self, guild: discord.Object | None) -> str:
        tree = self._bot.tree
        commands: list[Any] = [
            *tree.get_commands(guild=guild, type=discord.AppCommandType.chat_input),
            *tree.get_commands(guild=guild, type=discord.AppCommandType.user),
            *tree.get_commands(guild=guild, type=discord.AppCommandType.message),
        ]
        payload = [command.to_dict(tree) for command in commands]
        return hashlib.sha256(json.dumps(payload, sort_keys=True).encode()).hexdigest()

    def _key(self, guild_id: int | None) -> str:
        return f"{self._server}/{self._bot.application_id}/{guild_id or 'global'}"


def _read(path: Path) -> dict[str, str]:
    try:
        found: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return cast("dict[str, str]", found) if isinstance(found, dict) else {}


def _write(path: Path, known: dict[str, str]) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(known, indent=1, sort_keys=True), encoding="utf-8")
    except OSError as error:
        log.warning("%s could not be written: %s", path.name, error)
