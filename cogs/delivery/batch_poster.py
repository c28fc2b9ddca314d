"""Posts the end of a batch: the finished contact sheet, every file, and a mention after a long wait."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import discord

from bot.discord_client.errors import NETWORK_ERRORS, FailureKind, failure_kind
from bot.domain.deliveries import DeliveryKind, DeliveryState
from bot.domain.jobs import JobState
from bot.errors import OutputTooLarge
from cogs.delivery.batch_sheet import BatchSheet, sheet_name
from cogs.delivery.files import FILES_PER_MESSAGE, SMALLEST_LIMIT, prepare_files, size_limit
from cogs.delivery.live_message import MessagePayload, one_file
from cogs.delivery.live_posting import LivePoster, first_posted
from cogs.delivery.message_search import has_attachment, has_footer
from cogs.delivery.result_poster import reason_for_no_post
from cogs.ui.batch_view import BatchProgress, batch_footer, finished_embed, finished_view, number_of
from cogs.ui.errors import error_embed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.discord_client.bot import ChorusBot
    from bot.domain.batches import Batch
    from bot.domain.deliveries import Delivery
    from bot.domain.jobs import Job
    from cogs.delivery.files import PreparedFile
    from cogs.delivery.live_message import LiveMessage
    from cogs.delivery.outbox import Outbox

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class BatchFiles:
    """Every file of a batch that can be posted.

    Attributes:
        messages: Files by message; the first has room for the sheet beside them.
        notes: What was changed, or cannot be posted.

    """

    messages: list[list[PreparedFile]]
    notes: tuple[str, ...]

    @property
    def largest(self) -> int:
        """Bytes of the largest file; 0 if there is none."""
        return max((file.size for message in self.messages for file in message), default=0)


class BatchPoster:
    """Turns the living message of an ended batch into its result."""

    def __init__(self, bot: ChorusBot, outbox: Outbox) -> None:
        self._bot = bot
        self._outbox = outbox
        self._poster = LivePoster(bot, outbox)

    async def deliver(self, batch: Batch, jobs: Sequence[Job], live: LiveMessage, character: str) -> None:
        """Post sheet and files, and record the batch as delivered.

        It can be called again after a crash at any point: what was posted is found, not repeated.
        """
        notice = await self._prepare_notice(batch, jobs, live)
        try:
            shown = await self._post(batch, jobs, live, character)
        except Exception as error:  # the batch must end with a reason, whatever kept its result from being posted
            if self._bot.is_closed():
                raise
            log.warning("batch %s: the result cannot be posted", batch.id, exc_info=error)
            await self._explain(batch, live, error)
            if notice is not None:
                await self._outbox.deliveries.abandon(notice.id)
        else:
            if notice is not None:
                await self._poster.mention(notice, batch.request.requester_id, "your pictures are ready.", shown=shown)
        await self._bot.services.batches.mark_delivered(batch)

    async def _post(self, batch: Batch, jobs: Sequence[Job], live: LiveMessage, character: str) -> int:
        limit = size_limit(self._bot, live.guild_id)
        while True:
            files = await self._files(jobs, limit)
            try:
                return await self._post_all(batch, jobs, live, character, files)
            except discord.HTTPException as error:
                if failure_kind(error) is not FailureKind.TOO_LARGE or not files.largest:
                    raise
                limit = min(limit, files.largest) // 2
                log.info("batch %s: the upload was refused as too large, trying %d bytes per file", batch.id, limit)

    async def _post_all(
        self, batch: Batch, jobs: Sequence[Job], live: LiveMessage, character: str, files: BatchFiles
    ) -> int:
        first, *more = files.messages
        sheet = await BatchSheet(batch, self._bot.services.settings).draw(jobs)
        progress = BatchProgress(batch, jobs, votes=await self._bot.services.batches.votes(batch))
        name = sheet_name(batch) if sheet is not None else None

        def attached() -> list[discord.File]:
            own = [*one_file(name, sheet)()] if name is not None and sheet is not None else []
            return own + [file.open() for file in first]

        payload = MessagePayload(
            finished_embed(progress, character, sheet=name, notes=files.notes),
            files=attached,
            view=lambda: finished_view(progress),
        )
        outgoing = self._poster.outgoing(live, DeliveryKind.RESULT, part=0, batch_id=batch.id)
        matches = has_attachment(name) if name is not None else has_footer(batch_footer(batch))
        shown = await self._poster.post_first(outgoing, live, payload, matches, has_files=name is not None)
        for part, message in enumerate(more, start=1):
            if message:
                await self._post_further(batch, live, part, message, reply_to=shown)
        return shown

    async def _post_further(
        self, batch: Batch, live: LiveMessage, part: int, files: Sequence[PreparedFile], *, reply_to: int
    ) -> None:
        payload = MessagePayload(None, files=lambda: [file.open() for file in files])
        outgoing = self._poster.outgoing(live, DeliveryKind.RESULT, part=part, batch_id=batch.id)
        await self._poster.post_further(outgoing, live, payload, [file.name for file in files], reply_to=reply_to)

    async def redraw(
        self, batch: Batch, jobs: Sequence[Job], message: discord.Message, *, without: Job, character: str
    ) -> None:
        """Edit a posted message of the batch so that it does not show a job any more.

        Args:
            batch: The batch.
            jobs: As they are now.
            message: As Discord has it; with or without the sheet.
            without: Whose files are taken out.
            character: The name to show.

        """
        name = sheet_name(batch)
        kept = [file for file in message.attachments if without.digest not in file.filename]
        others: list[discord.Attachment | discord.File] = [file for file in kept if file.filename != name]
        if len(others) == len(message.attachments):
            return
        if not message.embeds:
            if others:
                await message.edit(attachments=others)
            else:
                await message.delete()
            return
        sheet = await BatchSheet(batch, self._bot.services.settings).draw(jobs)
        progress = BatchProgress(batch, jobs, votes=await self._bot.services.batches.votes(batch))
        embed = finished_embed(progress, character, sheet=name if sheet is not None else None)
        own = [*one_file(name, sheet)()] if sheet is not None else []
        await message.edit(embed=embed, attachments=[*own, *others], view=finished_view(progress))

    async def _files(self, jobs: Sequence[Job], limit: int) -> BatchFiles:
        """Every file in at most `limit` bytes. A file stays in its message when another one has to be left out."""
        messages: list[list[PreparedFile]] = [[]]
        notes: list[str] = []
        if limit < SMALLEST_LIMIT:
            return BatchFiles(messages, (OutputTooLarge().message, OutputTooLarge().advice))
        offset = 0
        for job in jobs:
            prepared = await prepare_files(job, limit, self._bot.services)
            for file in prepared.files:
                # The sheet takes the place of a file in the first message.
                place = (offset + file.n + 1) // FILES_PER_MESSAGE
                messages += [[] for _ in range(place + 1 - len(messages))]
                messages[place].append(file)
            notes += [f"No. {number_of(job)}: {note}" for note in prepared.notes]
            offset += len(job.artifacts)
        return BatchFiles(messages, tuple(notes))

    async def _prepare_notice(self, batch: Batch, jobs: Sequence[Job], live: LiveMessage) -> Delivery | None:
        """Store that a mention is due before the result is posted, so that a crash between the two does not lose it."""
        waited = (datetime.now(UTC) - batch.created_at).total_seconds()
        if waited < self._bot.services.settings.discord.notify_after_seconds or not batch.request.requester_id:
            return None
        if all(job.state is JobState.CANCELLED for job in jobs):
            return None
        outgoing = self._poster.outgoing(live, DeliveryKind.NOTICE, part=0, batch_id=batch.id)
        row = await self._outbox.deliveries.prepare(outgoing)
        return None if row.state is DeliveryState.SENT else row

    async def _explain(self, batch: Batch, live: LiveMessage, error: Exception) -> None:
        """Show the reason on the message. A result that is posted in part stays, and a reply to it gives the reason."""
        reason = reason_for_no_post(error)
        posted = first_posted(await self._outbox.deliveries.of_batch(batch.id))
        if posted is not None:
            await self._poster.reply_with_error(live, posted, reason)
            return
        try:
            await live.edit(MessagePayload(error_embed(reason, advice=False, footer=batch_footer(batch))))
        except (discord.HTTPException, *NETWORK_ERRORS) as failure:
            log.info("batch %s: the explanation cannot be posted either (%s)", batch.id, failure)
