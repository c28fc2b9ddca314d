"""Shows the trial of a workflow to the person who asked for it alone, on the private answer of an interaction.

That answer can be edited for 15 minutes and is not stored. The result of a trial that was not shown, because the bot
was restarted or the time was over, waits in the database until the person presses `Try` again.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import discord

from bot.discord_client.errors import NETWORK_ERRORS
from bot.domain.job_updates import Ended
from cogs.delivery.files import FILES_PER_MESSAGE, PreparedFiles, prepare_files, size_limit
from cogs.delivery.message_presenter import character_name
from cogs.delivery.progress_editor import progress_payload
from cogs.ui.embeds import ended_without_result, footer, result_embed
from cogs.ui.errors import advice_embed
from cogs.ui.progress import progress_card

if TYPE_CHECKING:
    from bot.discord_client.bot import ChorusBot
    from bot.domain.jobs import Job

log = logging.getLogger(__name__)

_KEPT: Final = timedelta(days=1)
"""How long a result that was not shown waits for its person."""

ViewFactory = Callable[[], discord.ui.View]
"""Makes the buttons under a result anew at each call, because discord.py's views are single-use."""


class TrialPresenter:
    """The presenter of trials."""

    def __init__(self, bot: ChorusBot) -> None:
        self._bot = bot

    def handles(self, job: Job) -> bool:
        """Every trial."""
        return job.request.trial

    async def present(self, job: Job) -> None:
        """After a restart: nobody can be told, so the result waits for a while."""
        ended = await self._end_of(job)
        if datetime.now(UTC) - ended.created_at > _KEPT:
            await self._bot.services.orchestrator.mark_delivered(job.id)

    async def follow(self, job: Job, interaction: discord.Interaction[Any], view: ViewFactory) -> None:
        """Show progress, then the result.

        Args:
            job: The trial.
            interaction: Answered privately already; its answer is edited.
            view: The buttons under the result.

        """
        try:
            ended = await self._end_of(job, interaction)
            await self._show(ended, interaction, view)
        except (discord.HTTPException, *NETWORK_ERRORS) as error:
            log.info("trial %s: its result waits to be asked for (%s)", job.id, type(error).__name__)
            return
        await self._bot.services.orchestrator.mark_delivered(job.id)

    async def _end_of(self, job: Job, interaction: discord.Interaction[Any] | None = None) -> Job:
        interval = self._bot.services.settings.discord.progress_interval_seconds
        next_at, shown = time.monotonic(), None
        async for update in self._bot.services.orchestrator.watch(job.id):
            if isinstance(update, Ended):
                return update.job
            card = progress_card(job, character_name(self._bot, job), update)
            if interaction is None or card.key == shown or time.monotonic() < next_at:
                continue
            payload = progress_payload(job, card)
            await interaction.edit_original_response(
                embed=payload.embed, attachments=list(payload.files()), view=payload.view()
            )
            next_at, shown = time.monotonic() + interval, card.key
        return await self._bot.services.orchestrator.job(job.id) or job

    async def _show(self, job: Job, interaction: discord.Interaction[Any], view: ViewFactory) -> None:
        if ended_without_result(job) and job.error is not None:
            embed = advice_embed(job.error, footer=footer(job))
            await interaction.edit_original_response(embed=embed, attachments=[], view=view())
            return
        limit = size_limit(self._bot, interaction.guild_id)
        prepared = await prepare_files(job, limit, self._bot.services)
        prepared = PreparedFiles(prepared.files[:FILES_PER_MESSAGE], prepared.notes)
        embed = result_embed(job, character_name(self._bot, job), notes=prepared.notes)
        files = [file.open() for file in prepared.files]
        await interaction.edit_original_response(embed=embed, attachments=files, view=view())
