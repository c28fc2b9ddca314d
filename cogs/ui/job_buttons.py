"""The buttons of a job's message, and which of them it has when."""

from __future__ import annotations

from typing import TYPE_CHECKING

import discord

from bot.domain.jobs import JobState
from bot.errors import InputInvalid, NotAllowed
from cogs.ui.embeds import footer
from cogs.ui.errors import advice_embed
from cogs.ui.items import JobItem, job_template
from cogs.ui.permissions import require_control
from cogs.ui.result_buttons import buttons_of
from cogs.ui.views import DynamicView

if TYPE_CHECKING:
    from bot.discord_client.bot import ChorusBot
    from bot.domain.jobs import Job


class CancelButton(JobItem, template=job_template("cancel")):
    """Ends a waiting job at once and a running one by interrupting its own prompt."""

    action = "cancel"
    label = "Cancel"
    style = discord.ButtonStyle.danger

    async def press(self, interaction: discord.Interaction[ChorusBot]) -> None:
        """The person who asked, or Manage Messages. The progress message shows the outcome by itself."""
        job = await self.job(interaction)
        require_control(interaction, job)
        # Acknowledge first: interrupting asks ComfyUI, which may take longer than Discord's 3 s.
        await interaction.response.defer()
        if not await interaction.client.services.orchestrator.cancel(self.job_id):
            raise InputInvalid("That job is already over.", advice="There is nothing left to cancel.")


class DetailsButton(JobItem, template=job_template("details")):
    """What to do about a failed job, for the person who asked alone."""

    action = "details"
    label = "Details"

    async def press(self, interaction: discord.Interaction[ChorusBot]) -> None:
        """Answers ephemerally from the stored error."""
        job = await self.job(interaction)
        if interaction.user.id != job.request.requester_id:
            raise NotAllowed(
                "The details are for the person who asked.", advice="Ask for the same yourself to see what happens."
            )
        if job.error is None:
            raise InputInvalid("That job has no error any more.", advice="Look at its result.")
        embed = advice_embed(job.error, footer=footer(job))
        await interaction.response.send_message(embed=embed, ephemeral=True)


def progress_view(job: Job) -> DynamicView:
    """While the job waits or runs."""
    return DynamicView(CancelButton(job.id))


def result_view(job: Job, *, can_upscale: bool = False) -> DynamicView | None:
    """Under a result or an error; None: no buttons."""
    buttons = buttons_of(job, can_upscale=can_upscale)
    if job.state is JobState.FAILED:
        buttons.insert(0, DetailsButton(job.id))
    return DynamicView(*buttons) if buttons else None
