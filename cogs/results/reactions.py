"""Reactions on messages, old and new: each does what the table in `cogs.ui.reactions` says, for whoever may."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import discord

from bot.discord_client.errors import NETWORK_ERRORS
from bot.domain.deliveries import Delivery, DeliveryKind
from bot.errors import ChorusError, InputInvalid, NotAllowed, TooManyRequests
from bot.rate_limiter import RateLimiter
from cogs.actors import asked_by, reaction_actor
from cogs.results.deletion import delete_result, delete_turn
from cogs.results.derived_job_starter import AlreadyRunning, DerivedJobStarter
from cogs.results.direct_messages import send_result, send_turn
from cogs.results.turn_actions import write_alternative
from cogs.speak import speech_of
from cogs.ui.errors import error_embed
from cogs.ui.reactions import ACTIONS, Action, MessageContent, Reaction, reaction_of

if TYPE_CHECKING:
    from bot.discord_client.bot import ChorusBot
    from bot.domain.conversations import Message
    from bot.domain.jobs import Job
    from bot.policy import Actor

log = logging.getLogger(__name__)

LOOKUP_PAUSES: Final = (0.05, 0.2, 0.5, 1.0)
"""Seconds between lookups of a message of ours whose id is not stored yet."""

DIRECT_MESSAGES_PER_MINUTE: Final = 5
"""Results that one person is sent."""
ERROR_SHOWN_SECONDS: Final = 30.0
"""How long an error that a reaction caused stands in the channel."""


class ReactionHandler:
    """Handles added reactions. One that the person may not use is ignored: it cannot be answered privately."""

    def __init__(self, bot: ChorusBot, starter: DerivedJobStarter) -> None:
        self._bot = bot
        self._starter = starter
        self._direct_messages = RateLimiter(DIRECT_MESSAGES_PER_MINUTE, seconds=60)
        self._errors = RateLimiter(1, seconds=60)

    async def handle(self, payload: discord.RawReactionActionEvent) -> None:
        """Do what the reaction means. Called for every reaction that the bot can see, also its own."""
        reaction = reaction_of(payload.emoji, self._bot.services.settings.discord.reactions)
        me = self._bot.user
        if reaction is None or (me is not None and payload.user_id == me.id):
            return
        if not self._bot.services.policy.serves(payload.guild_id):
            return
        row = await self._delivery(payload)
        if row is None and MessageContent.OTHER not in ACTIONS[reaction]:
            return
        try:
            channel = await self._channel(payload)
            actor = reaction_actor(payload, channel)
            if actor is not None:
                self._bot.services.policy.members.remember_actor(actor)
                self._bot.services.policy.require_not_blocked(actor)
                await self._act(reaction, actor, payload, channel=channel, row=row)
        except (AlreadyRunning, NotAllowed) as refusal:
            log.info("reaction %s on %s: nothing to do (%s)", reaction.value, payload.message_id, refusal.code)
        except ChorusError as error:
            await self._tell(payload, error)
        except (discord.HTTPException, *NETWORK_ERRORS) as error:
            log.info("reaction %s on %s failed: %s", reaction.value, payload.message_id, error)

    async def _act(
        self,
        reaction: Reaction,
        actor: Actor,
        payload: discord.RawReactionActionEvent,
        *,
        channel: Any,
        row: Delivery | None,
    ) -> None:
        if row is None:
            if ACTIONS[reaction].get(MessageContent.OTHER) is Action.SPEAK:
                await self._speak(actor, payload, channel, is_turn=False)
            return
        if row.job_id is not None:
            job = await self._bot.services.orchestrator.job(row.job_id)
            if job is not None:
                action = ACTIONS[reaction].get(MessageContent.of(job))
                await self._act_on_job(action, actor, job, channel=channel, message_id=payload.message_id)
        elif row.kind is DeliveryKind.TURN and row.message_id is not None:
            turn = await self._bot.services.conversations.repository.message(row.message_id)
            if turn is not None and turn.deleted_at is None:
                action = ACTIONS[reaction].get(MessageContent.TURN)
                await self._act_on_turn(action, actor, turn, payload, channel=channel)

    async def _act_on_job(
        self, action: Action | None, actor: Actor, job: Job, *, channel: Any, message_id: int
    ) -> None:
        policy = self._bot.services.policy
        match action:
            case Action.AGAIN | Action.RETRY | Action.SPEAK_AGAIN:
                build = self._starter.again(job)
                await self._starter.start_by_reaction(actor, channel, job, build, reply_to=message_id)
            case Action.SEND_FILE:
                self._require_more_messages(actor)
                await send_result(self._bot, job, actor.user_id)
            case Action.DELETE:
                policy.require_control(actor, job.request.requester_id)
                await delete_result(self._bot, job)
            case Action.CANCEL:
                policy.require_control(actor, job.request.requester_id)
                await self._bot.services.orchestrator.cancel(job.id)
            case _:
                return

    async def _act_on_turn(
        self,
        action: Action | None,
        actor: Actor,
        turn: Message,
        payload: discord.RawReactionActionEvent,
        *,
        channel: Any,
    ) -> None:
        match action:
            case Action.ALTERNATIVE:
                await write_alternative(self._bot, actor, turn)
            case Action.SPEAK:
                await self._speak(actor, payload, channel, is_turn=True)
            case Action.SEND_TEXT:
                self._require_more_messages(actor)
                await send_turn(self._bot, turn, actor.user_id)
            case Action.DELETE:
                self._bot.services.policy.require_control(actor, await asked_by(self._bot, turn))
                await delete_turn(self._bot, turn)
            case _:
                return

    def _require_more_messages(self, actor: Actor) -> None:
        if not self._direct_messages.allows(actor.user_id):
            raise TooManyRequests("You had many results sent to you just now.")

    async def _speak(
        self, actor: Actor, payload: discord.RawReactionActionEvent, channel: Any, *, is_turn: bool
    ) -> None:
        """Speak a turn in its character's voice, any other text in that of the channel's character."""
        message: discord.Message = await channel.fetch_message(payload.message_id)
        if not is_turn and (message.author == self._bot.user or not message.content):
            return
        if not actor.name:  # a reaction in a direct message names its user by id alone
            actor = replace(actor, name=(await self._person(payload.user_id)).display_name)
        await speech_of(self._bot).speak_message(message, actor)

    async def _delivery(self, payload: discord.RawReactionActionEvent) -> Delivery | None:
        """The row of the message. People can react to a message of ours before its id is stored."""
        row = await self._bot.services.deliveries.by_message(payload.message_id)
        me = self._bot.user
        if row is None and me is not None and payload.message_author_id == me.id:
            for pause in LOOKUP_PAUSES:
                await asyncio.sleep(pause)
                row = await self._bot.services.deliveries.by_message(payload.message_id)
                if row is not None:
                    break
        return row

    async def _person(self, user_id: int) -> discord.User:
        return self._bot.get_user(user_id) or await self._bot.fetch_user(user_id)

    async def _channel(self, payload: discord.RawReactionActionEvent) -> Any:
        """Archived threads and direct messages are not in the cache."""
        return self._bot.get_channel(payload.channel_id) or await self._bot.fetch_channel(payload.channel_id)

    async def _tell(self, payload: discord.RawReactionActionEvent, error: ChorusError) -> None:
        """Say once that the queue is full or the workflow is gone, to the person alone.

        A reaction has no private answer, so it is a direct message. Where the person takes none, a message in the
        channel says so, which is deleted after a while. Neither is repeated within a minute.
        """
        if isinstance(error, InputInvalid):  # a message without text, or a file that is gone
            log.info("reaction on %s: %s", payload.message_id, error.message)
            return
        if not self._errors.allows((payload.user_id, error.code)):
            log.info("reaction on %s: %s was told already", payload.message_id, error.code)
            return
        link = f"https://discord.com/channels/{payload.guild_id or '@me'}/{payload.channel_id}/{payload.message_id}"
        try:
            person = payload.member or await self._person(payload.user_id)
            await person.send(link, embed=error_embed(error, advice=True))
        except (discord.HTTPException, *NETWORK_ERRORS) as failure:
            log.info("user %s takes no direct message: %s", payload.user_id, failure)
            await self._tell_in_channel(payload, error)

    async def _tell_in_channel(self, payload: discord.RawReactionActionEvent, error: ChorusError) -> None:
        if not self._errors.allows((payload.channel_id, error.code)):
            return
        channel = self._bot.get_partial_messageable(payload.channel_id, guild_id=payload.guild_id)
        reference = discord.MessageReference(
            message_id=payload.message_id, channel_id=payload.channel_id, fail_if_not_exists=False
        )
        try:
            await channel.send(
                embed=error_embed(error, advice=True),
                reference=reference,
                mention_author=False,
                delete_after=ERROR_SHOWN_SECONDS,
            )
        except (discord.HTTPException, *NETWORK_ERRORS) as failure:
            log.info("message %s: %s could not be told (%s)", payload.message_id, error.code, failure)
