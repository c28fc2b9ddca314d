"""The only place that posts results: accepts requests, shows their jobs, and goes on with them after a restart."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import UUID

import discord
from discord.ext import commands

from bot.discord_client.errors import NETWORK_ERRORS
from bot.domain.batches import BatchState
from bot.errors import StorageUnavailable
from cogs.delivery.batch_presenter import BatchPresenter
from cogs.delivery.first_answer import answer_in_channel, answer_interaction, first_answer, first_update
from cogs.delivery.message_presenter import MessagePresenter, Presenter, character_name, withdraw
from cogs.delivery.outbox import Outbox
from cogs.delivery.progress_editor import progress_payload
from cogs.delivery.threads import reopened
from cogs.delivery.trial_presenter import TrialPresenter, ViewFactory
from cogs.delivery.turn_pictures import TurnPicturePresenter
from cogs.delivery.turn_poster import TurnPoster
from cogs.delivery.voice_presenter import VoicePresenter
from cogs.delivery.webhooks import CharacterWebhooks
from cogs.ui.progress import ProgressCard, progress_card

if TYPE_CHECKING:
    from bot.discord_client.bot import ChorusBot
    from bot.domain.batches import Batch
    from bot.domain.jobs import GenerationRequest, Job, Origin

log = logging.getLogger(__name__)

CLOSE_SECONDS = 2.0
"""How long a request under way may take to end when the bot stops; the next start finds what became of it."""


class DeliveryCog(commands.Cog, name="Delivery"):
    """Posts what jobs make, exactly once as people see it.

    Attributes:
        outbox: For everything that sends messages with rows.
        turns: Posts what characters say.
        webhooks: The webhooks that characters speak through.
        voices: Shows speech.
        batches: Shows batches.
        trials: Shows trials of workflows.

    """

    def __init__(self, bot: ChorusBot) -> None:
        self.bot = bot
        self.outbox = Outbox(bot.services.deliveries, reopen=partial(reopened, bot))
        self.webhooks = CharacterWebhooks(bot)
        self.turns = TurnPoster(bot, self.outbox, self.webhooks, self.present)
        self.voices = VoicePresenter(bot, self.outbox)
        self.batches = BatchPresenter(bot, self.outbox)
        self.trials = TrialPresenter(bot)
        self._messages = MessagePresenter(bot, self.outbox)
        turn_pictures = TurnPicturePresenter(bot, self.outbox, self.webhooks, self._messages)
        self._presenters: tuple[Presenter, ...] = (self.trials, self.voices, turn_pictures, self._messages)
        self._tasks: dict[UUID, asyncio.Task[None]] = {}
        self._recovery: asyncio.Task[None] | None = None
        self._is_unloaded = False

    # -- accepting

    async def accept(self, interaction: discord.Interaction[ChorusBot], request: GenerationRequest) -> Job:
        """Accept a request made by a command or a button: check, store, answer, show.

        Raises:
            ChorusError: Nothing was accepted: queue full, bad workflow, ...
            discord.HTTPException: Discord gave up on the interaction; the job is withdrawn.
            StorageUnavailable: The answer cannot be stored; the job is withdrawn as soon as that can be stored.

        """
        job = await self.bot.services.orchestrator.submit(request)
        card = await self._first_card(job)
        try:
            message_id = await answer_interaction(
                self.outbox, first_answer(job), interaction, progress_payload(job, card)
            )
        except (discord.HTTPException, StorageUnavailable, *NETWORK_ERRORS):
            self._start(job.id, withdraw(self.bot, job))  # in a task of its own, which waits for the database
            raise
        presenter = self.voices if self.voices.handles(job) else self._messages
        self._start(job.id, presenter.follow(job, message_id, interaction=interaction, shown=card))
        return job

    async def accept_in_channel(self, request: GenerationRequest, job_id: UUID | None = None) -> Job:
        """Accept a request without an interaction (a reaction); a message in the origin's channel answers it.

        Speech is not answered: it is heard when it is ready.

        Args:
            request: What is asked for.
            job_id: As of `Orchestrator.submit`.

        Raises:
            ChorusError: Nothing was accepted.
            discord.HTTPException: The bot may not post there; the job is withdrawn.
            StorageUnavailable: As from `accept`.

        """
        job = await self.bot.services.orchestrator.submit(request, job_id)
        if self.voices.handles(job):
            self.present(job)
            return job
        card = await self._first_card(job)
        try:
            message_id = await answer_in_channel(self.bot, self.outbox, job, progress_payload(job, card))
        except (discord.HTTPException, StorageUnavailable):
            self._start(job.id, withdraw(self.bot, job))
            raise
        self._start(job.id, self._messages.follow(job, message_id, shown=card))
        return job

    async def accept_batch(
        self, interaction: discord.Interaction[ChorusBot], batch: Batch, origin: Origin | None = None
    ) -> Batch:
        """Accept all jobs of a batch: check, store, answer, show.

        Args:
            interaction: Which is answered.
            batch: New, or proposed earlier.
            origin: Of the interaction, where the batch was proposed by another one.

        Raises:
            ChorusError: Nothing was accepted.
            discord.HTTPException: Discord gave up on the interaction; the batch is withdrawn.
            StorageUnavailable: As from `accept`.

        """
        started = await self.bot.services.batches.start(batch, origin)
        try:
            message_id = await self.batches.answer(started, interaction)
        except (discord.HTTPException, StorageUnavailable, *NETWORK_ERRORS):
            self._start(started.id, self.batches.withdraw(started))
            raise
        self._start(started.id, self.batches.follow(started, message_id, interaction=interaction))
        return started

    def show_trial(self, interaction: discord.Interaction[ChorusBot], job: Job, view: ViewFactory) -> None:
        """Show the trial of a workflow on the private answer of an interaction.

        Args:
            interaction: Answered privately already.
            job: The trial, accepted by the orchestrator.
            view: The buttons under its result.

        """
        if job.id in self._tasks:  # being shown on an earlier answer, which the person may have dismissed
            self._tasks[job.id].cancel()
        self._start(job.id, self.trials.follow(job, interaction, view))

    # -- showing

    @property
    def shown_jobs(self) -> int:
        """How many jobs are being shown."""
        return len(self._tasks)

    def present(self, job: Job) -> None:
        """Show a job until its result is posted, with the first presenter that handles it."""
        if job.id in self._tasks or job.request.batch_id is not None:  # shown with its batch
            return
        for presenter in self._presenters:
            if presenter.handles(job):
                self._start(job.id, presenter.present(job))
                return

    async def _first_card(self, job: Job) -> ProgressCard:
        return progress_card(job, character_name(self.bot, job), await first_update(self.bot, job))

    def _start(self, job_id: UUID, work: Coroutine[Any, Any, None]) -> None:
        if self._is_unloaded:  # a command that came in just before: the next start shows its job
            work.close()
            return
        task = asyncio.create_task(self._guarded(job_id, work), name=f"delivery of {job_id}")
        self._tasks[job_id] = task
        task.add_done_callback(partial(self._forget, job_id))

    def _forget(self, job_id: UUID, task: asyncio.Task[None]) -> None:
        if self._tasks.get(job_id) is task:
            del self._tasks[job_id]

    async def _guarded(self, job_id: UUID, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except Exception:  # the task's boundary: the job stays undelivered in the database
            log.exception("delivery of job %s failed; it is tried again at the next start", job_id)

    # -- starting and stopping

    async def cog_load(self) -> None:
        """Take up the jobs of an earlier process.

        Their list is read before the gateway connects, so that a command that comes in is not taken for one of them.
        Showing them waits for the connection.
        """
        batches = await self._unshown_batches()
        jobs = await self._unshown_jobs()
        await self._cancel_rest(batches)
        self._recovery = asyncio.create_task(self._present_all(jobs, batches), name="delivery recovery")

    async def cog_unload(self) -> None:
        """Stop showing. Jobs stay in the database; the next start finds what was posted."""
        self._is_unloaded = True
        tasks = [task for task in (self._recovery, *self._tasks.values()) if task is not None]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=CLOSE_SECONDS)

    async def _unshown_jobs(self) -> list[Job]:
        """Every job that has not ended, or whose end was not shown; in the order of acceptance."""
        services = self.bot.services
        try:
            unfinished = await services.jobs.unfinished(services.owner)
            undelivered = await services.orchestrator.recover()
        except Exception:  # the bot must start all the same; what is in the database is tried at the next start
            log.exception("unfinished jobs could not be taken up")
            return []
        return list({job.id: job for job in (*unfinished, *undelivered)}.values())

    async def _unshown_batches(self) -> list[Batch]:
        """Every batch whose end was not shown."""
        try:
            return await self.bot.services.batches.undelivered()
        except Exception:  # the bot must start all the same; what is in the database is tried at the next start
            log.exception("unfinished batches could not be taken up")
            return []

    async def _cancel_rest(self, batches: list[Batch]) -> None:
        """Cancel what is left of stopped batches, before ComfyUI gets any of it."""
        for batch in batches:
            if batch.state is not BatchState.STOPPED:
                continue
            try:
                service = self.bot.services.batches
                await service.cancel_unfinished(await service.jobs(batch))
            except Exception:  # the bot must start all the same; following the batch cancels its jobs again
                log.exception("the rest of batch %s could not be cancelled", batch.id)

    async def _present_all(self, jobs: list[Job], batches: list[Batch]) -> None:
        await self.bot.wait_until_ready()
        for job in jobs:
            self.present(job)
        for batch in batches:
            self._start(batch.id, self.batches.present(batch))

    @commands.Cog.listener()
    async def on_raw_message_delete(self, payload: discord.RawMessageDeleteEvent) -> None:
        """Somebody deleted a message: record it if it is one of ours."""
        await self.bot.services.deliveries.mark_deleted(payload.message_id)

    @commands.Cog.listener()
    async def on_raw_bulk_message_delete(self, payload: discord.RawBulkMessageDeleteEvent) -> None:
        """Somebody deleted many messages at once."""
        for message_id in payload.message_ids:
            await self.bot.services.deliveries.mark_deleted(message_id)


def delivery_of(bot: ChorusBot) -> DeliveryCog:
    """The bot's delivery, for cogs loaded after it."""
    cog = bot.get_cog(DeliveryCog.__cog_name__)
    if not isinstance(cog, DeliveryCog):
        raise TypeError("cogs.delivery is not loaded")
    return cog
