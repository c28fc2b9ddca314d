"""Speech: `/speak`, **Speak** on any message, and the voice that follows a character's messages."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import discord
from discord import app_commands
from discord.ext import commands

from bot.discord_client.errors import NETWORK_ERRORS
from bot.domain.deliveries import DeliveryKind, DeliveryState
from bot.domain.jobs import JobKind, Origin
from bot.errors import ChorusError, InputInvalid, NotAllowed, VoiceUnavailable
from bot.voice.speech_text import NO_NAMES, MentionNames
from bot.voice.values import ChannelLocation, SpeechWish
from cogs.delivery import delivery_of
from cogs.ui.choices import character_choices
from cogs.ui.origin import (
    character_of,
    character_of_channel,
    is_age_restricted,
    origin_of,
    require_fitting_place,
)
from cogs.ui.permissions import missing_to_post, require_bot_can_post

if TYPE_CHECKING:
    from bot.discord_client.bot import ChorusBot
    from bot.domain.conversations import Message, Thread
    from bot.domain.jobs import Job

log = logging.getLogger(__name__)

LONGEST_TEXT = 4000
"""Not heard yet."""


class Speak(commands.Cog):
    """Turns wishes, messages and turns into speech. What is spoken is `bot.voice`'s, posting is delivery's."""

    def __init__(self, bot: ChorusBot) -> None:
        self.bot = bot
        self._menu = app_commands.ContextMenu(name="Speak", callback=self.speak_this)
        self._warming: asyncio.Task[None] | None = None
        self._starting = asyncio.Lock()

    async def cog_load(self) -> None:
        """Register the menu, listen to turns, and make the host's samples ready."""
        self.bot.tree.add_command(self._menu)
        delivery_of(self.bot).turns.add_listener(self._turn_stands)
        self._warming = asyncio.create_task(self._warm_up(), name="voice samples")

    async def cog_unload(self) -> None:
        """Undo `cog_load`."""
        self.bot.tree.remove_command(self._menu.name, type=self._menu.type)
        if self._warming is not None:
            self._warming.cancel()

    async def _warm_up(self) -> None:
        try:
            await self.bot.services.voice.warm_up()
        except Exception:
            log.exception("the voice samples could not be made ready; each is when it is needed")

    # -- asked for

    @app_commands.command(name="speak", description="Let a character say something")
    @app_commands.describe(text="What to say", character="Whose voice; leave out for this channel's character")
    async def speak(
        self,
        interaction: discord.Interaction[ChorusBot],
        text: app_commands.Range[str, 1, LONGEST_TEXT],
        character: app_commands.Range[str, 1, 100] | None = None,
    ) -> None:
        """Answers with the text, quoted; the voice message replies to that."""
        require_bot_can_post(interaction)
        character_id = await character_of(interaction, character)
        require_fitting_place(self.bot.services.characters.get(character_id, interaction.guild_id), interaction)
        channel = interaction.channel
        parent_id = channel.parent_id if isinstance(channel, discord.Thread) else None
        thread = await self.bot.services.conversations.current_thread(interaction.channel_id or 0, parent_id)
        request = await self.bot.services.voice.request(
            SpeechWish(
                text=text,
                character_id=character_id,
                origin=origin_of(interaction),
                requester_id=interaction.user.id,
                requester_name=interaction.user.display_name,
                names=_names_around(channel),
                conversation_id=thread.conversation_id if thread else None,
                thread_id=thread.id if thread else None,
            )
        )
        if request is None:
            raise InputInvalid("There is nothing to say in that.", advice="Give some words to speak.")
        await delivery_of(self.bot).accept(interaction, request)

    @speak.autocomplete("character")
    async def complete_character(
        self, interaction: discord.Interaction[ChorusBot], current: str
    ) -> list[app_commands.Choice[str]]:
        """Names that hold what was typed; the value is the id."""
        return character_choices(interaction, current)

    async def speak_this(self, interaction: discord.Interaction[ChorusBot], message: discord.Message) -> None:
        """The context menu: the voice message replies to the message; the person alone is told that it comes."""
        require_bot_can_post(interaction)
        job, link = await self.speak_message(message, interaction.user)
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
            if link is None:  # they were told that it failed
                await delivery_of(self.bot).voices.drop(job)
            raise

    async def speak_message(self, message: discord.Message, requester: discord.abc.User) -> tuple[Job, str | None]:
        """Speak a message: a character's in its own voice, others in that of the channel's character.

        For the context menu and the 🔊 reaction. Speech that is under way or stands is not made twice.

        Returns:
            The job, and where its voice message stands if it was posted before.

        Raises:
            ChorusError: It cannot be spoken: no words, no voice, no permission, queue full.

        """
        channel = message.channel
        guild = message.guild
        if guild is not None:
            missing = missing_to_post(channel.permissions_for(guild.me), thread=isinstance(channel, discord.Thread))
            if missing:
                raise NotAllowed(f"I may not post speech in this channel: I am missing {', '.join(missing)}.")
        async with self._starting:  # two presses at once are one wish
            spoken = await self._speech_behind(message)
            standing = await self._standing(spoken) if spoken is not None else None
            if standing is not None:
                return standing
            wish = await self._wish(message, requester)
            known = await self._known(wish)
            if known is not None:
                return known
            job = await self.bot.services.voice.speak(wish)
        delivery_of(self.bot).present(job)
        await self._show_typing(channel)
        return job, None

    async def again(self, job: Job, requester: discord.abc.User, *, reply_to_message_id: int | None = None) -> Job:
        """The same words once more with another seed: 🔁 on a voice message.

        Raises:
            ChorusError: It cannot be spoken.

        """
        origin = job.request.origin
        channel = self.bot.get_channel(origin.channel_id or 0)
        new = await self.bot.services.voice.again(
            job,
            origin=origin.model_copy(
                update={
                    "interaction_id": None,
                    "after_message_id": getattr(channel, "last_message_id", None) or origin.after_message_id,
                    "reply_to_message_id": reply_to_message_id or origin.reply_to_message_id,
                }
            ),
            requester_id=requester.id,
            requester_name=requester.display_name,
        )
        delivery_of(self.bot).present(new)
        if isinstance(channel, discord.abc.Messageable):
            await self._show_typing(channel)
        return new

    async def _wish(self, message: discord.Message, requester: discord.abc.User) -> SpeechWish:
        services = self.bot.services
        origin = _origin_of_message(message)
        turn = await services.conversations.store.by_discord_id(message.id)
        if turn is not None and turn.character_id is not None and turn.alternatives:
            character_id, text = turn.character_id, turn.text
            source = await services.voice.first_piece(turn.id) or message.id
            thread_id, conversation_id = turn.thread_id, turn.conversation_id
        else:
            turn = None
            job = await self._job_behind(message)
            whose = job.request.character_id if job is not None else None
            character_id = whose or await character_of_channel(self.bot, message.channel, message.channel.id)
            speech = job is not None and job.request.kind is JobKind.AUDIO
            text = (job.request.written_prompt or "") if job is not None and speech else message.content
            source, thread_id, conversation_id = message.id, None, None
        self._require_fitting_place(character_id, message)
        return SpeechWish(
            text=text,
            character_id=character_id,
            origin=origin,
            requester_id=requester.id,
            requester_name=requester.display_name,
            names=_names_in(message),
            source_message_id=source,
            conversation_id=conversation_id,
            thread_id=thread_id,
            message_id=turn.id if turn else None,
            alternative=turn.shown_alternative if turn else None,
        )

    async def _job_behind(self, message: discord.Message) -> Job | None:
        """The job whose message of ours that is."""
        row = await self.bot.services.deliveries.by_message(message.id)
        return await self.bot.services.orchestrator.job(row.job_id) if row is not None and row.job_id else None

    async def _speech_behind(self, message: discord.Message) -> Job | None:
        """The message is a voice message itself, or what `/speak` answered."""
        job = await self._job_behind(message)
        return job if job is not None and job.request.kind is JobKind.AUDIO else None

    async def _known(self, wish: SpeechWish) -> tuple[Job, str | None] | None:
        """Speech of just these words that is under way or stands."""
        for job in reversed(await self.bot.services.voice.of_message(wish.source_message_id or 0)):
            if job.request.written_prompt != wish.text or job.request.message_id != wish.message_id:
                continue
            standing = await self._standing(job)
            if standing is not None:
                return standing
        return None

    async def _standing(self, job: Job) -> tuple[Job, str | None] | None:
        """The speech with its place, without one while it is under way; None: nobody can hear it any more."""
        if not job.state.ended:
            return job, None
        for row in await self.bot.services.deliveries.of_job(job.id):
            if row.kind is DeliveryKind.VOICE and row.state is DeliveryState.SENT:
                place = row.guild_id or "@me"
                return job, f"https://discord.com/channels/{place}/{row.channel_id}/{row.discord_message_id}"
        return None

    def _require_fitting_place(self, character_id: str, message: discord.Message) -> None:
        guild_id = message.guild.id if message.guild else None
        character = self.bot.services.characters.get(character_id, guild_id)
        if character.nsfw and guild_id is not None and not is_age_restricted(message.channel):
            raise NotAllowed(f"{character.name} speaks in age-restricted channels only.")

    async def _show_typing(self, channel: discord.abc.Messageable) -> None:
        """The quickest sign that something comes."""
        try:
            async with asyncio.timeout(5):
                await channel.typing()
        except (discord.HTTPException, *NETWORK_ERRORS) as error:
            log.debug("no typing indicator: %s", error)

    # -- by itself

    async def _turn_stands(self, turn: Message, thread: Thread) -> None:
        """A character's message was posted, or shows another alternative."""
        channel = self.bot.get_channel(thread.channel_id)
        guild = getattr(channel, "guild", None)
        parent_id = channel.parent_id if isinstance(channel, discord.Thread) else None
        origin = Origin(
            guild_id=guild.id if guild else None,
            channel_id=thread.channel_id,
            after_message_id=getattr(channel, "last_message_id", None),
            age_restricted=is_age_restricted(channel),
        )
        place = ChannelLocation(origin.guild_id, thread.channel_id, parent_id)
        voice = await self.bot.services.voice.turn_stands(turn, thread, place, origin, _names_around(channel))
        delivery = delivery_of(self.bot)
        if voice.job is not None:
            delivery.present(voice.job)
        for outdated in voice.outdated:
            await delivery.voices.drop(outdated)
        match voice.error:
            case None:
                pass
            case VoiceUnavailable():
                log.info("turn %s is not spoken: %s", turn.id, voice.error)
            case error:
                log.warning("turn %s is not spoken: %s", turn.id, error)
                await delivery.voices.unheard(thread.channel_id, error)

    # -- what changes meanwhile

    @commands.Cog.listener()
    async def on_raw_message_edit(self, payload: discord.RawMessageUpdateEvent) -> None:
        """Speech under way of a person's message that says something else now is spoken anew."""
        message = payload.message
        if self.bot.user is None or message.author.id == self.bot.user.id or message.webhook_id is not None:
            return
        for job in await self.bot.services.voice.of_message(payload.message_id):
            if job.state.ended or job.request.written_prompt == message.content:
                continue
            await delivery_of(self.bot).voices.drop(job)
            try:
                new = await self.bot.services.voice.instead(job, message.content, _names_in(message))
            except ChorusError as error:
                log.info("job %s is not replaced: %s", job.id, error)
            else:
                if new is not None:
                    delivery_of(self.bot).present(new)

    @commands.Cog.listener()
    async def on_raw_message_delete(self, payload: discord.RawMessageDeleteEvent) -> None:
        """Nobody hears what somebody took back."""
        await self._gone(payload.message_id)

    @commands.Cog.listener()
    async def on_raw_bulk_message_delete(self, payload: discord.RawBulkMessageDeleteEvent) -> None:
        """As above, for a purge."""
        for message_id in payload.message_ids:
            await self._gone(message_id)

    async def _gone(self, message_id: int) -> None:
        delivery = delivery_of(self.bot)
        if message_id in delivery.outbox.taken_back:
            return
        spoken = list(await self.bot.services.voice.of_message(message_id))
        row = await self.bot.services.deliveries.by_message(message_id)
        if row is not None and row.kind is DeliveryKind.TURN and row.message_id is not None:
            spoken += await self.bot.services.voice.of_turn(row.message_id)
        for job in {job.id: job for job in spoken}.values():
            await delivery.voices.drop(job)


def speak_of(bot: ChorusBot) -> Speak:
    """The bot's speech, for cogs loaded after it."""
    cog = bot.get_cog(Speak.__cog_name__)
    if not isinstance(cog, Speak):
        raise TypeError("cogs.speak is not loaded")
    return cog


def _origin_of_message(message: discord.Message) -> Origin:
    newest = getattr(message.channel, "last_message_id", None) or 0
    return Origin(
        guild_id=message.guild.id if message.guild else None,
        channel_id=message.channel.id,
        after_message_id=max(newest, message.id),
        reply_to_message_id=message.id,
        age_restricted=is_age_restricted(message.channel),
    )


def _names_in(message: discord.Message) -> MentionNames:
    """Who and what a message mentions, as Discord tells."""
    around = _names_around(message.channel)
    users = {user.id: user.display_name for user in message.mentions}
    return MentionNames(users, around.channels, around.roles)


def _names_around(channel: object) -> MentionNames:
    """The channels and roles of a place; its people are not kept in memory."""
    guild = getattr(channel, "guild", None)
    if not isinstance(guild, discord.Guild):
        return NO_NAMES
    channels = {each.id: each.name for each in (*guild.channels, *guild.threads)}
    return MentionNames({}, channels, {role.id: role.name for role in guild.roles})


async def setup(bot: ChorusBot) -> None:
    """Called by `load_extension`."""
    await bot.add_cog(Speak(bot))
