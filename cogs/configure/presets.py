"""Keeping settings as a preset of the server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import discord

from cogs.actors import interaction_actor
from cogs.settings_option import known_parameters, require_allowed

if TYPE_CHECKING:
    from bot.discord_client.bot import ChorusBot
    from bot.domain.saved_settings import Preset
    from bot.workflows import Workflow
    from bot.workflows.parameters import ParameterValue


async def store_preset(
    interaction: discord.Interaction[ChorusBot],
    workflow: Workflow,
    values: Mapping[str, ParameterValue],
    name: str,
) -> Preset:
    """Check and store a preset in the person's name.

    Args:
        interaction: Who asks, and in which server.
        workflow: What it is for.
        values: What was typed; the prompt and the seed are left out.
        name: Of the preset.

    Raises:
        ChorusError: The name or a value cannot be used, or the name is that of somebody else's preset.

    """
    bot, actor = interaction.client, interaction_actor(interaction)
    services = bot.services
    services.policy.require_may_ask(actor)
    require_allowed(bot, actor, known_parameters(bot, workflow), values)
    kept = {key: value for key, value in values.items() if key not in {"prompt", "seed"}}
    saved = services.saved_settings
    preset = saved.new_preset(name, workflow, kept, guild_id=interaction.guild_id, author_id=actor.user_id)
    known = await saved.presets.get(preset.guild_id, preset.name)
    if known is not None:
        services.policy.require_may_change_preset(actor, known.author_id)
    await saved.presets.put(preset)
    return preset
