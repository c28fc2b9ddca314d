"""`/repeat`: exactly the same again, by the job's name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import discord
from discord import app_commands
from discord.ext import commands

from bot.errors import InputInvalid
from cogs.actors import interaction_channel
from cogs.option_completion import settings_choices
from cogs.results import results_of
from cogs.results.finding import find_visible_job, job_choices
from cogs.settings_option import LONGEST_SETTINGS

if TYPE_CHECKING:
    from bot.discord_client.bot import ChorusBot


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
        found = await find_visible_job(interaction, job)
        actions = results_of(self.bot).actions
        if settings is not None and settings.strip():
            await actions.repeat_with_settings(interaction, found, settings)
        else:
            await actions.repeat(interaction, found)

    @repeat.autocomplete("job")
    async def complete_job(
        self, interaction: discord.Interaction[ChorusBot], current: str
    ) -> list[app_commands.Choice[str]]:
        """The person's last results here."""
        return await job_choices(interaction, current)

    @repeat.autocomplete("settings")
    async def complete_settings(
        self, interaction: discord.Interaction[ChorusBot], current: str
    ) -> list[app_commands.Choice[str]]:
        """Names and values of the parameters of the job's workflow."""
        try:
            found = await find_visible_job(interaction, str(interaction.namespace.job or ""))
        except InputInvalid:
            return []
        workflow = await self.bot.services.derived_jobs.compare_workflow(found)
        known = workflow.used or workflow.current
        return [] if known is None else await settings_choices(interaction, found.request.character_id, known, current)


async def setup(bot: ChorusBot) -> None:
    """Called by `load_extension`."""
    await bot.add_cog(RepeatCog(bot))
