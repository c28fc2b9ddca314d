"""Shows a batch on one message of the bot: its number and time, the contact sheet that fills, then the result."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

import discord

from bot.discord_client.errors import FailureKind, failure_kind
from bot.domain.batches import BatchState
from bot.domain.deliveries import DeliveryKind, DeliveryState
from bot.errors import ChorusError
from cogs.delivery.batch_poster import BatchPoster
from cogs.delivery.batch_sheet import PROGRESS_SHEET, BatchSheet
from cogs.delivery.batch_watcher import BatchWatcher
from cogs.delivery.first_answer import answer_interaction, find_answer, first_batch_answer
from cogs.delivery.live_message import LiveMessage, MessagePayload, one_file
from cogs.ui.batch_view import BatchProgress, progress_embed, progress_view

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.discord_client.bot import ChorusBot
    from bot.domain.batches import Batch
    from bot.domain.jobs import Job
    from cogs.delivery.outbox import Outbox

log = logging.getLogger(__name__)


class BatchPresenter:
    """Presents whole batches; their jobs have no messages of their own."""

    def __init__(self, bot: ChorusBot, outbox: Outbox) -> None:
        self._bot = bot
        self._outbox = outbox
        self._poster = BatchPoster(bot, outbox)

    async def answer(self, batch: Batch, interaction: discord.Interaction[ChorusBot]) -> int:
        """Answer with the living message; its id.

        Raises:
            discord.HTTPException: Discord gave up on the interaction, or refuses.

        """
        jobs = await self._bot.services.batches.jobs(batch)
        embed = progress_embed(await self._progress(batch, jobs), self._character(batch), sheet=None)
        payload = MessagePayload(embed, view=lambda: progress_view(batch))
        return await answer_interaction(self._outbox, first_batch_answer(batch), interaction, payload)

    async def present(self, batch: Batch) -> None:
        """After a restart: go on with the message that answered; without one, withdraw the batch."""
        rows = await self._bot.services.deliveries.of_batch(batch.id)
        message_id = await find_answer(self._bot, rows, batch.request.origin.interaction_id)
        if message_id is None:
            log.info("batch %s was never accepted: its interaction had no answer", batch.id)
            await self.withdraw(batch)
            return
        await self.follow(batch, message_id)

    async def follow(
        self, batch: Batch, message_id: int, *, interaction: discord.Interaction[Any] | None = None
    ) -> None:
        """Show progress on the message with that id, then the result."""
        origin = batch.request.origin
        live = LiveMessage(
            self._bot,
            channel_id=origin.channel_id or 0,
            message_id=message_id,
            guild_id=origin.guild_id,
            interaction=interaction,
        )
        services = self._bot.services
        jobs = await services.batches.jobs(batch)
        if batch.state is BatchState.STOPPED:
            await services.batches.cancel_unfinished(jobs)
        async with BatchWatcher(services.orchestrator, jobs) as watcher:
            await self._show_progress(batch, live, watcher)
        # Every job has ended in the database now.
        await self._poster.deliver(batch, await services.batches.jobs(batch), live, self._character(batch))

    async def withdraw(self, batch: Batch) -> None:
        """End a batch that was stored but never answered: Discord told the person that the command failed."""
        await self._bot.services.batches.stop(batch)
        for row in await self._bot.services.deliveries.of_batch(batch.id):
            if row.state is DeliveryState.PENDING:
                await self._bot.services.deliveries.abandon(row.id)
        await self._bot.services.batches.mark_delivered(batch)

    async def remove_pictures(self, job: Job) -> None:
        """Take a deleted job's files out of the messages of its batch, and its picture off the contact sheet."""
        if job.request.batch_id is None:
            return
        services = self._bot.services
        batch = await services.batches.get(job.request.batch_id)
        jobs = await services.batches.jobs(batch)
        for row in await services.deliveries.of_batch(batch.id):
            if row.kind is not DeliveryKind.RESULT or row.state is not DeliveryState.SENT:
                continue
            channel = self._bot.get_partial_messageable(row.channel_id, guild_id=row.guild_id)
            try:
                message = await channel.fetch_message(row.discord_message_id or 0)
                await self._poster.redraw(batch, jobs, message, without=job, character=self._character(batch))
            except discord.NotFound:  # somebody deleted the whole message
                continue

    async def _show_progress(self, batch: Batch, live: LiveMessage, watcher: BatchWatcher) -> None:
        """At most one edit per interval, and only of what changed; returns when all jobs have ended."""
        interval = self._bot.services.settings.discord.progress_interval_seconds
        sheet = BatchSheet(batch, self._bot.services.settings)
        shown: tuple[object, ...] | None = None
        next_at = time.monotonic() + interval
        while not watcher.all_ended:
            await watcher.wait_changed()
            await watcher.wait_ended(next_at - time.monotonic())
            if watcher.all_ended:
                return
            drawn = await sheet.draw(watcher.jobs)
            progress = await self._progress(batch, watcher.jobs, watcher)
            embed = progress_embed(progress, self._character(batch), sheet=PROGRESS_SHEET if drawn else None)
            key = (embed.description, drawn)
            if key == shown:
                continue
            if not await self._edit(live, batch, embed, drawn):
                await watcher.wait_ended()
                return
            shown, next_at = key, time.monotonic() + interval

    async def _edit(self, live: LiveMessage, batch: Batch, embed: discord.Embed, sheet: bytes | None) -> bool:
        """False: further progress cannot be shown."""
        files = one_file(PROGRESS_SHEET, sheet) if sheet is not None else tuple
        try:
            await live.edit(MessagePayload(embed, files=files, view=lambda: progress_view(batch)))
        except Exception as error:  # noqa: BLE001 - `failure_kind` raises what is neither Discord's nor the network's
            kind = failure_kind(error)
            log.info("batch %s: progress not shown (%s)", batch.id, kind.name)
            return kind is FailureKind.AMBIGUOUS
        return True

    async def _progress(self, batch: Batch, jobs: Sequence[Job], watcher: BatchWatcher | None = None) -> BatchProgress:
        updates = watcher.updates if watcher is not None else {}
        return BatchProgress(batch, jobs, updates, seconds_left=await self._seconds_left(jobs))

    async def _seconds_left(self, jobs: Sequence[Job]) -> float | None:
        """Until the last of them is done, with everything that is served before it; None: not known."""
        mine = {job.id for job in jobs}
        view = await self._bot.services.orchestrator.queue_view()
        entries = [entry for entry in (*view.running, *view.waiting) if entry.job_id in mine]
        known = [entry.expected_seconds for entry in entries if entry.expected_seconds is not None]
        return max(known) if entries and len(known) == len(entries) else None

    def _character(self, batch: Batch) -> str:
        request = batch.request
        try:
            return self._bot.services.characters.get(request.character_id, request.origin.guild_id).name
        except ChorusError:
            return request.character_id
