"""One message of ours that is edited many times: progress, then the result. Edits are repeated safely."""

from __future__ import annotations

import asyncio
import io
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import discord

from bot.discord_client.errors import Trouble, retry_after, trouble_of
from cogs.ui.text import plain

if TYPE_CHECKING:
    from cogs.ui.views import DynamicView

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Face:
    """What a message shows. `files` and `view` build new objects at each call: discord.py's are single-use."""

    embed: discord.Embed | None
    files: Callable[[], Sequence[discord.File]] = tuple
    view: Callable[[], DynamicView | None] = lambda: None
    content: str | None = None


class LiveMessage:
    """A message by its ids, edited as a channel message.

    Interaction tokens die after 15 minutes; a channel edit does not. Where the bot cannot see the channel, the
    interaction's token serves as long as it lives (`interaction`, kept in memory only).
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

    async def edit(self, face: Face) -> None:
        """Make the message look like `face`; everything it showed before is replaced. Safe to repeat.

        Raises:
            discord.HTTPException: As Discord refused, once.

        """
        try:
            await self._edit_in_channel(face)
        except discord.Forbidden:
            if face.embed is not None and await self._edited(without_embed(face)):
                return
            if not await self._edited_by_token(face):
                raise

    async def edit_until_shown(self, face: Face) -> None:
        """As `edit`, waiting as long as Discord is away. For the last face.

        Raises:
            discord.HTTPException: Discord refuses.

        """
        attempt = 0
        while True:
            try:
                await self.edit(face)
            except Exception as error:
                if trouble_of(error) is not Trouble.AMBIGUOUS:
                    raise
                log.warning("message %s: edit without a clear answer (%s)", self.id, error)
                await asyncio.sleep(retry_after(error, attempt))
                attempt += 1
            else:
                return

    async def fetch(self) -> discord.Message:
        """The message as Discord has it."""
        channel = self._client.get_partial_messageable(self.channel_id, guild_id=self.guild_id)
        return await channel.fetch_message(self.id)

    async def _edit_in_channel(self, face: Face) -> None:
        channel = self._client.get_partial_messageable(self.channel_id, guild_id=self.guild_id)
        message = channel.get_partial_message(self.id)
        await message.edit(content=face.content, embed=face.embed, attachments=face.files(), view=face.view())

    async def _edited(self, face: Face) -> bool:
        try:
            await self._edit_in_channel(face)
        except discord.HTTPException:
            return False
        return True

    async def _edited_by_token(self, face: Face) -> bool:
        interaction = self._interaction
        if interaction is None or interaction.is_expired():
            return False
        try:
            await interaction.edit_original_response(
                content=face.content, embed=face.embed, attachments=face.files(), view=face.view()
            )
        except discord.HTTPException as error:
            log.info("message %s: its interaction's token does not help either (%s)", self.id, error.code)
            return False
        return True


def without_embed(face: Face) -> Face:
    """The same as text, for channels where the bot may not embed links."""
    text = plain(face.embed) if face.embed is not None else face.content
    return Face(None, files=face.files, view=face.view, content=text)


def picture(name: str, data: bytes) -> Callable[[], Sequence[discord.File]]:
    """The files of a face that shows one picture."""
    return lambda: [discord.File(io.BytesIO(data), filename=name)]
