"""Posts speech once, as a voice message or as an attachment, and deletes it again when it is outdated."""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import discord

from bot.discord_client.errors import NETWORK_ERRORS, REPLY_NEEDS_HISTORY, FailureKind, failure_kind
from bot.domain.deliveries import DeliveryKind, DeliveryState, OutgoingMessage
from bot.domain.jobs import JobError
from bot.errors import OutputTooLarge
from cogs.delivery.files import size_limit
from cogs.delivery.message_search import find_in_channel, has_attachment, has_footer, replies_to
from cogs.delivery.speech_files import (
    LONGEST_VOICE_MESSAGE,
    SpeechFile,
    may_send_voice_messages,
    possible_names,
    prepare_speech,
    refuses_voice_message,
    send_attachment,
    send_voice_message,
)
from cogs.ui.embeds import failed_embed, footer
from cogs.ui.job_buttons import result_view

if TYPE_CHECKING:
    from bot.discord_client.bot import ChorusBot
    from bot.domain.deliveries import Delivery
    from bot.domain.jobs import Job
    from cogs.delivery.outbox import Outbox

log = logging.getLogger(__name__)

_SMALLEST_LIMIT = 8 * 1024


@dataclass
class _Form:
    """How speech is posted; changed after each refusal of Discord."""

    as_voice_message: bool
    limit: int
    """Bytes."""
    reply_to: int | None

    def change_after(self, error: discord.HTTPException, speech: SpeechFile) -> bool:
        """Choose another form after a refusal; False: there is none."""
        if error.code == REPLY_NEEDS_HISTORY and self.reply_to is not None:
            self.reply_to = None
        elif failure_kind(error) is FailureKind.TOO_LARGE:
            self.limit = min(self.limit, speech.size) // 2
            return self.limit >= _SMALLEST_LIMIT
        elif self.as_voice_message and refuses_voice_message(error):
            self.as_voice_message = False
        else:
            return False
        return True


class VoiceSender:
    """Posts and deletes speech."""

    def __init__(self, bot: ChorusBot, outbox: Outbox) -> None:
        self._bot = bot
        self._outbox = outbox
        voice = bot.services.settings.voice
        self._voice_messages_wanted = voice.delivery == "voice_message"
        self._mp3_wanted = voice.format == "mp3"
        self._ffmpeg = bot.services.ffmpeg
        self._data_dir = bot.services.settings.storage.data_dir

    async def post(self, job: Job, *, reply_to: int | None, note_shown: bool = False) -> int:
        """Post the speech of a generated job once; the id of its message.

        It is a voice message where that is possible, else an attachment.

        Args:
            job: With one artifact.
            reply_to: The message that it replies to.
            note_shown: The job's note is shown elsewhere.

        Raises:
            discord.HTTPException: Discord refuses every form of it.
            ChorusError, OSError: The file is gone, or cannot be made small enough.

        """
        origin = job.request.origin
        form = self._form(job, reply_to)
        first = await self._speech(job, form)

        async def post(row: Delivery) -> int:
            speech = first
            while True:
                try:
                    if form.as_voice_message:
                        return await send_voice_message(self._bot, row, speech, form.reply_to)
                    note = None if note_shown else job.note
                    return await send_attachment(self._bot, row, speech, form.reply_to, note)
                except discord.HTTPException as error:
                    if not form.change_after(error, speech):
                        raise
                    log.info("job %s: Discord refused the speech (%s), another form is tried", job.id, error.code)
                    try:
                        speech = await self._speech(job, form)
                    except OutputTooLarge:
                        raise error from None

        outgoing = OutgoingMessage(
            kind=DeliveryKind.VOICE,
            job_id=job.id,
            channel_id=origin.channel_id or 0,
            guild_id=origin.guild_id,
            after_message_id=max(origin.after_message_id or 0, reply_to or 0),
        )
        find = find_in_channel(self._bot, has_attachment(*possible_names(job)))
        shown = await self._outbox.send(outgoing, post, find)
        if form.as_voice_message and job.note and not note_shown:
            await self._post_note(job, outgoing, shown)
        return shown

    async def delete(self, job: Job) -> None:
        """Delete the messages of a job's speech; one that is gone already is fine."""
        for row in await self._outbox.deliveries.of_job(job.id):
            if row.kind not in {DeliveryKind.VOICE, DeliveryKind.NOTICE} or row.state is not DeliveryState.SENT:
                continue
            message_id = row.discord_message_id or 0
            self._outbox.own_deletions.append(message_id)
            channel = self._bot.get_partial_messageable(row.channel_id, guild_id=row.guild_id)
            try:
                with suppress(discord.NotFound):
                    await channel.get_partial_message(message_id).delete()
            except (discord.HTTPException, *NETWORK_ERRORS) as error:
                log.warning("job %s: its outdated speech cannot be deleted: %s", job.id, error)
                continue
            await self._outbox.deliveries.mark_deleted(message_id)

    async def post_error(self, job: Job) -> None:
        """Say once why there is no speech, in reply to what should have been spoken."""
        error = job.error or JobError(code="CANCELLED", message="Cancelled.")
        origin = job.request.origin
        reply_to = origin.reply_to_message_id
        channel = self._bot.get_partial_messageable(origin.channel_id or 0, guild_id=origin.guild_id)
        given: dict[str, Any] = {"embed": failed_embed(job, error)}
        if reply_to is not None:
            given["reference"] = discord.MessageReference(
                message_id=reply_to, channel_id=channel.id, fail_if_not_exists=False
            )
        view = result_view(job, self._bot.services.settings.discord.reactions)
        if view is not None:
            given["view"] = view

        async def post(row: Delivery) -> int:
            return (await channel.send(mention_author=False, nonce=row.nonce, **given)).id

        outgoing = OutgoingMessage(
            kind=DeliveryKind.NOTICE,
            job_id=job.id,
            channel_id=channel.id,
            guild_id=origin.guild_id,
            after_message_id=max(origin.after_message_id or 0, reply_to or 0),
        )
        try:
            await self._outbox.send(outgoing, post, find_in_channel(self._bot, has_footer(footer(job))))
        except discord.HTTPException as failure:
            log.info("job %s: the explanation cannot be posted either (%s)", job.id, failure.code)

    async def _post_note(self, job: Job, outgoing: OutgoingMessage, shown: int) -> None:
        """A voice message has no text: the job's note is a small reply to it."""
        text = f"-# {job.note}"
        channel = self._bot.get_partial_messageable(outgoing.channel_id, guild_id=outgoing.guild_id)
        reference = discord.MessageReference(message_id=shown, channel_id=outgoing.channel_id, fail_if_not_exists=False)

        async def post(row: Delivery) -> int:
            return (await channel.send(text, reference=reference, nonce=row.nonce, silent=True)).id

        note = outgoing.model_copy(update={"kind": DeliveryKind.NOTICE, "after_message_id": shown})
        try:
            await self._outbox.send(note, post, find_in_channel(self._bot, replies_to(shown, text)))
        except discord.HTTPException as error:
            log.info("job %s: its note was refused (%s)", job.id, error.code)

    def _form(self, job: Job, reply_to: int | None) -> _Form:
        origin = job.request.origin
        is_short = (job.artifacts[0].duration_seconds or 0.0) <= LONGEST_VOICE_MESSAGE
        is_allowed = may_send_voice_messages(self._bot, origin.guild_id, origin.channel_id or 0)
        as_voice_message = self._voice_messages_wanted and is_short and is_allowed
        return _Form(as_voice_message, size_limit(self._bot, origin.guild_id), reply_to)

    async def _speech(self, job: Job, form: _Form) -> SpeechFile:
        as_mp3 = self._mp3_wanted and not form.as_voice_message
        return await prepare_speech(job, self._data_dir, form.limit, as_mp3=as_mp3, ffmpeg=self._ffmpeg)
