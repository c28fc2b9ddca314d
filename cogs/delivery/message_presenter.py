"""Shows a job on one message of the bot: the first answer, then progress, then the result."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Protocol

import discord

from bot.domain.deliveries import DeliveryState
from bot.domain.job_updates import Ended
from bot.domain.jobs import UNFINISHED
from bot.errors import Cancelled, ChorusError
from cogs.delivery.first_answer import answer_in_channel, find_answer
from cogs.delivery.live_message import LiveMessage
from cogs.delivery.progress_editor import ProgressEditor, progress_payload
from cogs.delivery.result_poster import ResultPoster
from cogs.ui.progress import ProgressCard, progress_card

if TYPE_CHECKING:
    from bot.discord_client.bot import ChorusBot
    from bot.domain.jobs import Job
    from cogs.delivery.outbox import Outbox

log = logging.getLogger(__name__)


class Presenter(Protocol):
    """Shows jobs of one sort, from the queue to the result."""

    def handles(self, job: Job) -> bool:
        """Whether it shows this job; by the stored request alone, because it is asked after a restart too."""
        ...

    async def present(self, job: Job) -> None:
        """Show the job until it ends, post its result exactly once, and mark it as delivered.

        Called for new jobs and again after a restart; what was posted before is found by the outbox.
        """
        ...


def character_name(bot: ChorusBot, job: Job) -> str:
    """The display name of the job's character; its id if the file is gone."""
    request = job.request
    try:
        return bot.services.characters.get(request.character_id, request.origin.guild_id).name
    except ChorusError:
        return request.character_id


class MessagePresenter:
    """The presenter of every job that no other presenter handles."""

    def __init__(self, bot: ChorusBot, outbox: Outbox, results: ResultPoster | None = None) -> None:
        self._bot = bot
        self._outbox = outbox
        self._results = results or ResultPoster(bot, outbox)

    def handles(self, job: Job) -> bool:
        """Every job that came from Discord."""
        return job.request.origin.channel_id is not None

    async def present(self, job: Job) -> None:
        """After a restart: go on with the message that answered; without one, withdraw the job."""
        message_id = await self._answered(job)
        if message_id is None:
            log.info("job %s was never accepted: its interaction had no answer", job.id)
            await withdraw(self._bot, job)
            return
        await self.follow(job, message_id)

    async def follow(
        self,
        job: Job,
        message_id: int,
        *,
        interaction: discord.Interaction[Any] | None = None,
        shown: ProgressCard | None = None,
    ) -> None:
        """Show progress on the message with that id, then the result."""
        origin = job.request.origin
        live = LiveMessage(
            self._bot,
            channel_id=origin.channel_id or 0,
            message_id=message_id,
            guild_id=origin.guild_id,
            interaction=interaction,
        )
        await self.follow_on(job, live, shown=shown)

    async def follow_on(self, job: Job, live: LiveMessage, *, shown: ProgressCard | None = None) -> None:
        """Show progress on any message that can be edited, then the result; `shown`: what it shows already."""
        name = character_name(self._bot, job)
        interval = self._bot.services.settings.discord.progress_interval_seconds
        async with ProgressEditor(live, job, name, interval=interval, shown=shown) as editor:
            ended = await self._watch(job, editor)
            await editor.stop()
            await self._results.deliver(ended, live, name)

    async def _watch(self, job: Job, editor: ProgressEditor) -> Job:
        async for update in self._bot.services.orchestrator.watch(job.id):
            if isinstance(update, Ended):
                return update.job
            editor.put(update)
        return await self._bot.services.orchestrator.job(job.id) or job

    async def _answered(self, job: Job) -> int | None:
        """The message that answered. The answer to a reaction has no deadline: it is posted now if it was not."""
        if job.request.origin.interaction_id is None:
            payload = progress_payload(job, progress_card(job, character_name(self._bot, job), None))
            return await answer_in_channel(self._bot, self._outbox, job, payload)
        rows = await self._bot.services.deliveries.of_job(job.id)
        return await find_answer(self._bot, rows, job.request.origin.interaction_id)


async def withdraw(bot: ChorusBot, job: Job) -> None:
    """End a job that was stored but never answered: Discord told the person that the command failed."""
    orchestrator = bot.services.orchestrator
    if job.state in UNFINISHED:
        await orchestrator.cancel(job.id)
    for row in await bot.services.deliveries.of_job(job.id):
        if row.state is DeliveryState.PENDING:
            await bot.services.deliveries.abandon(row.id)
    await orchestrator.mark_undeliverable(job.id, Cancelled("The command was never answered."))
    await orchestrator.mark_delivered(job.id)
