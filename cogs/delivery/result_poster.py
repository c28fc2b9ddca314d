"""Posts what a job made: its files, or why there are none. Exactly one result, and a mention after a long wait."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import discord

from bot.discord_client.errors import NETWORK_ERRORS, THREAD_ARCHIVED, FailureKind, failure_kind
from bot.domain.deliveries import DeliveryKind, DeliveryState
from bot.domain.jobs import JobError, JobState
from bot.errors import ChorusError, NotAllowed, OutputTooLarge
from cogs.delivery.files import SMALLEST_LIMIT, PreparedFiles, prepare_files, size_limit
from cogs.delivery.live_message import LiveMessage, MessagePayload
from cogs.delivery.live_posting import LivePoster, first_posted
from cogs.delivery.message_search import has_attachment, has_footer
from cogs.delivery.offers import offers_of
from cogs.ui.embeds import ended_without_result, failed_embed, footer, noun, result_embed
from cogs.ui.job_buttons import result_view
from cogs.ui.reactions import MessageContent, add_reactions

if TYPE_CHECKING:
    from bot.discord_client.bot import ChorusBot
    from bot.domain.deliveries import Delivery
    from bot.domain.jobs import Job
    from cogs.delivery.files import PreparedFile
    from cogs.delivery.outbox import Outbox

log = logging.getLogger(__name__)


class ResultPoster:
    """Turns the message of an ended job into its result."""

    def __init__(self, bot: ChorusBot, outbox: Outbox) -> None:
        self._bot = bot
        self._outbox = outbox
        self._poster = LivePoster(bot, outbox)
        self._settings = bot.services.settings

    async def deliver(self, job: Job, live: LiveMessage, character: str) -> None:
        """Post the result, mention the person if it took long, and record the job as delivered.

        It can be called again after a crash at any point: what was posted is found, not repeated.
        """
        notice = await self._prepare_notice(job, live)
        shown: int | None = None
        try:
            shown = await self.post(job, live, character)
        except Exception as error:  # the job must end with a reason, whatever kept its result from being posted
            if self._bot.is_closed():
                raise
            log.warning("job %s: the result cannot be posted", job.id, exc_info=error)
            await self._explain(job, live, reason_for_no_post(error))
            if notice is not None:
                await self._outbox.deliveries.abandon(notice.id)
        else:
            if notice is not None:
                await self._notify(job, notice, shown)
        await self._bot.services.orchestrator.mark_delivered(job.id)
        if shown is not None:
            await self._add_reactions(job, live, shown)

    async def post(self, job: Job, live: LiveMessage, character: str) -> int:
        """Post the result; the id of its first message. Overridden for speech."""
        if ended_without_result(job):
            return await self._post_first(job, live, self._error_payload(job), ())
        limit = size_limit(self._bot, live.guild_id)
        while True:
            prepared = await self._prepared(job, limit)
            try:
                return await self._post_all(job, live, character, prepared)
            except discord.HTTPException as error:
                if failure_kind(error) is not FailureKind.TOO_LARGE or not prepared.files:
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
        offers = offers_of(self._bot, job)
        payload = MessagePayload(
            embed,
            files=lambda: [file.open() for file in first],
            view=lambda: result_view(job, self._settings.discord.reactions, offers),
        )
        shown = await self._post_first(job, live, payload, first)
        for part, batch in enumerate(more, start=1):
            await self._post_further(job, live, part, batch, reply_to=shown)
        return shown

    async def _post_first(
        self, job: Job, live: LiveMessage, payload: MessagePayload, files: tuple[PreparedFile, ...]
    ) -> int:
        """The result as the last edit of the progress message, or as a message of its own if that takes no edits."""
        outgoing = self._poster.outgoing(live, DeliveryKind.RESULT, part=0, job_id=job.id)
        matches = has_attachment(*(file.name for file in files)) if files else has_footer(footer(job))
        reply_to = job.request.origin.reply_to_message_id
        return await self._poster.post_first(outgoing, live, payload, matches, has_files=bool(files), reply_to=reply_to)

    async def remove(self, live: LiveMessage) -> bool:
        """As `LivePoster.remove`."""
        return await self._poster.remove(live)

    async def _post_further(
        self, job: Job, live: LiveMessage, part: int, batch: tuple[PreparedFile, ...], *, reply_to: int
    ) -> None:
        """Files beyond the first ten, as a reply to the first message."""
        payload = MessagePayload(None, files=lambda: [file.open() for file in batch])
        outgoing = self._poster.outgoing(live, DeliveryKind.RESULT, part=part, job_id=job.id)
        await self._poster.post_further(outgoing, live, payload, [file.name for file in batch], reply_to=reply_to)

    async def _add_reactions(self, job: Job, live: LiveMessage, shown: int) -> None:
        """The reactions that do something on the result, if the owner wants them (`discord.offer_reactions`)."""
        if self._settings.discord.offer_reactions:
            channel = self._bot.get_partial_messageable(live.channel_id, guild_id=live.guild_id)
            message = channel.get_partial_message(shown)
            await add_reactions(message, MessageContent.of(job), self._settings.discord.reactions)

    # -- the mention

    async def _prepare_notice(self, job: Job, live: LiveMessage) -> Delivery | None:
        """Store that a mention is due before the result is posted, so that a crash between the two does not lose it."""
        if job.state is JobState.CANCELLED or not job.request.requester_id:
            return None
        if (datetime.now(UTC) - job.created_at).total_seconds() < self._settings.discord.notify_after_seconds:
            return None
        row = await self._outbox.deliveries.prepare(
            self._poster.outgoing(live, DeliveryKind.NOTICE, part=0, job_id=job.id)
        )
        return None if row.state is DeliveryState.SENT else row

    async def _notify(self, job: Job, notice: Delivery, shown: int) -> None:
        """A short reply that mentions the person."""
        ready = f"your {noun(job.request.kind)} is ready."
        words = ready if job.state is not JobState.FAILED else "that did not work out."
        await self._poster.mention(notice, job.request.requester_id, words, shown=shown)

    # -- when it cannot be posted

    async def _explain(self, job: Job, live: LiveMessage, error: ChorusError) -> None:
        """End the job with the reason, and show it on the message if that is possible. The files are kept.

        A result that is posted in part stays as it is, and a reply to it gives the reason.
        """
        posted = first_posted(await self._outbox.deliveries.of_job(job.id))
        if posted is not None:
            await self._poster.reply_with_error(live, posted, error)
            return
        job = await self._bot.services.orchestrator.mark_undeliverable(job.id, error) or job
        try:
            await live.edit(self._error_payload(job))
        except (discord.HTTPException, *NETWORK_ERRORS) as failure:
            log.info("job %s: the explanation cannot be posted either (%s)", job.id, failure)

    def _error_payload(self, job: Job) -> MessagePayload:
        error = job.error or JobError(code="CANCELLED", message="Cancelled.")
        reactions = self._settings.discord.reactions
        return MessagePayload(failed_embed(job, error), view=lambda: result_view(job, reactions))


def reason_for_no_post(error: Exception) -> ChorusError:
    """What to tell people when a finished result cannot be posted."""
    try:
        kind = failure_kind(error)
    except Exception:  # noqa: BLE001 - not Discord's error but a fault of ours, which the caller has logged
        return ChorusError("The result is finished, but posting it failed.", advice="The files are kept by the owner.")
    if isinstance(error, discord.HTTPException) and error.code == THREAD_ARCHIVED:
        return NotAllowed(
            "The result is finished, but its thread was locked meanwhile.",
            advice="The files are kept. Unlock the thread, or give me Manage Threads, and ask again.",
        )
    if kind in {FailureKind.FORBIDDEN, FailureKind.CHANNEL_GONE}:
        return NotAllowed(
            "The result is finished, but I may not post it in this channel any more.",
            advice="The files are kept. Give me View Channel, Send Messages and Attach Files here, and ask again.",
        )
    return ChorusError("Discord refused the result.", advice="The files are kept by the owner.")
