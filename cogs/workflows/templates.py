"""`/workflow templates` and `/workflow models`: what the connected ComfyUI brings and what is installed there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import discord
from discord import app_commands
from discord.ext import commands

from cogs.actors import interaction_actor
from cogs.ui.choices import choices
from cogs.workflows.model_list import model_page
from cogs.workflows.template_pages import template_list

if TYPE_CHECKING:
    from bot.discord_client.bot import ChorusBot

LONGEST_SEARCH = 50
"""Characters; the search stands in the custom ids of the buttons, which have at most 100."""
LONGEST_FOLDER = 30


class TemplateCommands(commands.Cog):
    """The two subcommands, which `WorkflowsCog` inherits; everybody may look."""

    bot: ChorusBot

    @app_commands.command(name="templates", description="ComfyUI's own gallery of workflows, to look at and install")
    @app_commands.describe(search="Words of the title, the description, or the model")
    async def templates(
        self,
        interaction: discord.Interaction[ChorusBot],
        search: app_commands.Range[str, 1, LONGEST_SEARCH] | None = None,
    ) -> None:
        """For everybody; installing needs Manage Server."""
        self.bot.services.policy.require_may_view_workflows(interaction_actor(interaction))
        # ComfyUI is asked, which may take longer than Discord's 3 s.
        await interaction.response.defer(ephemeral=True, thinking=True)
        embed, view = await template_list(self.bot, search or "", 0)
        await interaction.followup.send(embed=embed, view=view, ephemeral=True)

    @app_commands.command(name="models", description="The model files that ComfyUI has")
    @app_commands.describe(kind="Such as checkpoints or loras; leave out for all", search="A part of the name")
    async def models(
        self,
        interaction: discord.Interaction[ChorusBot],
        kind: app_commands.Range[str, 1, LONGEST_FOLDER] | None = None,
        search: app_commands.Range[str, 1, LONGEST_SEARCH] | None = None,
    ) -> None:
        """For everybody."""
        self.bot.services.policy.require_may_view_workflows(interaction_actor(interaction))
        await interaction.response.defer(ephemeral=True, thinking=True)
        embed, view = await model_page(self.bot, kind, search or "", 0)
        await interaction.followup.send(embed=embed, view=view, ephemeral=True)

    @models.autocomplete("kind")
    async def complete_kind(self, _: discord.Interaction[ChorusBot], current: str) -> list[app_commands.Choice[str]]:
        """The folders of ComfyUI's models."""
        folders = await self.bot.services.installed_models.folders()
        return choices(((folder, folder) for folder in folders if len(folder) <= LONGEST_FOLDER), current)
