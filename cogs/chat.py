"""People write, characters answer: Discord's messages into the conversation, the conversation's turns into Discord."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import discord
from discord.ext import commands

from bot.conversation.messages import Incoming, Message
from cogs.delivery import delivery_of
from cogs.ui.origin import is_age_restricted
from cogs.ui.turn_buttons import AlternativeButton

if TYPE_CHECKING:
    from bot.bot import ChorusBot

log = logging.getLogger(__name__)

MISSED_LIMIT = 100
"""Messages read per channel after an absence."""
_SPOKEN = {discord.MessageType.default, discord.MessageType.reply}


class Chat(commands.Cog):
    """Listens. What is said in a channel that nobody listens to is not stored."""

    def __init__(self, bot: ChorusBot) -> None:
        self.bot = bot
        self._service = bot.services.conversations
        self._starting: asyncio.Task[None] | None = None
        self._caught_up = asyncio.Lock()

    async def cog_load(self) -> None:
        """Register the buttons; answering begins when Discord is ready."""
        self.bot.add_dynamic_items(AlternativeButton)
        self._starting = asyncio.create_task(self._start(), name="chat start")

    async def cog_unload(self) -> None:
        """Stop answering; interrupted turns are taken up at the next start."""
        if self._starting is not None:
            self._starting.cancel()
        await self._service.close()

    async def _start(self) -> None:
        await self.bot.wait_until_ready()
        await self._service.start(delivery_of(self.bot).turns)

    # -- what people write

    @commands.Cog.listener()
    async def on_message(self, message: discord.Message) -> None:
        """A new message, also of bots (the service decides) but never an echo of our own."""
        if self._concerns_us(message):
            await self._service.hear(self._incoming(message))

    @commands.Cog.listener()
    async def on_raw_message_edit(self, payload: discord.RawMessageUpdateEvent) -> None:
        """An edited message changes the history; ours are edited by ourselves."""
        if self._is_own(payload.message):
            return
        known = await self._service.store.by_discord_id(payload.message_id)
        if known is not None and known.discord_message_id == payload.message_id:
            words = self._words(payload.message)
            if words != known.content:
                await self._service.store.edit_human(payload.message_id, words)

    @commands.Cog.listener()
    async def on_raw_message_delete(self, payload: discord.RawMessageDeleteEvent) -> None:
        """A deleted message leaves the history, a person's as well as a character's."""
        await self._forget(payload.message_id)

    @commands.Cog.listener()
    async def on_raw_bulk_message_delete(self, payload: discord.RawBulkMessageDeleteEvent) -> None:
        """As above, for a purge."""
        for message_id in payload.message_ids:
            await self._forget(message_id)

    async def _forget(self, message_id: int) -> None:
        """Unless we deleted it ourselves: a shorter alternative needs fewer messages, and the turn goes on."""
        if message_id not in delivery_of(self.bot).outbox.taken_back:
            await self._service.forget(message_id)

    @commands.Cog.listener()
    async def on_webhooks_update(self, channel: discord.abc.GuildChannel) -> None:
        """Somebody changed the channel's webhooks: ours may be gone."""
        delivery_of(self.bot).webhooks.forget_channel(channel.id)

    # -- what was written while we were away

    @commands.Cog.listener()
    async def on_ready(self) -> None:
        """Read on in the channels that belong to a character; also after a connection that could not be resumed."""
        async with self._caught_up:
            for binding in await self._service.store.bindings():
                try:
                    await self._catch_up(binding.channel_id)
                except discord.HTTPException as error:
                    log.info("channel %s cannot be read: %s", binding.channel_id, error.code)

    async def _catch_up(self, channel_id: int) -> None:
        channel = self.bot.get_channel(channel_id)
        if not isinstance(channel, discord.TextChannel):
            return
        for place in (channel, *channel.threads):
            newest = await self._service.store.newest_discord_id(place.id)
            if newest is None or (place.last_message_id or 0) <= newest:
                continue
            addressed: Message | None = None
            async for message in place.history(limit=MISSED_LIMIT, after=discord.Object(newest), oldest_first=True):
                if self._concerns_us(message):
                    stored = await self._service.hear(self._incoming(message), missed=True)
                    addressed = stored if stored is not None and stored.character_id else addressed
            if addressed is not None:
                await self._service.answer_missed(addressed)

    # -- from Discord's terms to ours

    def _concerns_us(self, message: discord.Message) -> bool:
        settings = self.bot.services.settings.discord
        if message.type not in _SPOKEN or self._is_own(message):
            return False
        if message.guild is None:
            return settings.allow_dms
        return not settings.guild_ids or message.guild.id in settings.guild_ids

    def _is_own(self, message: discord.Message) -> bool:
        """The bot's, or one of a webhook that this application owns."""
        me = self.bot.user
        own_webhook = message.webhook_id is not None and message.application_id == self.bot.application_id
        return own_webhook or (me is not None and message.author.id == me.id)

    def _incoming(self, message: discord.Message) -> Incoming:
        me = self.bot.user
        replied = message.reference.resolved if message.reference else None
        return Incoming(
            discord_message_id=message.id,
            channel_id=message.channel.id,
            parent_channel_id=message.channel.parent_id if isinstance(message.channel, discord.Thread) else None,
            guild_id=message.guild.id if message.guild else None,
            author_id=message.author.id,
            author_name=message.author.display_name,
            author_is_bot=message.author.bot,
            content=self._words(message),
            mentions_bot=me is not None and any(user.id == me.id for user in message.mentions),
            replies_to_bot=isinstance(replied, discord.Message) and self._is_own(replied),
            replies_to_message_id=message.reference.message_id if message.reference else None,
            age_restricted=is_age_restricted(message.channel),
            attachments=tuple(attachment.filename for attachment in message.attachments),
            created_at=message.created_at,
        )

    def _words(self, message: discord.Message) -> str:
        """What was written, mentions as names and without the one that only calls the bot."""
        me = self.bot.user
        text = message.clean_content
        if me is not None:
            called = message.guild.me.display_name if message.guild else me.display_name
            text = text.replace(f"@{called}", "")
        return " ".join(text.split(" ")).strip()


async def setup(bot: ChorusBot) -> None:
    """Called by `load_extension`."""
    await bot.add_cog(Chat(bot))
