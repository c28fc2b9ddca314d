"""Posting what came of a job: the files, or why there are none; exactly one result, and a mention after a long wait."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import discord

from bot.discord_client.errors import NETWORK_ERRORS, Trouble, trouble_of
from bot.domain.deliveries import DeliveryKind, DeliveryState, OutgoingMessage
from bot.domain.jobs import JobError, JobState
from bot.errors import ChorusError, NotAllowed, OutputTooLarge
from cogs.delivery._files import SMALLEST_LIMIT, PreparedFiles, prepare_files, size_limit
from cogs.delivery._live import Face, LiveMessage
from cogs.delivery._search import Recogniser, carries, finder, replies_to, signed
from cogs.ui.embeds import ended_without_result, failed_embed, footer, noun, result_embed
from cogs.ui.job_buttons import result_view
from cogs.ui.reactions import offer_reactions, shown_by

if TYPE_CHECKING:
    from bot.discord_client.bot import ChorusBot
    from bot.domain.deliveries import Delivery
    from bot.domain.jobs import Job
    from cogs.delivery._files import PreparedFile
    from cogs.delivery._outbox import Outbox

log = logging.getLogger(__name__)

REPLY_NEEDS_HISTORY = 160002
"""Replying needs Read Message History; posting does not."""

_NEW_MESSAGE = frozenset({Trouble.MESSAGE_GONE, Trouble.UNEDITABLE})
"""The progress message cannot become the result: the result is a message of its own."""


class ResultPoster:
    """Turns an ended job's message into its result."""

    def __init__(self, bot: ChorusBot, outbox: Outbox) -> None:
        self._bot = bot
        self._outbox = outbox
        self._settings = bot.services.settings

    async def deliver(self, job: Job, live: LiveMessage, character: str) -> None:
        """Post the result of `job`, mention the person where it took long, and record the job as delivered.

        Can be called again after a crash at any point: what was posted is found, not repeated.
        """
        notify = await self._prepare_notice(job, live)
        shown: int | None = None
        try:
            shown = await self.post(job, live, character)
        except Exception as error:
            if self._bot.is_closed():
                raise
            log.warning("job %s: the result cannot be posted", job.id, exc_info=error)
            await self._explain(job, live, why_not(error))
            if notify is not None:
                await self._outbox.store.abandon(notify.id)
        else:
            if notify is not None:
                await self._notify(job, notify, shown)
        await self._bot.services.orchestrator.mark_delivered(job.id)
        if shown is not None:
            await self._offer(job, live, shown)

    async def _offer(self, job: Job, live: LiveMessage, shown: int) -> None:
        """The reactions that do something there, where the owner wants them (`discord.offer_reactions`)."""
        if self._settings.discord.offer_reactions:
            channel = self._bot.get_partial_messageable(live.channel_id, guild_id=live.guild_id)
            await offer_reactions(channel.get_partial_message(shown), shown_by(job), self._settings.discord.reactions)

    async def post(self, job: Job, live: LiveMessage, character: str) -> int:
        """Post everything; the id of the first message of the result. What a kind of result does differently."""
        if ended_without_result(job):
            return await self._post_first(job, live, _error_face(job), ())
        limit = size_limit(self._bot, live.guild_id)
        while True:
            prepared = await self._prepared(job, limit)
            try:
                return await self._post_all(job, live, character, prepared)
            except discord.HTTPException as error:
                if trouble_of(error) is not Trouble.TOO_LARGE or not prepared.files:
                    raise
                limit = min(limit, max(file.size for file in prepared.files)) // 2
                log.info("job %s: the upload was refused as too large, trying %d bytes per file", job.id, limit)

    async def _prepared(self, job: Job, limit: int) -> PreparedFiles:
        if limit < SMALLEST_LIMIT:
            return PreparedFiles((), (OutputTooLarge().message, OutputTooLarge().advice))
        return await prepare_files(job, limit, self._bot.services)

    async def _post_all(self, job: Job, live: LiveMessage, character: str, prepared: PreparedFiles) -> int:
        first, *more = prepared.batches()
        embed = result_embed(job, character, notes=prepared.notes)
        can_upscale = self._bot.services.derived_jobs.can_upscale(job)
        face = Face(
            embed,
            files=lambda: [file.open() for file in first],
            view=lambda: result_view(job, can_upscale=can_upscale),
        )
        shown = await self._post_first(job, live, face, first)
        for part, batch in enumerate(more, start=1):
            await self._post_more(job, live, part, batch, reply_to=shown)
        return shown

    async def _post_first(self, job: Job, live: LiveMessage, face: Face, files: tuple[PreparedFile, ...]) -> int:
        """The result as the last edit of the progress message, or as a message of its own where that is gone."""
        outgoing = self._outgoing(job, live, DeliveryKind.RESULT, part=0)

        async def post(row: Delivery) -> int:
            try:
                await live.edit_until_shown(face)
            except discord.HTTPException as error:
                if trouble_of(error) not in _NEW_MESSAGE:
                    raise
                log.info("job %s: its message is gone, the result is posted anew", job.id)
                return await self._send(live, face, row)
            return live.id

        recognise = carries(*(file.name for file in files)) if files else signed(footer(job))

        async def find(row: Delivery) -> int | None:
            if files and await self._shows(live, recognise):
                return live.id
            # The progress message bears the same footer: only another message can be the result.
            return await finder(self._bot, lambda message: message.id != live.id and recognise(message))(row)

        return await self._outbox.send(outgoing, post, find)

    async def _shows(self, live: LiveMessage, recognise: Recogniser) -> bool:
        try:
            return recognise(await live.fetch())
        except discord.HTTPException as error:
            if trouble_of(error) is Trouble.AMBIGUOUS:
                raise
            return False

    async def _post_more(
        self, job: Job, live: LiveMessage, part: int, batch: tuple[PreparedFile, ...], *, reply_to: int
    ) -> None:
        """Further files, as a reply to the first message."""
        face = Face(None, files=lambda: [file.open() for file in batch])
        outgoing = self._outgoing(job, live, DeliveryKind.RESULT, part=part)
        await self._outbox.send(
            outgoing,
            lambda row: self._send(live, face, row, reply_to=reply_to),
            finder(self._bot, carries(*(file.name for file in batch))),
        )

    # -- the mention

    async def _prepare_notice(self, job: Job, live: LiveMessage) -> Delivery | None:
        """Commit that a mention is due before the result is, so that a crash between the two does not lose it."""
        if job.state is JobState.CANCELLED or not job.request.requester_id:
            return None
        if (datetime.now(UTC) - job.created_at).total_seconds() < self._settings.discord.notify_after_seconds:
            return None
        row = await self._outbox.store.prepare(self._outgoing(job, live, DeliveryKind.NOTICE, part=0))
        return None if row.state is DeliveryState.SENT else row

    async def _notify(self, job: Job, notice: Delivery, shown: int) -> None:
        """A short reply that mentions the person: edits notify nobody."""
        mention = f"<@{job.request.requester_id}>"
        ready = f"your {noun(job.request.kind)} is ready."
        text = f"{mention} {ready}" if job.state is not JobState.FAILED else f"{mention} that did not work out."
        person = discord.AllowedMentions(users=[discord.Object(job.request.requester_id)], replied_user=False)
        channel = self._bot.get_partial_messageable(notice.channel_id, guild_id=notice.guild_id)
        reference = discord.MessageReference(message_id=shown, channel_id=notice.channel_id, fail_if_not_exists=False)

        async def post(row: Delivery) -> int:
            try:
                message = await channel.send(text, reference=reference, allowed_mentions=person, nonce=row.nonce)
            except discord.HTTPException as error:
                if error.code != REPLY_NEEDS_HISTORY:
                    raise
                message = await channel.send(text, allowed_mentions=person, nonce=row.nonce)
            return message.id

        try:
            await self._outbox.send(
                OutgoingMessage.model_validate(notice.model_dump(include=set(OutgoingMessage.model_fields))),
                post,
                finder(self._bot, replies_to(shown, mention)),
            )
        except discord.HTTPException as error:
            log.info("job %s: the mention was refused (%s)", job.id, error.code)

    # -- when it cannot be posted

    async def _explain(self, job: Job, live: LiveMessage, error: ChorusError) -> None:
        """End the job with the reason, and say it on the message where that is still possible. Files are kept."""
        job = await self._bot.services.orchestrator.mark_undeliverable(job.id, error) or job
        try:
            await live.edit(_error_face(job))
        except (discord.HTTPException, *NETWORK_ERRORS) as failure:
            log.info("job %s: the explanation cannot be posted either (%s)", job.id, failure)

    # -- sending

    def _outgoing(self, job: Job, live: LiveMessage, kind: DeliveryKind, *, part: int) -> OutgoingMessage:
        channel = self._bot.get_channel(live.channel_id)
        newest = getattr(channel, "last_message_id", None) or 0
        return OutgoingMessage(
            kind=kind,
            part=part,
            job_id=job.id,
            channel_id=live.channel_id,
            guild_id=live.guild_id,
            after_message_id=max(newest, live.id),
        )

    async def _send(self, live: LiveMessage, face: Face, row: Delivery, *, reply_to: int | None = None) -> int:
        channel = self._bot.get_partial_messageable(live.channel_id, guild_id=live.guild_id)
        view = face.view()
        message = await channel.send(
            face.content,
            embeds=[face.embed] if face.embed is not None else [],
            files=face.files(),
            view=view if view is not None else discord.utils.MISSING,
            reference=discord.MessageReference(
                message_id=reply_to or live.id, channel_id=live.channel_id, fail_if_not_exists=False
            ),
            mention_author=False,
            nonce=row.nonce,
        )
        return message.id


def why_not(error: Exception) -> ChorusError:
    """What to tell people when a finished result cannot be posted."""
    try:
        trouble = trouble_of(error)
    except Exception:  # noqa: BLE001 - not Discord's: a fault of ours, logged by the caller
        return ChorusError("The result is finished, but posting it failed.", advice="The files are kept by the owner.")
    if trouble in {Trouble.FORBIDDEN, Trouble.CHANNEL_GONE}:
        return NotAllowed(
            "The result is finished, but I may not post it in this channel any more.",
            advice="The files are kept. Give me View Channel, Send Messages and Attach Files here, and ask again.",
        )
    return ChorusError("Discord refused the result.", advice="The files are kept by the owner.")


def _error_face(job: Job) -> Face:
    error = job.error or JobError(code="CANCELLED", message="Cancelled.")
    return Face(failed_embed(job, error), view=lambda: result_view(job))
