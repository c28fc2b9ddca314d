"""`/preset`: settings of a workflow under a name, for everybody in the server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import discord
from discord import app_commands
from discord.ext import commands

from bot.domain.jobs import JobKind
from bot.saved_settings import LONGEST_PRESET_NAME, require_guild
from cogs.actors import interaction_actor
from cogs.channel_characters import drawing_character
from cogs.configure import configure_of
from cogs.configure.presets import store_preset
from cogs.option_completion import complete_character, completed_options, settings_summary
from cogs.settings_option import (
    LONGEST_SETTINGS,
    SETTINGS_HINT,
    chosen_workflow,
    read_settings,
)
from cogs.ui.choices import choices
from cogs.ui.embeds import RESULT_COLOUR
from cogs.ui.text import EMBED_DESCRIPTION, clip, escaped

if TYPE_CHECKING:
    from bot.discord_client.bot import ChorusBot
    from bot.domain.saved_settings import Preset

Interaction = discord.Interaction["ChorusBot"]
_NAME = "Name of the preset"


class PresetsCog(commands.GroupCog, group_name="preset", group_description="Settings of a workflow under a name"):
    """Answers are for the person alone."""

    def __init__(self, bot: ChorusBot) -> None:
        self.bot = bot

    @app_commands.command(name="save", description="Keep settings of a workflow under a name")
    @completed_options(JobKind.IMAGE)
    @app_commands.describe(
        name=_NAME,
        settings=SETTINGS_HINT,
        workflow="One of the character's image workflows; leave out for the usual one",
        character="Whose workflow; leave out for this channel's character",
    )
    async def save(
        self,
        interaction: Interaction,
        name: app_commands.Range[str, 1, LONGEST_PRESET_NAME],
        settings: app_commands.Range[str, 1, LONGEST_SETTINGS],
        workflow: app_commands.Range[str, 1, 100] | None = None,
        character: app_commands.Range[str, 1, 100] | None = None,
    ) -> None:
        """The same settings as those of the option, so that others can use them by the name."""
        actor = interaction_actor(interaction)
        artist = await drawing_character(interaction, actor, character)
        found = chosen_workflow(self.bot, artist, JobKind.IMAGE, workflow, interaction.guild_id)
        read = await read_settings(self.bot, actor, artist.id, found, settings)
        preset = await store_preset(interaction, found, read.overrides, name)
        notes = "".join(f"\n-# {escaped(note)}" for note in read.notes)
        text = f"Saved **{escaped(preset.name)}** for {escaped(found.name)}: {escaped(_values(preset))}{notes}"
        await interaction.response.send_message(clip(text, 2000), ephemeral=True)

    @app_commands.command(name="list", description="The presets of this server")
    async def list_presets(self, interaction: Interaction) -> None:
        """By name, with workflow, author and values."""
        self.bot.services.policy.require_served(interaction_actor(interaction).channel)
        known = await self.bot.services.saved_settings.presets.of_guild(require_guild(interaction.guild_id))
        lines = [_line(preset) for preset in known]
        nothing = "There are none yet. `/preset save` and **Save as preset** under `/configure` keep settings."
        text = clip("\n".join(lines) or nothing, EMBED_DESCRIPTION)
        embed = discord.Embed(title="Presets", description=text, colour=RESULT_COLOUR)
        await interaction.response.send_message(embed=embed, ephemeral=True)

    @app_commands.command(name="use", description="Open the configuration panel with a preset")
    @app_commands.autocomplete(character=complete_character)
    @app_commands.describe(name=_NAME, character="Who draws; leave out for this channel's character")
    async def use(
        self,
        interaction: Interaction,
        name: app_commands.Range[str, 1, LONGEST_PRESET_NAME],
        character: app_commands.Range[str, 1, 100] | None = None,
    ) -> None:
        """What the workflow no longer has is left out and told in the panel."""
        actor, saved = interaction_actor(interaction), self.bot.services.saved_settings
        policy = self.bot.services.policy
        policy.require_may_ask(actor)
        preset = await saved.preset(interaction.guild_id, name)
        artist = await drawing_character(interaction, actor, character)
        workflow = saved.workflow_of(preset, artist.id)
        kept = saved.usable(workflow, preset.values, may_change_reserved=policy.may_change_reserved_settings(actor))
        draft = await saved.open_draft(actor.user_id, artist.id, workflow, kept.values, notes=kept.notes)
        await configure_of(self.bot).show_panel(interaction, draft)

    @app_commands.command(name="delete", description="Delete a preset of this server")
    @app_commands.describe(name=_NAME)
    async def delete(self, interaction: Interaction, name: app_commands.Range[str, 1, LONGEST_PRESET_NAME]) -> None:
        """For its author, and for people with Manage Server."""
        actor, saved = interaction_actor(interaction), self.bot.services.saved_settings
        self.bot.services.policy.require_served(actor.channel)
        preset = await saved.preset(interaction.guild_id, name)
        self.bot.services.policy.require_may_change_preset(actor, preset.author_id)
        await saved.presets.remove(preset.guild_id, preset.name)
        await interaction.response.send_message(f"Deleted **{escaped(preset.name)}**.", ephemeral=True)

    @use.autocomplete("name")
    @delete.autocomplete("name")
    async def complete_name(self, interaction: Interaction, current: str) -> list[app_commands.Choice[str]]:
        """The presets of the server."""
        if interaction.guild_id is None:
            return []
        known = await self.bot.services.saved_settings.presets.of_guild(interaction.guild_id)
        return choices(((f"{preset.name} · {_values(preset)}", preset.name) for preset in known), current)


def _line(preset: Preset) -> str:
    values = escaped(clip(_values(preset), 120))
    return f"**{escaped(preset.name)}** · {escaped(preset.workflow_name)} · <@{preset.author_id}>\n-# {values}"


def _values(preset: Preset) -> str:
    return settings_summary(preset.values)


async def setup(bot: ChorusBot) -> None:
    """Called by the bot before it connects."""
    await bot.add_cog(PresetsCog(bot))
