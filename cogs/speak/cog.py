"""`/speak`, the context menu **Speak**, and the voice that follows a character's messages."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import discord
from discord import app_commands
from discord.ext import commands

from bot.discord_client.errors import NETWORK_ERRORS
from bot.domain.jobs import JobKind, Origin
from bot.errors import InputInvalid, NotAllowed, VoiceUnavailable
from bot.voice.speech_requests import SpeechRequest
from cogs.actors import asked_by, channel_of, interaction_actor, interaction_origin, require_known
from cogs.channel_characters import character_of
from cogs.delivery import delivery_of
from cogs.option_completion import completed_options
from cogs.settings_option import (
    LONGEST_SETTINGS,
    SETTINGS_HINT,
    with_settings,
)
from cogs.speak.speaker import MessageSpeaker, names_in_channel

if TYPE_CHECKING:
    from bot.discord_client.bot import ChorusBot
    from bot.domain.conversations import Message, Thread
    from bot.domain.jobs import Job
    from bot.policy import Actor

log = logging.getLogger(__name__)

LONGEST_TEXT = 4000


class SpeakCog(commands.Cog, name="Speak"):
    """From commands and events to speech. What is spoken is decided in `bot.voice`, posting is delivery's."""

    def __init__(self, bot: ChorusBot) -> None:
        self.bot = bot
        self._speaker = MessageSpeaker(bot)
        self._menu = app_commands.ContextMenu(name="Speak", callback=self.speak_this)
        self._preparing_samples: asyncio.Task[None] | None = None

    async def cog_load(self) -> None:
        """Add the menu, listen to turns, and convert the host's voice samples."""
        self.bot.tree.add_command(self._menu)
        delivery_of(self.bot).turns.add_listener(self._turn_shown)
        self._preparing_samples = asyncio.create_task(self._prepare_samples(), name="voice samples")

    async def cog_unload(self) -> None:
        """Remove the menu and stop converting."""
        self.bot.tree.remove_command(self._menu.name, type=self._menu.type)
        if self._preparing_samples is not None:
            self._preparing_samples.cancel()

    async def _prepare_samples(self) -> None:
        try:
            await self.bot.services.voice.prepare_host_samples()
        except Exception:  # the task's boundary: each sample is converted when it is needed
            log.exception("the voice samples could not be converted at start")

    # -- asked for

    @app_commands.command(name="speak", description="Let a character say something")
    @completed_options(JobKind.AUDIO)
    @app_commands.describe(
        text="What to say",
        character="Whose voice; leave out for this channel's character",
        workflow="One of the character's speech workflows",
        settings=SETTINGS_HINT,
    )
    async def speak(
        self,
        interaction: discord.Interaction[ChorusBot],
        text: app_commands.Range[str, 1, LONGEST_TEXT],
        character: app_commands.Range[str, 1, 100] | None = None,
        workflow: app_commands.Range[str, 1, 100] | None = None,
        settings: app_commands.Range[str, 1, LONGEST_SETTINGS] | None = None,
    ) -> None:
        """Answers with the text, quoted; the voice message replies to that."""
        actor, policy = interaction_actor(interaction), self.bot.services.policy
        policy.require_may_ask(actor)
        speaker = await character_of(interaction, character)
        policy.require_suitable(actor.channel, speaker.name, adults_only=speaker.nsfw)
        thread = await self.bot.services.conversations.channels.current_thread(actor.channel)
        speech = SpeechRequest(
            text=text,
            character_id=speaker.id,
            origin=interaction_origin(interaction),
            requester_id=actor.user_id,
            requester_name=actor.name,
            names=names_in_channel(interaction.channel),
            conversation_id=thread.conversation_id if thread else None,
            thread_id=thread.id if thread else None,
            workflow_name=workflow,
        )
        request = await self.bot.services.voice.build_job_request(speech)
        if request is None:
            raise InputInvalid("There is nothing to say in that.", advice="Give some words to speak.")
        request, _ = await with_settings(self.bot, actor, speaker, request, settings)
        await delivery_of(self.bot).accept(interaction, request)

    async def speak_this(self, interaction: discord.Interaction[ChorusBot], message: discord.Message) -> None:
        """The context menu: the voice message replies to the message; the person alone is told that it comes."""
        job, link = await self.speak_message(message, interaction_actor(interaction))
        character = self.bot.services.characters.get(job.request.character_id, interaction.guild_id)
        if link is not None:
            text = f"{character.name} has spoken that already: {link}"
        else:
            text = f"{character.name} will say it."
        if job.note:
            text += f"\n-# {job.note}"
        try:
            await interaction.response.send_message(text, ephemeral=True)
        except (discord.HTTPException, *NETWORK_ERRORS):
            if link is None:  # Discord told the person that the command failed
                await delivery_of(self.bot).voices.drop(job)
            raise

    async def speak_message(self, message: discord.Message, actor: Actor) -> tuple[Job, str | None]:
        """Speak a message: a character's in its own voice, others in that of the channel's character.

        Args:
            message: What is spoken; the voice message replies to it.
            actor: Who wants it, in the message's channel.

        Returns:
            The job, and the address of its voice message if it was posted before.

        Raises:
            ChorusError: It cannot be spoken: no words, no voice, no permission, queue full.

        """
        return await self._speaker.speak_message(message, actor)

    # -- after each turn

    async def _turn_shown(self, turn: Message, thread: Thread) -> None:
        """A character's turn was posted, or shows another alternative: speak it where auto voice is on."""
        channel = self.bot.get_channel(thread.channel_id)
        guild = getattr(channel, "guild", None)
        where = channel_of(channel, guild_id=guild.id if guild else None, channel_id=thread.channel_id)
        origin = Origin(
            guild_id=where.guild_id,
            channel_id=where.channel_id,
            after_message_id=getattr(channel, "last_message_id", None),
            age_restricted=where.age_restricted,
            parent_channel_id=where.parent_id,
        )
        await require_known(self.bot, guild, await asked_by(self.bot, turn) or 0)
        voice = await self.bot.services.voice.turns.speak(turn, thread, where, origin, names_in_channel(channel))
        delivery = delivery_of(self.bot)
        if voice.job is not None:
            delivery.present(voice.job)
        for outdated in voice.outdated:
            await delivery.voices.drop(outdated)
        match voice.error:
            case None:
                pass
            case VoiceUnavailable() | NotAllowed():
                log.info("turn %s is not spoken: %s", turn.id, voice.error)
            case error:
                log.warning("turn %s is not spoken: %s", turn.id, error)
                await delivery.voices.tell_refusal(thread.channel_id, error)

    # -- changes of spoken messages

    @commands.Cog.listener()
    async def on_raw_message_edit(self, payload: discord.RawMessageUpdateEvent) -> None:
        """A person's message was edited: its speech is made anew. Turns are edited by the bot itself."""
        message = payload.message
        if self.bot.user is None or message.author.id == self.bot.user.id or message.webhook_id is not None:
            return
        await self._speaker.replace_if_changed(message)

    @commands.Cog.listener()
    async def on_raw_message_delete(self, payload: discord.RawMessageDeleteEvent) -> None:
        """A message was deleted: its speech is deleted too."""
        await self._speaker.drop_speech_of(payload.message_id)

    @commands.Cog.listener()
    async def on_raw_bulk_message_delete(self, payload: discord.RawBulkMessageDeleteEvent) -> None:
        """Somebody deleted many messages at once."""
        for message_id in payload.message_ids:
            await self._speaker.drop_speech_of(message_id)


def speech_of(bot: ChorusBot) -> SpeakCog:
    """The bot's speech, for cogs loaded after it."""
    cog = bot.get_cog(SpeakCog.__cog_name__)
    if not isinstance(cog, SpeakCog):
        raise TypeError("cogs.speak is not loaded")
    return cog
