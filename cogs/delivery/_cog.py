"""Delivery: the only place that posts results. Accepts wishes, follows their jobs, picks them up after a restart."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any
from uuid import UUID

import discord
from discord.ext import commands

from bot.discord_client.errors import NETWORK_ERRORS
from cogs.delivery._answers import answer_in_channel, answer_interaction, first_update
from cogs.delivery._drawn import DrawnPresenter
from cogs.delivery._outbox import Outbox
from cogs.delivery._presenter import MessagePresenter, Presenter, character_name, withdraw
from cogs.delivery._progress import progress_face
from cogs.delivery._turns import TurnPoster
from cogs.delivery._voice import VoicePresenter
from cogs.delivery._webhooks import Webhooks
from cogs.ui.job_buttons import CancelButton, DetailsButton
from cogs.ui.permissions import require_bot_can_post
from cogs.ui.progress import ProgressCard, progress_card

if TYPE_CHECKING:
    from bot.discord_client.bot import ChorusBot
    from bot.domain.jobs import GenerationRequest, Job

log = logging.getLogger(__name__)

CLOSE_SECONDS = 2.0
"""How long a posting under way may take to end when the bot stops; what is cut off is found at the next start."""


class Delivery(commands.Cog):
    """Posts what jobs make, exactly once as the user sees it.

    Attributes:
        outbox: For other senders of messages with rows (voice bubbles, turns).
        turns: Posts what characters say.
        webhooks: The faces they say it with.
        voices: Posts speech.

    """

    def __init__(self, bot: ChorusBot) -> None:
        self.bot = bot
        self.outbox = Outbox(bot.services.deliveries)
        self._messages = MessagePresenter(bot, self.outbox)
        self.webhooks = Webhooks(bot)
        self.turns = TurnPoster(bot, self.outbox, self.webhooks, self.present)
        self.voices = VoicePresenter(bot, self.outbox)
        drawn = DrawnPresenter(bot, self.outbox, self.webhooks, self._messages)
        self._presenters: list[Presenter] = [self.voices, drawn]
        self._tasks: dict[UUID, asyncio.Task[None]] = {}
        self._taking_up: asyncio.Task[None] | None = None

    # -- accepting

    async def accept(self, interaction: discord.Interaction[ChorusBot], request: GenerationRequest) -> Job:
        """Take a wish made by a command or a button: validate, commit, answer, follow.

        Raises:
            ChorusError: Nothing was accepted: no permission, queue full, bad workflow, ...
            discord.HTTPException: Discord gave up on the interaction; the job is withdrawn.

        """
        require_bot_can_post(interaction)
        job = await self.bot.services.orchestrator.submit(request)
        card = self._first_card(job)
        try:
            message_id = await answer_interaction(self.outbox, job, interaction, progress_face(job, card))
        except (discord.HTTPException, *NETWORK_ERRORS):
            await withdraw(self.bot, job)
            raise
        follower = self.voices if self.voices.handles(job) else self._messages
        self._start(job.id, follower.follow(job, message_id, interaction=interaction, shown=card))
        return job

    async def accept_in_channel(self, request: GenerationRequest) -> Job:
        """Take a wish without an interaction (a reaction); the answer is a message in `request.origin.channel_id`.

        Speech answers by being heard.

        Raises:
            ChorusError: Nothing was accepted.
            discord.HTTPException: The bot may not post there; the job is withdrawn.

        """
        job = await self.bot.services.orchestrator.submit(request)
        if self.voices.handles(job):
            self.present(job)
            return job
        card = self._first_card(job)
        try:
            message_id = await answer_in_channel(self.bot, self.outbox, job, progress_face(job, card))
        except discord.HTTPException:
            await withdraw(self.bot, job)
            raise
        self._start(job.id, self._messages.follow(job, message_id, shown=card))
        return job

    # -- following

    @property
    def following(self) -> int:
        """How many jobs are being shown."""
        return len(self._tasks)

    def add_presenter(self, presenter: Presenter) -> None:
        """Let `presenter` show the jobs it handles, instead of a message of the bot's; asked before the others."""
        self._presenters.insert(0, presenter)

    def present(self, job: Job) -> None:
        """Follow a job to its result with whoever handles it; jobs of terminals are nobody's here."""
        if job.id in self._tasks:
            return
        for presenter in (*self._presenters, self._messages):
            if presenter.handles(job):
                self._start(job.id, presenter.present(job))
                return

    def _first_card(self, job: Job) -> ProgressCard:
        return progress_card(job, character_name(self.bot, job), first_update(self.bot, job))

    def _start(self, job_id: UUID, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(self._guarded(job_id, work), name=f"delivery of {job_id}")
        self._tasks[job_id] = task
        task.add_done_callback(lambda _: self._tasks.pop(job_id, None))

    async def _guarded(self, job_id: UUID, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except Exception:
            log.exception("delivery of job %s failed; it is tried again at the next start", job_id)

    # -- starting and stopping

    async def cog_load(self) -> None:
        """Register the buttons and take up what an earlier life left.

        The jobs are taken up before the gateway connects: a command that came in between would be taken for one of
        an earlier life. Showing them waits for the connection.
        """
        self.bot.add_dynamic_items(CancelButton, DetailsButton)
        jobs = await self._recovered()
        self._taking_up = asyncio.create_task(self._present_all(jobs), name="delivery recovery")

    async def cog_unload(self) -> None:
        """End following. Jobs stay in the store; an unfinished posting is found at the next start."""
        tasks = [task for task in (self._taking_up, *self._tasks.values()) if task is not None]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=CLOSE_SECONDS)

    async def _recovered(self) -> list[Job]:
        """Every job without an end in the store, or without a shown end; in the order of acceptance."""
        services = self.bot.services
        try:
            unfinished = await services.jobs.unfinished(services.owner)
            undelivered = await services.orchestrator.recover()
        except Exception:
            log.exception("unfinished jobs could not be taken up")
            return []
        return list({job.id: job for job in (*unfinished, *undelivered)}.values())

    async def _present_all(self, jobs: list[Job]) -> None:
        await self.bot.wait_until_ready()
        for job in jobs:
            self.present(job)

    @commands.Cog.listener()
    async def on_raw_message_delete(self, payload: discord.RawMessageDeleteEvent) -> None:
        """Somebody removed a message; if it was ours, remember it."""
        await self.bot.services.deliveries.mark_deleted(payload.message_id)

    @commands.Cog.listener()
    async def on_raw_bulk_message_delete(self, payload: discord.RawBulkMessageDeleteEvent) -> None:
        """As above, for a purge."""
        for message_id in payload.message_ids:
            await self.bot.services.deliveries.mark_deleted(message_id)


def delivery_of(bot: ChorusBot) -> Delivery:
    """The bot's delivery, for cogs loaded after it."""
    cog = bot.get_cog(Delivery.__cog_name__)
    if not isinstance(cog, Delivery):
        raise TypeError("cogs.delivery is not loaded")
    return cog
