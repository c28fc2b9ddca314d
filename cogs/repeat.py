"""`/repeat`: exactly the same again, by the job's name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from uuid import UUID

import discord
from discord import app_commands
from discord.ext import commands

from bot.domain.jobs import JobQuery, JobState
from bot.errors import InputInvalid
from cogs.actors import interaction_channel, may_view_job
from cogs.results import results_of
from cogs.settings_option import LONGEST_SETTINGS, settings_choices
from cogs.ui.choices import choices
from cogs.ui.embeds import noun, requested_text
from cogs.ui.text import CHOICES

if TYPE_CHECKING:
    from bot.discord_client.bot import ChorusBot
    from bot.domain.jobs import Job

_LINK: Final = re.compile(r"https?://\S+/channels/(?:\d+|@me)/\d+/(?P<message>\d+)")
_DIGEST: Final = re.compile(r"(?:job\s+)?(?P<digest>[0-9a-f]{12})", re.IGNORECASE)


class RepeatCog(commands.Cog, name="Repeat"):
    """The command; it does the same as the button **Repeat exactly** under Info."""

    def __init__(self, bot: ChorusBot) -> None:
        self.bot = bot

    @app_commands.command(name="repeat", description="Make exactly the same again: workflow, settings and seed")
    @app_commands.describe(
        job="The name under a result (job 0123456789ab), or a link to its message",
        settings="What shall be different, such as steps=30; leave out for exactly the same",
    )
    async def repeat(
        self,
        interaction: discord.Interaction[ChorusBot],
        job: app_commands.Range[str, 1, 200],
        settings: app_commands.Range[str, 1, LONGEST_SETTINGS] | None = None,
    ) -> None:
        """Only results that the person may see are found."""
        self.bot.services.policy.require_served(interaction_channel(interaction))
        found = await self._find(job.strip())
        if found is None or not may_view_job(interaction, found):
            raise InputInvalid(
                "There is no such job here.", advice="Its name stands under the result: job and twelve characters."
            )
        actions = results_of(self.bot).actions
        if settings is not None and settings.strip():
            await actions.repeat_with_settings(interaction, found, settings)
        else:
            await actions.repeat(interaction, found)

    async def _find(self, text: str) -> Job | None:
        services = self.bot.services
        link = _LINK.fullmatch(text)
        if link is not None or text.isdecimal():
            row = await services.deliveries.by_message(int(link["message"] if link else text))
            return await services.orchestrator.job(row.job_id) if row is not None and row.job_id else None
        try:
            return await services.orchestrator.job(UUID(text))
        except ValueError:
            pass
        named = _DIGEST.fullmatch(text)
        return await services.jobs.by_digest(named["digest"]) if named else None

    @repeat.autocomplete("job")
    async def complete_job(
        self, interaction: discord.Interaction[ChorusBot], current: str
    ) -> list[app_commands.Choice[str]]:
        """The person's last results here."""
        query = JobQuery(
            requester_id=interaction.user.id,
            channel_id=interaction.channel_id,
            states=(JobState.DELIVERED, JobState.GENERATED),
            limit=4 * CHOICES,
        )
        known = await self.bot.services.jobs.recent(query)
        named = ((f"{job.digest} · {noun(job.request.kind)} · {requested_text(job)}", job.digest) for job in known)
        return choices(named, current)

    @repeat.autocomplete("settings")
    async def complete_settings(
        self, interaction: discord.Interaction[ChorusBot], current: str
    ) -> list[app_commands.Choice[str]]:
        """Names and values of the parameters of the job's workflow."""
        found = await self._find(str(interaction.namespace.job or "").strip())
        if found is None or not may_view_job(interaction, found):
            return []
        workflow = await self.bot.services.derived_jobs.compare_workflow(found)
        known = workflow.used or workflow.current
        return [] if known is None else settings_choices(interaction, known, current)


async def setup(bot: ChorusBot) -> None:
    """Called by `load_extension`."""
    await bot.add_cog(RepeatCog(bot))
