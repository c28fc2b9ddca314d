"""`/workflow share`: a workflow as one picture, which `/workflow upload` takes on another server."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import discord
from discord import app_commands
from discord.ext import commands

from bot.errors import WorkflowNotFound
from bot.workflow_store.saved_workflows import key_of
from cogs.actors import interaction_actor
from cogs.ui.text import clip, escaped
from cogs.workflows.finding import find_place, path_of, place_choices

if TYPE_CHECKING:
    from bot.discord_client.bot import ChorusBot


class SharingCommands(commands.Cog):
    """The subcommand, which `WorkflowsCog` inherits; everybody may take files."""

    bot: ChorusBot

    @app_commands.command(name="share", description="A workflow as one picture that another server can upload")
    @app_commands.describe(name="Which one")
    async def share(self, interaction: discord.Interaction[ChorusBot], name: app_commands.Range[str, 1, 120]) -> None:
        """For everybody. The file is for the person alone, who posts it where they like."""
        services, actor = self.bot.services, interaction_actor(interaction)
        services.policy.require_may_view_workflows(actor)
        place = await find_place(interaction, name)
        workflow = services.workflows.at(key_of(place))
        if workflow is None:
            raise WorkflowNotFound(f"{path_of(place)} is not there any more.")
        await interaction.response.defer(ephemeral=True, thinking=True)
        shared = await services.workflow_sharing.share(
            workflow,
            place,
            guild_id=interaction.guild_id,
            requester_id=actor.user_id,
            object_info=services.orchestrator.object_info,
        )
        presets = ", ".join(preset.name for preset in shared.content.presets)
        named = f", the presets {escaped(clip(presets, 200))}" if presets else ""
        text = (
            "`/workflow upload` takes this file on any server, and ComfyUI opens it. Send it as a file: programs that"
            " make pictures smaller remove the workflow.\n-# It holds the workflow with empty prompts, its"
            f" bindings{named}, and the names of the nodes and models that it needs."
        )
        file = discord.File(io.BytesIO(shared.data), filename=shared.name)
        await interaction.followup.send(text, file=file, ephemeral=True)

    @share.autocomplete("name")
    async def complete_shared_name(
        self, interaction: discord.Interaction[ChorusBot], current: str
    ) -> list[app_commands.Choice[str]]:
        """Workflows of this server and of the host."""
        return await place_choices(interaction, current)
