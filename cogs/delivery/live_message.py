"""A message of the bot that is edited many times: progress, then the result. Edits can be repeated safely."""

from __future__ import annotations

import asyncio
import io
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import discord

from bot.discord_client.errors import FailureKind, failure_kind, retry_after
from cogs.delivery.threads import reopened
from cogs.ui.text import plain

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class MessagePayload:
    """What a message shows. `files` and `view` make new objects at each call, because discord.py's are single-use."""

    embed: discord.Embed | None
    files: Callable[[], Sequence[discord.File]] = tuple
    view: Callable[[], discord.ui.View | None] = lambda: None
    content: str | None = None

    @property
    def without_embed(self) -> MessagePayload:
        """The same with the embed as text, for channels where the bot may not embed links."""
        text = plain(self.embed) if self.embed is not None else self.content
        return MessagePayload(None, files=self.files, view=self.view, content=text)


class LiveMessage:
    """A message by its ids, edited as a channel message.

    An interaction's token dies after 15 minutes; a channel edit works later too. Where the bot cannot see the channel,
    the token is used as long as it lives (`interaction`, kept in memory only).
    """

    def __init__(
        self,
        client: discord.Client,
        *,
        channel_id: int,
        message_id: int,
        guild_id: int | None,
        interaction: discord.Interaction[Any] | None = None,
    ) -> None:
        self.channel_id = channel_id
        self.id = message_id
        self.guild_id = guild_id
        self._client = client
        self._interaction = interaction

    async def edit(self, payload: MessagePayload) -> None:
        """Make the message show the payload; everything that it showed before is replaced.

        Raises:
            discord.HTTPException: Discord refused.

        """
        try:
            await self._edit_in_channel(payload)
        except discord.Forbidden:
            if payload.embed is not None and await self._edited(payload.without_embed):
                return
            if not await self._edited_by_token(payload):
                raise

    async def edit_until_shown(self, payload: MessagePayload) -> None:
        """As `edit`, repeated until Discord answers clearly. For the last payload.

        Raises:
            discord.HTTPException: Discord refuses.

        """
        attempt = 0
        while True:
            try:
                await self._edit_reopening(payload)
            except Exception as error:  # `failure_kind` raises what is neither Discord's nor the network's
                if failure_kind(error) is not FailureKind.AMBIGUOUS:
                    raise
                log.warning("message %s: edit without a clear answer (%s)", self.id, error)
                await asyncio.sleep(retry_after(error, attempt))
                attempt += 1
            else:
                return

    async def remove(self) -> bool:
        """Delete the message, because another one has taken its place. False: Discord does not let the bot delete it.

        Raises:
            discord.HTTPException: No clear answer.

        """
        channel = self._client.get_partial_messageable(self.channel_id, guild_id=self.guild_id)
        try:
            await channel.get_partial_message(self.id).delete()
        except discord.NotFound:
            return True
        except discord.HTTPException as error:
            if failure_kind(error) is FailureKind.AMBIGUOUS:
                raise
            log.info("message %s cannot be deleted: %s", self.id, error.code)
            return False
        return True

    async def fetch(self) -> discord.Message:
        """The message as Discord has it."""
        channel = self._client.get_partial_messageable(self.channel_id, guild_id=self.guild_id)
        return await channel.fetch_message(self.id)

    async def _edit_reopening(self, payload: MessagePayload) -> None:
        """As `edit`; an archived thread is opened for it. Progress alone opens none: people archive them on purpose."""
        try:
            await self.edit(payload)
        except discord.HTTPException as error:
            if not await reopened(self._client, self.channel_id, error):
                raise
            await self.edit(payload)

    async def _edit_in_channel(self, payload: MessagePayload) -> None:
        channel = self._client.get_partial_messageable(self.channel_id, guild_id=self.guild_id)
        message = channel.get_partial_message(self.id)
        await message.edit(
            content=payload.content, embed=payload.embed, attachments=payload.files(), view=payload.view()
        )

    async def _edited(self, payload: MessagePayload) -> bool:
        try:
            await self._edit_in_channel(payload)
        except discord.HTTPException:
            return False
        return True

    async def _edited_by_token(self, payload: MessagePayload) -> bool:
        interaction = self._interaction
        if interaction is None or interaction.is_expired():
            return False
        try:
            await interaction.edit_original_response(
                content=payload.content, embed=payload.embed, attachments=payload.files(), view=payload.view()
            )
        except discord.HTTPException as error:
            log.info("message %s: its interaction's token does not help either (%s)", self.id, error.code)
            return False
        return True


def one_file(name: str, data: bytes) -> Callable[[], Sequence[discord.File]]:
    """The `files` of a payload with one file."""
    return lambda: [discord.File(io.BytesIO(data), filename=name)]
