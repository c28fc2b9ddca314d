"""Speech in Discord: the bubble that replies to what it speaks, exactly once, and never of words that changed."""

from __future__ import annotations

import logging
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import discord

from bot.discord_client.errors import NETWORK_ERRORS, Trouble, trouble_of
from bot.domain.deliveries import DeliveryKind, DeliveryState, OutgoingMessage
from bot.domain.job_updates import Ended
from bot.domain.jobs import JobError, JobKind, JobState
from bot.errors import ChorusError, OutputTooLarge
from cogs.delivery._files import size_limit
from cogs.delivery._live import Face, LiveMessage
from cogs.delivery._presenter import MessagePresenter
from cogs.delivery._results import REPLY_NEEDS_HISTORY, ResultPoster, why_not
from cogs.delivery._search import carries, finder, replies_to, signed
from cogs.delivery._sound import (
    LONGEST_BUBBLE,
    Sound,
    allows_bubbles,
    possible_names,
    prepare_sound,
    refuses_bubbles,
    send_attachment,
    send_bubble,
)
from cogs.ui.embeds import ended_without_result, failed_embed, footer, spoken_embed
from cogs.ui.errors import error_embed
from cogs.ui.job_buttons import result_view

if TYPE_CHECKING:
    from bot.discord_client.bot import ChorusBot
    from bot.domain.deliveries import Delivery
    from bot.domain.jobs import Job
    from cogs.delivery._outbox import Outbox
    from cogs.ui.progress import ProgressCard

log = logging.getLogger(__name__)

_SMALLEST_LIMIT = 8 * 1024


@dataclass
class _Form:
    """How a speech is posted; each refusal of Discord's makes it humbler."""

    bubble: bool
    limit: int
    reply_to: int | None

    def give_way(self, error: discord.HTTPException, sound: Sound) -> bool:
        """Find another way after a refusal; False: there is none."""
        if error.code == REPLY_NEEDS_HISTORY and self.reply_to is not None:
            self.reply_to = None
        elif trouble_of(error) is Trouble.TOO_LARGE:
            self.limit = min(self.limit, sound.size) // 2
            return self.limit >= _SMALLEST_LIMIT
        elif self.bubble and refuses_bubbles(error):
            self.bubble = False
        else:
            return False
        return True


class Bubbles:
    """Posts speech, and takes it back."""

    def __init__(self, bot: ChorusBot, outbox: Outbox) -> None:
        self._bot = bot
        self._outbox = outbox
        voice = bot.services.settings.voice
        self._wanted = voice.delivery == "voice_message"
        self._mp3 = voice.format == "mp3"
        self._ffmpeg = bot.services.ffmpeg
        self._data_dir = bot.services.settings.storage.data_dir

    async def post(self, job: Job, *, reply_to: int | None, noted: bool = False) -> int:
        """Post the speech of a generated job once; the id of its message.

        A voice message where it may be one, else an attachment. `noted`: people read the job's note elsewhere.

        Raises:
            discord.HTTPException: Discord refuses every form of it.
            ChorusError, OSError: The file is gone, or cannot be made to fit.

        """
        origin = job.request.origin
        form = self._form(job, reply_to)
        first = await self._sound(job, form)

        async def post(row: Delivery) -> int:
            sound = first
            while True:
                try:
                    if form.bubble:
                        return await send_bubble(self._bot, row, sound, form.reply_to)
                    note = None if noted else job.note
                    return await send_attachment(self._bot, row, sound, form.reply_to, note)
                except discord.HTTPException as error:
                    if not form.give_way(error, sound):
                        raise
                    log.info("job %s: Discord refused the speech (%s), another way is tried", job.id, error.code)
                    try:
                        sound = await self._sound(job, form)
                    except OutputTooLarge:
                        raise error from None

        outgoing = OutgoingMessage(
            kind=DeliveryKind.VOICE,
            job_id=job.id,
            channel_id=origin.channel_id or 0,
            guild_id=origin.guild_id,
            after_message_id=max(self._newest(job), reply_to or 0),
        )
        shown = await self._outbox.send(outgoing, post, finder(self._bot, carries(*possible_names(job))))
        if form.bubble and job.note and not noted:
            await self._note(job, outgoing, shown)
        return shown

    async def take_back(self, job: Job) -> None:
        """Delete what was posted of a job's speech; what is gone already is fine."""
        for row in await self._outbox.store.of_job(job.id):
            if row.kind not in {DeliveryKind.VOICE, DeliveryKind.NOTICE} or row.state is not DeliveryState.SENT:
                continue
            message_id = row.discord_message_id or 0
            self._outbox.taken_back.append(message_id)
            channel = self._bot.get_partial_messageable(row.channel_id, guild_id=row.guild_id)
            try:
                with suppress(discord.NotFound):
                    await channel.get_partial_message(message_id).delete()
            except (discord.HTTPException, *NETWORK_ERRORS) as error:
                log.warning("job %s: its outdated speech cannot be taken back: %s", job.id, error)
                continue
            await self._outbox.store.mark_deleted(message_id)

    async def explain(self, job: Job) -> None:
        """Say why there is no speech, in reply to what should have been spoken; once."""
        error = job.error or JobError(code="CANCELLED", message="Cancelled.")
        await self._reply(job, job.request.origin.reply_to_message_id, embed=failed_embed(job, error))

    async def _note(self, job: Job, outgoing: OutgoingMessage, shown: int) -> None:
        """A voice message has no words: what was left out is said in a small reply to it."""
        text = f"-# {job.note}"
        channel = self._bot.get_partial_messageable(outgoing.channel_id, guild_id=outgoing.guild_id)
        reference = discord.MessageReference(message_id=shown, channel_id=outgoing.channel_id, fail_if_not_exists=False)

        async def post(row: Delivery) -> int:
            return (await channel.send(text, reference=reference, nonce=row.nonce, silent=True)).id

        note = outgoing.model_copy(update={"kind": DeliveryKind.NOTICE, "after_message_id": shown})
        try:
            await self._outbox.send(note, post, finder(self._bot, replies_to(shown, text)))
        except discord.HTTPException as error:
            log.info("job %s: its note was refused (%s)", job.id, error.code)

    async def _reply(self, job: Job, reply_to: int | None, *, embed: discord.Embed) -> None:
        origin = job.request.origin
        channel = self._bot.get_partial_messageable(origin.channel_id or 0, guild_id=origin.guild_id)
        given: dict[str, Any] = {}
        if reply_to is not None:
            given["reference"] = discord.MessageReference(
                message_id=reply_to, channel_id=channel.id, fail_if_not_exists=False
            )
        view = result_view(job)
        if view is not None:
            given["view"] = view

        async def post(row: Delivery) -> int:
            return (await channel.send(embed=embed, mention_author=False, nonce=row.nonce, **given)).id

        outgoing = OutgoingMessage(
            kind=DeliveryKind.NOTICE,
            job_id=job.id,
            channel_id=channel.id,
            guild_id=origin.guild_id,
            after_message_id=max(self._newest(job), reply_to or 0),
        )
        try:
            await self._outbox.send(outgoing, post, finder(self._bot, signed(footer(job))))
        except discord.HTTPException as error:
            log.info("job %s: the explanation cannot be posted either (%s)", job.id, error.code)

    def _form(self, job: Job, reply_to: int | None) -> _Form:
        origin = job.request.origin
        short = (job.artifacts[0].duration_seconds or 0.0) <= LONGEST_BUBBLE
        allowed = allows_bubbles(self._bot, origin.guild_id, origin.channel_id or 0)
        return _Form(self._wanted and short and allowed, size_limit(self._bot, origin.guild_id), reply_to)

    async def _sound(self, job: Job, form: _Form) -> Sound:
        as_mp3 = self._mp3 and not form.bubble
        return await prepare_sound(job, self._data_dir, form.limit, as_mp3=as_mp3, ffmpeg=self._ffmpeg)

    def _newest(self, job: Job) -> int:
        """The newest message that was there before the speech, of those we know."""
        return job.request.origin.after_message_id or 0


class SpokenPoster(ResultPoster):
    """`/speak`: the answer keeps the words, quoted; the bubble replies to it."""

    def __init__(self, bot: ChorusBot, outbox: Outbox, bubbles: Bubbles) -> None:
        super().__init__(bot, outbox)
        self._bubbles = bubbles

    async def post(self, job: Job, live: LiveMessage, character: str) -> int:
        """The answer's last face, then the speech; the id of the latter."""
        if ended_without_result(job):
            return await super().post(job, live, character)
        try:
            await live.edit_until_shown(Face(spoken_embed(job, character), view=lambda: result_view(job)))
        except discord.HTTPException as error:
            if trouble_of(error) not in {Trouble.MESSAGE_GONE, Trouble.UNEDITABLE}:
                raise
            log.info("job %s: its answer is gone, the speech comes alone", job.id)
        return await self._bubbles.post(job, reply_to=live.id, noted=True)


class VoicePresenter:
    """Shows speech. What a command answered is followed on its answer; everything else is silent until it is heard."""

    def __init__(self, bot: ChorusBot, outbox: Outbox) -> None:
        self.bubbles = Bubbles(bot, outbox)
        self._bot = bot
        self._answered = MessagePresenter(bot, outbox, SpokenPoster(bot, outbox, self.bubbles))
        self._dropped = deque[UUID](maxlen=1000)
        self._told = set[tuple[int, str]]()
        self._began = datetime.now(UTC)

    def handles(self, job: Job) -> bool:
        """Speech that was asked for in Discord."""
        return job.request.kind is JobKind.AUDIO and job.request.origin.channel_id is not None

    async def present(self, job: Job) -> None:
        """See `Presenter`."""
        if job.request.origin.interaction_id is not None:
            await self._answered.present(job)
            return
        ended = await self._ended(job)
        if ended.state is JobState.FAILED:
            await self._failed(ended)
        elif ended.state is JobState.GENERATED:
            await self._speak(ended)
        await self._bot.services.orchestrator.mark_delivered(job.id)

    async def follow(
        self, job: Job, message_id: int, *, interaction: discord.Interaction[Any], shown: ProgressCard
    ) -> None:
        """As `MessagePresenter.follow`, for a command's answer."""
        await self._answered.follow(job, message_id, interaction=interaction, shown=shown)

    async def drop(self, job: Job) -> None:
        """Its words are gone or changed: end it, or keep it from being posted, or take back what was."""
        self._dropped.append(job.id)
        await self._bot.services.orchestrator.cancel(job.id)
        await self.bubbles.take_back(job)

    async def unheard(self, channel_id: int, error: ChorusError) -> None:
        """The speech of a conversation was refused before it was a job: say so once, until one succeeds."""
        key = (channel_id, error.code)
        if key in self._told:
            return
        self._told.add(key)
        try:
            await self._bot.get_partial_messageable(channel_id).send(embed=error_embed(error, advice=False))
        except (discord.HTTPException, *NETWORK_ERRORS) as failure:
            log.info("channel %s could not be told %s: %s", channel_id, error.code, failure)

    async def _ended(self, job: Job) -> Job:
        async for update in self._bot.services.orchestrator.watch(job.id):
            if isinstance(update, Ended):
                return update.job
        return await self._bot.services.orchestrator.job(job.id) or job

    async def _speak(self, job: Job) -> None:
        if job.id in self._dropped or await self._is_stale(job):
            log.info("job %s: what it speaks has changed, it is not posted", job.id)
            await self.bubbles.take_back(job)
            return
        try:
            await self.bubbles.post(job, reply_to=job.request.origin.reply_to_message_id)
        except Exception as error:
            if self._bot.is_closed():
                raise
            log.warning("job %s: the speech cannot be posted", job.id, exc_info=error)
            failed = await self._bot.services.orchestrator.mark_undeliverable(job.id, why_not(error))
            if failed is not None:
                await self._failed(failed)
            return
        self._told = {each for each in self._told if each[0] != job.request.origin.channel_id}
        # What changed while the request was on its way.
        if job.id in self._dropped or await self._bot.services.voice.is_stale(job):
            await self.bubbles.take_back(job)

    async def _failed(self, job: Job) -> None:
        """Tell who asked; of the speech of a conversation, which nobody asked for, once until one succeeds again."""
        code = job.error.code if job.error else ""
        key = (job.request.origin.channel_id or 0, code)
        if job.request.live and key in self._told:
            log.info("job %s: no voice again (%s)", job.id, code)
            return
        if job.request.live:
            self._told.add(key)
        await self.bubbles.explain(job)

    async def _is_stale(self, job: Job) -> bool:
        """Also asks Discord, where changes may have been missed: while we were away, or of a person's message."""
        if await self._bot.services.voice.is_stale(job):
            return True
        source, origin = job.request.source_message_id, job.request.origin
        if source is None or (job.request.live and job.created_at >= self._began):
            return False
        channel = self._bot.get_partial_messageable(origin.channel_id or 0, guild_id=origin.guild_id)
        try:
            message = await channel.fetch_message(source)
        except discord.NotFound:
            return True
        except (discord.HTTPException, *NETWORK_ERRORS) as error:
            log.info("job %s: what it speaks cannot be looked at (%s)", job.id, error)
            return False
        # Of a turn the text is ours, in one message or several.
        return job.request.message_id is None and message.content != job.request.written_prompt
