"""People write, characters answer: Discord's messages into the conversation, the conversation's turns into Discord."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

import discord
from discord.ext import commands

from bot.discord_client.errors import NETWORK_ERRORS
from bot.domain.conversations import IncomingMessage
from bot.errors import ChorusError, InputInvalid, NotAllowed
from bot.rate_limiter import RateLimiter
from cogs.actors import channel_of, interaction_actor, remember_author, require_known, turn_here
from cogs.component_router import router_of
from cogs.delivery import delivery_of
from cogs.ui.errors import error_embed
from cogs.ui.job_buttons import SHOW_ALTERNATIVE

if TYPE_CHECKING:
    from bot.discord_client.bot import ChorusBot
    from bot.domain.conversations import Message

log = logging.getLogger(__name__)

MISSED_LIMIT = 100
"""Messages read per channel after an absence, the newest."""
READERS = 5
"""Channels read at once after an absence."""
SLOW_READ_SECONDS = 1.0
"""A channel that takes longer (it answers 502, say) lets the next one be read beside it."""
REFUSAL_SECONDS = 3600.0
"""A person is told at most once in this time in a channel why nobody answers."""
REFUSAL_SHOWN_SECONDS = 60.0
_SPOKEN = {discord.MessageType.default, discord.MessageType.reply}


class ChatCog(commands.Cog, name="Chat"):
    """Listens. What is said in a channel that nobody listens to is not stored."""

    def __init__(self, bot: ChorusBot) -> None:
        self.bot = bot
        self._service = bot.services.conversations
        self._delivery = delivery_of(bot)
        self._refusals = RateLimiter(1, seconds=REFUSAL_SECONDS)
        self._starting: asyncio.Task[None] | None = None
        self._places_known = asyncio.Event()
        self._catching_up: dict[int, asyncio.Event] = {}
        """Channel -> set when what was missed in it has been read."""
        self._in_order: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()

    async def cog_load(self) -> None:
        """Register the buttons; answering begins when Discord is ready."""
        router_of(self.bot).add(SHOW_ALTERNATIVE, self._show_alternative)
        self._starting = asyncio.create_task(self._start(), name="chat start")

    async def cog_unload(self) -> None:
        """Stop answering; interrupted turns are taken up at the next start."""
        if self._starting is not None:
            self._starting.cancel()
        await self._service.close()
        await self._delivery.webhooks.close()

    async def _start(self) -> None:
        await self.bot.wait_until_ready()
        await self._service.start(self._delivery.turns)

    # -- what people write. discord.py starts a task per event, in order; the lock keeps that order through the store:
    # -- an edit or a deletion comes after its message, and the second message after the first.

    @commands.Cog.listener()
    async def on_message(self, message: discord.Message) -> None:
        """A new message, also of bots (the service decides) but never an echo of our own."""
        if self._concerns_us(message):
            remember_author(self.bot, message)
            async with self._order(message.channel.id):
                try:
                    await self._service.receive(await self._incoming(message))
                except ChorusError as refusal:
                    await self._tell_refusal(message, refusal)

    @commands.Cog.listener()
    async def on_raw_message_edit(self, payload: discord.RawMessageUpdateEvent) -> None:
        """An edited message changes the history; ours are edited by ourselves."""
        if self._is_own(payload.message):
            return
        async with self._order(payload.channel_id):
            known = await self._service.repository.message_by_discord_id(payload.message_id)
            if known is not None and known.discord_message_id == payload.message_id:
                text = (await self._incoming(payload.message)).text
                if text != known.content:
                    await self._service.repository.edit_user_message(payload.message_id, text)

    @commands.Cog.listener()
    async def on_raw_message_delete(self, payload: discord.RawMessageDeleteEvent) -> None:
        """A deleted message leaves the history, a person's as well as a character's."""
        await self._forget(payload.channel_id, payload.message_id)

    @commands.Cog.listener()
    async def on_raw_bulk_message_delete(self, payload: discord.RawBulkMessageDeleteEvent) -> None:
        """As above, for a purge."""
        for message_id in payload.message_ids:
            await self._forget(payload.channel_id, message_id)

    async def _forget(self, channel_id: int, message_id: int) -> None:
        """Unless we deleted it ourselves: a shorter alternative needs fewer messages, and the turn goes on."""
        if message_id in self._delivery.outbox.own_deletions:
            return
        # Noted before the rows are read: who stores the id of the message meanwhile looks here afterwards.
        self._delivery.outbox.deletions.append(message_id)
        async with self._order(channel_id):
            await self._service.delete_message(message_id)

    @asynccontextmanager
    async def _order(self, channel_id: int) -> AsyncGenerator[None]:
        """First come, first served; a thread is in line with its parent, whose conversation it shares.

        What was missed in the channel comes first. A channel that cannot be read holds up no other one.
        """
        await self._places_known.wait()
        if (caught_up := self._catching_up.get(channel_id)) is not None:
            await caught_up.wait()
        channel = self.bot.get_channel(channel_id)
        home = channel.parent_id if isinstance(channel, discord.Thread) else channel_id
        async with self._in_order.setdefault(home, asyncio.Lock()):
            yield

    @commands.Cog.listener()
    async def on_webhooks_update(self, channel: discord.abc.GuildChannel) -> None:
        """Somebody changed the channel's webhooks: ours may be gone."""
        self._delivery.webhooks.forget_channel(channel.id)

    # -- what was written while we were away

    @commands.Cog.listener()
    async def on_connect(self) -> None:
        """A new session, not a resumed one: what comes now waits until we have read what came before it."""
        self._places_known.clear()

    @commands.Cog.listener()
    async def on_ready(self) -> None:
        """Read on where characters are spoken to; also after a connection that could not be resumed."""
        try:
            places = await self._places()
            self._catching_up = caught_up = {place.id: asyncio.Event() for place in places}
        finally:
            self._places_known.set()
        readers = asyncio.Semaphore(READERS)
        await asyncio.gather(*(self._read_on(place, readers, caught_up[place.id]) for place in places))

    async def _places(self) -> list[Any]:
        """Bound channels with their threads, and wherever else somebody was talked to; as far as we can see them."""
        repository = self._service.repository
        bound = {binding.channel_id for binding in await repository.bindings()}
        known = await repository.known_channels()
        places: dict[int, Any] = {}
        for channel_id in bound | set(known):
            channel = self.bot.get_channel(channel_id)
            if channel is not None:
                found: list[Any] = [channel, *(getattr(channel, "threads", ()) if channel_id in bound else ())]
                places |= {each.id: each for each in found if hasattr(each, "history")}
            elif known.get(channel_id, 0) is None and self.bot.services.policy.serves(None):
                places[channel_id] = self.bot.get_partial_messageable(channel_id)  # in no cache: asked for by id
        return list(places.values())

    async def _read_on(self, place: Any, readers: asyncio.Semaphore, caught_up: asyncio.Event) -> None:
        reading: asyncio.Task[None] | None = None
        try:
            async with readers:
                reading = asyncio.create_task(self._catch_up(place), name=f"catch up in {place.id}")
                await asyncio.wait([reading], timeout=SLOW_READ_SECONDS)
            await reading
        except (discord.HTTPException, *NETWORK_ERRORS) as error:
            log.info("channel %s cannot be read: %s", place.id, error)
        finally:
            if reading is not None:
                reading.cancel()
            caught_up.set()

    async def _catch_up(self, place: Any) -> None:
        newest = await self._service.repository.newest_discord_message_id(place.id)
        if newest is None:  # bound, and never talked in: nothing older would be answered
            recently = self._service.options.now() - self._service.options.answer_missed_within
            newest = discord.utils.time_snowflake(recently)
        if getattr(place, "last_message_id", None) is not None and place.last_message_id <= newest:
            return
        after = discord.Object(newest)
        missed = [each async for each in place.history(limit=MISSED_LIMIT, after=after, oldest_first=False)]
        stored = [await self._receive_missed(message) for message in reversed(missed) if self._concerns_us(message)]
        await self._service.answer_newest([message for message in stored if message is not None])

    async def _receive_missed(self, message: discord.Message) -> Message | None:
        """Messages that are read later come without the roles of who wrote them."""
        await require_known(self.bot, message.guild, message.author.id)
        with contextlib.suppress(NotAllowed):
            return await self._service.receive(await self._incoming(message), missed=True)
        return None

    async def _tell_refusal(self, message: discord.Message, refusal: ChorusError) -> None:
        """Say once in a while why somebody is not answered; in a channel nobody can be told privately."""
        log.info("message %s is not answered: %s", message.id, refusal.code)
        if not self._refusals.allows((message.channel.id, message.author.id)):
            return
        try:
            await message.reply(
                embed=error_embed(refusal, advice=True), mention_author=False, delete_after=REFUSAL_SHOWN_SECONDS
            )
        except (discord.HTTPException, *NETWORK_ERRORS) as failure:
            log.info("message %s cannot be answered: %s", message.id, failure)

    # -- buttons of turns

    async def _show_alternative(self, interaction: discord.Interaction[ChorusBot], match: re.Match[str]) -> None:
        """Show another alternative of the turn and make it the one in the history; the message itself is the answer."""
        self.bot.services.policy.require_may_write(interaction_actor(interaction))
        await turn_here(interaction, match["turn"])
        await interaction.response.defer()
        shown = await self._service.show_alternative(match["turn"], int(match["n"]))
        if shown is None:
            raise InputInvalid("That answer no longer exists.", advice="Ask for a new one with 🔁.")

    # -- from discord.py's messages to values

    def _concerns_us(self, message: discord.Message) -> bool:
        if message.type not in _SPOKEN or self._is_own(message):
            return False
        return self.bot.services.policy.serves(message.guild.id if message.guild else None)

    def _is_own(self, message: discord.Message) -> bool:
        """The bot's, or one of a webhook that this application owns."""
        me = self.bot.user
        own_webhook = message.webhook_id is not None and message.application_id == self.bot.application_id
        return own_webhook or (me is not None and message.author.id == me.id)

    async def _incoming(self, message: discord.Message) -> IncomingMessage:
        replied = message.reference.resolved if message.reference else None
        return IncomingMessage(
            discord_message_id=message.id,
            channel=channel_of(
                message.channel, guild_id=message.guild.id if message.guild else None, channel_id=message.channel.id
            ),
            author_id=message.author.id,
            author_name=message.author.display_name,
            author_is_bot=message.author.bot,
            content=self._words(message),
            mentions_bot=self._mentions_us(message),
            replies_to_bot=isinstance(replied, discord.Message) and self._is_own(replied),
            replies_to_message_id=message.reference.message_id if message.reference else None,
            replied_character_id=await self._drawn_by(message.reference),
            attachments=tuple(
                [file.filename for file in message.attachments] + [f"sticker {each.name}" for each in message.stickers]
            ),
            created_at=message.created_at,
        )

    def _mentions_us(self, message: discord.Message) -> bool:
        """By name, or by the role that Discord makes for a bot and suggests beside it."""
        me = self.bot.user
        own_role = message.guild.self_role if message.guild else None
        return me is not None and (
            any(user.id == me.id for user in message.mentions)
            or (own_role is not None and any(role.id == own_role.id for role in message.role_mentions))
        )

    async def _drawn_by(self, reference: discord.MessageReference | None) -> str | None:
        """Whose picture or voice the message replies to, if that."""
        if reference is None or reference.message_id is None:
            return None
        row = await self.bot.services.deliveries.by_message(reference.message_id)
        job = await self.bot.services.orchestrator.job(row.job_id) if row is not None and row.job_id else None
        return job.request.character_id if job is not None else None

    def _words(self, message: discord.Message) -> str:
        """What was written, mentions as names and without the one that only calls the bot."""
        me = self.bot.user
        text = message.clean_content
        if me is None or not self._mentions_us(message):
            return text.strip()
        names = {message.guild.me.display_name if message.guild else me.display_name}
        if message.guild is not None and message.guild.self_role is not None:
            names.add(message.guild.self_role.name)
        for name in sorted(names, key=len, reverse=True):
            text = re.sub(rf"[ ]?@{re.escape(name)}(?!\w)", "", text)
        return text.strip() or message.clean_content.strip()  # a lone mention is a call, too


async def setup(bot: ChorusBot) -> None:
    """Called by `load_extension`."""
    await bot.add_cog(ChatCog(bot))
