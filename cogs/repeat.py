"""`/repeat`: exactly the same again, by the job's name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import discord
from discord import app_commands
from discord.ext import commands

from cogs.actors import interaction_channel
from cogs.results import results_of
from cogs.results.finding import find_visible_job, job_choices

if TYPE_CHECKING:
    from bot.discord_client.bot import ChorusBot


class RepeatCog(commands.Cog, name="Repeat"):
    """The command; it does the same as the button **Repeat exactly** under Info."""

    def __init__(self, bot: ChorusBot) -> None:
        self.bot = bot

    @app_commands.command(name="repeat", description="Make exactly the same again: workflow, settings and seed")
    @app_commands.describe(job="The name under a result (job 0123456789ab), or a link to its message")
    async def repeat(self, interaction: discord.Interaction[ChorusBot], job: app_commands.Range[str, 1, 200]) -> None:
        """Only results that the person may see are found."""
        self.bot.services.policy.require_served(interaction_channel(interaction))
        found = await find_visible_job(interaction, job)
        await results_of(self.bot).actions.repeat(interaction, found)

    @repeat.autocomplete("job")
    async def complete_job(
        self, interaction: discord.Interaction[ChorusBot], current: str
    ) -> list[app_commands.Choice[str]]:
        """The person's last results here."""
        return await job_choices(interaction, current)


async def setup(bot: ChorusBot) -> None:
    """Called by `load_extension`."""
    await bot.add_cog(RepeatCog(bot))
