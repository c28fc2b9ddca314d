"""Speaks messages: finds out in whose voice, makes each speech once, and replaces speech whose text has changed."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import discord

from bot.discord_client.errors import NETWORK_ERRORS
from bot.domain.deliveries import DeliveryKind, DeliveryState
from bot.domain.jobs import UNFINISHED, JobKind, JobState, Origin
from bot.errors import ChorusError
from bot.voice.speech_requests import SpeechRequest
from bot.voice.speech_text import NO_NAMES, MentionNames
from cogs.actors import asked_by, channel_of
from cogs.channel_characters import channel_character_id
from cogs.delivery import delivery_of

if TYPE_CHECKING:
    from bot.discord_client.bot import ChorusBot
    from bot.domain.conversations import Message
    from bot.domain.jobs import Job
    from bot.policy import Actor

log = logging.getLogger(__name__)

NOT_HEARD_YET = UNFINISHED | {JobState.GENERATED}


class MessageSpeaker:
    """Speech of messages, for the context menu, the reaction and the button."""

    def __init__(self, bot: ChorusBot) -> None:
        self._bot = bot
        self._accepting = asyncio.Lock()

    async def speak_message(self, message: discord.Message, actor: Actor) -> tuple[Job, str | None]:
        """Speak a message: a character's in its own voice, others in that of the channel's character.

        Speech that is being made or was posted is not made twice.

        Args:
            message: What is spoken.
            actor: Who wants it, in the message's channel.

        Returns:
            The job, and the address of its voice message if it was posted before.

        Raises:
            ChorusError: It cannot be spoken: no words, no voice, no permission, queue full.

        """
        policy = self._bot.services.policy
        policy.require_may_ask(actor)
        turn = await self._turn_of(message)
        policy.require_may_derive(actor, message.author.id if turn is None else await asked_by(self._bot, turn))
        async with self._accepting:  # two presses at the same time make one speech
            spoken = await self._speech_job(message)
            known = await self._posted_or_open(spoken) if spoken is not None else None
            if known is not None:
                return known
            speech = await self._speech_request(message, turn, actor)
            known = await self._known_speech(speech)
            if known is not None:
                return known
            job = await self._bot.services.voice.submit(speech)
        delivery_of(self._bot).present(job)
        await self._show_typing(message.channel)
        return job, None

    async def replace_if_changed(self, message: discord.Message) -> None:
        """A message was edited: speech of it that nobody has heard yet is made anew if the text is another."""
        voice, delivery = self._bot.services.voice, delivery_of(self._bot)
        for job in await voice.jobs_for_message(message.id):
            if job.state not in NOT_HEARD_YET or job.request.written_prompt == message.content:
                continue
            await delivery.voices.drop(job)
            try:
                new = await voice.replace(job, message.content, names_in_message(message))
            except ChorusError as error:
                log.info("job %s is not replaced: %s", job.id, error)
            else:
                if new is not None:
                    delivery.present(new)

    async def drop_speech_of(self, message_id: int) -> None:
        """A message was deleted: its speech is ended or deleted too."""
        delivery = delivery_of(self._bot)
        if message_id in delivery.outbox.own_deletions:
            return
        spoken = list(await self._bot.services.voice.jobs_for_message(message_id))
        row = await self._bot.services.deliveries.by_message(message_id)
        if row is not None and row.kind is DeliveryKind.TURN and row.message_id is not None:
            spoken += await self._bot.services.voice.turns.jobs_for(row.message_id)
        for job in {job.id: job for job in spoken}.values():
            await delivery.voices.drop(job)

    async def _turn_of(self, message: discord.Message) -> Message | None:
        """The character's turn that a message is part of."""
        turn = await self._bot.services.conversations.repository.message_by_discord_id(message.id)
        return turn if turn is not None and turn.character_id is not None and turn.alternatives else None

    async def _speech_request(self, message: discord.Message, turn: Message | None, actor: Actor) -> SpeechRequest:
        services = self._bot.services
        guild_id = message.guild.id if message.guild else None
        where = channel_of(message.channel, guild_id=guild_id, channel_id=message.channel.id)
        if turn is not None and turn.character_id is not None:
            character_id, text = turn.character_id, turn.text
            source = await services.voice.turns.first_message_id(turn.id) or message.id
            thread_id, conversation_id = turn.thread_id, turn.conversation_id
        else:
            job = await self._job_of(message)
            character_id = job.request.character_id if job is not None else await channel_character_id(self._bot, where)
            is_speech = job is not None and job.request.kind is JobKind.AUDIO
            text = (job.request.written_prompt or "") if job is not None and is_speech else message.content
            source, thread_id, conversation_id = message.id, None, None
        character = services.characters.get(character_id, guild_id)
        services.policy.require_suitable(where, character.name, adults_only=character.nsfw)
        newest = getattr(message.channel, "last_message_id", None) or 0
        return SpeechRequest(
            text=text,
            character_id=character_id,
            origin=Origin(
                guild_id=guild_id,
                channel_id=message.channel.id,
                after_message_id=max(newest, message.id),
                reply_to_message_id=message.id,
                age_restricted=where.age_restricted,
                parent_channel_id=where.parent_id,
            ),
            requester_id=actor.user_id,
            requester_name=actor.name,
            names=names_in_message(message),
            source_message_id=source,
            conversation_id=conversation_id,
            thread_id=thread_id,
            message_id=turn.id if turn else None,
            alternative=turn.shown_alternative if turn else None,
        )

    async def _job_of(self, message: discord.Message) -> Job | None:
        """The job that a message of ours shows."""
        row = await self._bot.services.deliveries.by_message(message.id)
        return await self._bot.services.orchestrator.job(row.job_id) if row is not None and row.job_id else None

    async def _speech_job(self, message: discord.Message) -> Job | None:
        """The job of a voice message, or of an answer of `/speak`."""
        job = await self._job_of(message)
        return job if job is not None and job.request.kind is JobKind.AUDIO else None

    async def _known_speech(self, speech: SpeechRequest) -> tuple[Job, str | None] | None:
        """Speech of exactly these words that is being made or was posted."""
        for job in reversed(await self._bot.services.voice.jobs_for_message(speech.source_message_id or 0)):
            if job.request.written_prompt != speech.text or job.request.message_id != speech.message_id:
                continue
            known = await self._posted_or_open(job)
            if known is not None:
                return known
        return None

    async def _posted_or_open(self, job: Job) -> tuple[Job, str | None] | None:
        """The job and the address of its voice message, None while it is being made. None: it cannot be heard."""
        if job.state in NOT_HEARD_YET:
            return job, None
        for row in await self._bot.services.deliveries.of_job(job.id):
            if row.kind is DeliveryKind.VOICE and row.state is DeliveryState.SENT:
                guild = row.guild_id or "@me"
                return job, f"https://discord.com/channels/{guild}/{row.channel_id}/{row.discord_message_id}"
        return None

    async def _show_typing(self, channel: discord.abc.Messageable) -> None:
        """The quickest sign that the request was taken."""
        try:
            async with asyncio.timeout(5):
                await channel.typing()
        except (discord.HTTPException, *NETWORK_ERRORS) as error:
            log.debug("no typing indicator: %s", error)


def names_in_message(message: discord.Message) -> MentionNames:
    """The names of the people, channels and roles that a message may mention."""
    around = names_in_channel(message.channel)
    users = {user.id: user.display_name for user in message.mentions}
    return MentionNames(users, around.channels, around.roles)


def names_in_channel(channel: object) -> MentionNames:
    """The names of the server's channels and roles; its members are not kept in memory."""
    guild = getattr(channel, "guild", None)
    if not isinstance(guild, discord.Guild):
        return NO_NAMES
    channels = {each.id: each.name for each in (*guild.channels, *guild.threads)}
    return MentionNames({}, channels, {role.id: role.name for role in guild.roles})
