"""Reactions on messages, old and new: each does the one thing the table says, for whoever may, or nothing."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Final

import discord

from bot.discord_client.errors import NETWORK_ERRORS
from bot.domain.deliveries import Delivery, DeliveryKind
from bot.errors import ChorusError, InputInvalid, NotAllowed
from cogs.regenerate._sending import send_result, send_turn
from cogs.regenerate._starting import AlreadyRunning, Starter
from cogs.regenerate._taking_down import take_down, take_down_turn
from cogs.speak import speak_of
from cogs.ui.asker import Asker
from cogs.ui.errors import error_embed
from cogs.ui.reactions import TABLE, Deed, Shown, Sign, shown_by, sign_of

if TYPE_CHECKING:
    from bot.discord_client.bot import ChorusBot
    from bot.domain.conversations import Message
    from bot.domain.jobs import Job

log = logging.getLogger(__name__)


RECORDED_AFTER: Final = (0.05, 0.2, 0.5, 1.0)
"""Seconds between looks for a message that was posted this very moment."""


class Reactions:
    """Reads the table. What a reaction may not do, it does not, without a word: it cannot be answered privately."""

    def __init__(self, bot: ChorusBot, starter: Starter) -> None:
        self._bot = bot
        self._starter = starter

    async def added(self, payload: discord.RawReactionActionEvent) -> None:
        """A reaction, also of our own and on messages that are nobody's business."""
        sign = sign_of(payload.emoji, self._bot.services.settings.discord.reactions)
        me = self._bot.user
        if sign is None or (me is not None and payload.user_id == me.id) or not self._serves(payload.guild_id):
            return
        row = await self._row(payload)
        if row is None and Shown.OTHER not in TABLE[sign]:
            return
        try:
            channel = await self._channel(payload)
            asker = Asker.reacting(payload, channel)
            if asker is not None:
                asker.require_served(self._bot)
                await self._act(sign, asker, payload, row)
        except (AlreadyRunning, NotAllowed) as refusal:
            log.info("reaction %s on %s: nothing to do (%s)", sign.value, payload.message_id, refusal.code)
        except ChorusError as error:
            await self._tell(payload, error)
        except (discord.HTTPException, *NETWORK_ERRORS) as error:
            log.info("reaction %s on %s came to nothing: %s", sign.value, payload.message_id, error)

    async def _act(
        self, sign: Sign, asker: Asker, payload: discord.RawReactionActionEvent, row: Delivery | None
    ) -> None:
        if row is None:
            if TABLE[sign].get(Shown.OTHER) is Deed.SPEAK:
                await self._speak(asker, payload, None)
            return
        if row.job_id is not None:
            job = await self._bot.services.orchestrator.job(row.job_id)
            if job is not None:
                await self._on_job(TABLE[sign].get(shown_by(job)), asker, job, payload.message_id)
        elif row.kind is DeliveryKind.TURN and row.message_id is not None:
            turn = await self._bot.services.conversations.repository.message(row.message_id)
            if turn is not None and turn.deleted_at is None:
                await self._on_turn(TABLE[sign].get(Shown.TURN), asker, turn, payload)

    # -- results of jobs

    async def _on_job(self, deed: Deed | None, asker: Asker, job: Job, message_id: int) -> None:
        match deed:
            case Deed.AGAIN | Deed.RETRY | Deed.SPEAK_AGAIN:
                await self._starter.again(asker, job, reply_to=message_id)
            case Deed.SEND_FILE:
                await send_result(self._bot, job, asker.user_id)
            case Deed.DELETE:
                asker.require_control(job.request.requester_id)
                await take_down(self._bot, job)
            case Deed.CANCEL:
                asker.require_control(job.request.requester_id)
                await self._bot.services.orchestrator.cancel(job.id)
            case _:
                return

    # -- turns

    async def _on_turn(
        self, deed: Deed | None, asker: Asker, turn: Message, payload: discord.RawReactionActionEvent
    ) -> None:
        match deed:
            case Deed.ALTERNATIVE:
                await self.alternative(asker, turn)
            case Deed.SPEAK:
                await self._speak(asker, payload, turn)
            case Deed.SEND_TEXT:
                await send_turn(self._bot, turn, asker.user_id)
            case Deed.DELETE:
                asker.require_control(await author_of(self._bot, turn))
                await take_down_turn(self._bot, turn)
            case _:
                return

    async def alternative(self, asker: Asker, turn: Message) -> None:
        """Another answer, in the place of this one.

        Raises:
            ChorusError: Not allowed, or the turn is gone.

        """
        asker.require_may_ask(self._bot, await author_of(self._bot, turn))
        asker.require_fitting(self._starter.character(turn.character_id or "", asker.guild_id))
        await self._bot.services.conversations.regenerate(turn.id)

    # -- speech

    async def _speak(self, asker: Asker, payload: discord.RawReactionActionEvent, turn: Message | None) -> None:
        """Any message with words, in its character's voice or the channel's; see `Speak.speak_message`."""
        message = await asker.channel.fetch_message(payload.message_id)
        asker.require_may_ask(self._bot, await author_of(self._bot, turn) if turn is not None else message.author.id)
        if turn is None and (message.author == self._bot.user or not message.content):
            return
        person = payload.member or self._bot.get_user(payload.user_id) or await self._bot.fetch_user(payload.user_id)
        await speak_of(self._bot).speak_message(message, person)

    # -- around it

    async def _row(self, payload: discord.RawReactionActionEvent) -> Delivery | None:
        """What is known of the message. One of ours can be seen, and reacted to, before its id is recorded."""
        row = await self._bot.services.deliveries.by_message(payload.message_id)
        me = self._bot.user
        if row is None and me is not None and payload.message_author_id == me.id:
            for pause in RECORDED_AFTER:
                await asyncio.sleep(pause)
                row = await self._bot.services.deliveries.by_message(payload.message_id)
                if row is not None:
                    break
        return row

    def _serves(self, guild_id: int | None) -> bool:
        settings = self._bot.services.settings.discord
        if guild_id is None:
            return settings.allow_dms
        return not settings.guild_ids or guild_id in settings.guild_ids

    async def _channel(self, payload: discord.RawReactionActionEvent) -> Any:
        """Archived threads and direct messages are not in the cache."""
        return self._bot.get_channel(payload.channel_id) or await self._bot.fetch_channel(payload.channel_id)

    async def _tell(self, payload: discord.RawReactionActionEvent, error: ChorusError) -> None:
        """The queue is full, the workflow is gone: there is no private answer to a reaction, so a short public one."""
        if isinstance(error, InputInvalid):  # no words in it, no file any more
            log.info("reaction on %s: %s", payload.message_id, error.message)
            return
        channel = self._bot.get_partial_messageable(payload.channel_id, guild_id=payload.guild_id)
        reference = discord.MessageReference(
            message_id=payload.message_id, channel_id=payload.channel_id, fail_if_not_exists=False
        )
        try:
            await channel.send(embed=error_embed(error, advice=True), reference=reference, mention_author=False)
        except (discord.HTTPException, *NETWORK_ERRORS) as failure:
            log.info("message %s: %s could not be told (%s)", payload.message_id, error.code, failure)


async def author_of(bot: ChorusBot, turn: Message) -> int | None:
    """The person whom the turn answers."""
    asked = await bot.services.conversations.repository.message(turn.reply_to_id) if turn.reply_to_id else None
    return asked.author_id if asked is not None else None
