"""Autocompletion of the options that commands share: `character`, `workflow` and `settings`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import discord
from discord import app_commands

from bot.domain.jobs import JobKind
from bot.errors import ChorusError
from bot.workflows.parameter_pages import shown_value
from bot.workflows.parameters import ParameterValue, installed_loras
from bot.workflows.settings_completion import complete_settings, preset_being_typed, quoted
from bot.workflows.settings_text import LAST, PRESET
from bot.workflows.workflow import SHARED
from cogs.actors import interaction_actor
from cogs.channel_characters import character_of
from cogs.settings_option import chosen_workflow, known_parameters
from cogs.ui.choices import character_choices, choices
from cogs.ui.text import CHOICE, CHOICES, clip

if TYPE_CHECKING:
    from bot.workflows import Workflow

PRESETS_BESIDE_NAMES = 8
"""How many presets are offered while their names are not typed yet."""
CommandT = TypeVar("CommandT")
Interaction = discord.Interaction[Any]  # discord.py resolves the annotations of completers when it is imported


def completed_options(kind: JobKind, *, settings: bool = True) -> Callable[[CommandT], CommandT]:
    """Decorator of a command with the options `character`, `workflow` and `settings`: all of them are completed.

    Args:
        kind: Which workflows the command runs.
        settings: Whether the command has that option.

    """

    async def complete_workflow(interaction: Interaction, current: str) -> list[app_commands.Choice[str]]:
        return await complete_workflow_option(interaction, current, kind)

    async def complete_settings(interaction: Interaction, current: str) -> list[app_commands.Choice[str]]:
        return await complete_settings_option(interaction, current, kind)

    with_settings = {"settings": complete_settings} if settings else {}
    return app_commands.autocomplete(character=complete_character, workflow=complete_workflow, **with_settings)


async def complete_character(interaction: Interaction, current: str) -> list[app_commands.Choice[str]]:
    """Names of characters that contain what was typed; the value is the id."""
    return character_choices(interaction, current)


async def complete_settings_option(
    interaction: Interaction, current: str, kind: JobKind
) -> list[app_commands.Choice[str]]:
    """Proposals for the settings of the workflow that the options so far choose; none where there is none."""
    bot = interaction.client
    try:
        character = await character_of(interaction, interaction.namespace.character)
        workflow = chosen_workflow(bot, character, kind, interaction.namespace.workflow, interaction.guild_id)
    except ChorusError:
        return []
    chosen = interaction.namespace.workflow is not None
    return await settings_choices(interaction, character.id, workflow, current, of_workflow=chosen)


async def settings_choices(
    interaction: Interaction,
    character_id: str,
    workflow: Workflow,
    current: str,
    *,
    of_workflow: bool = True,
) -> list[app_commands.Choice[str]]:
    """Proposals for the settings of a workflow: what was kept, then its parameters.

    Args:
        interaction: The autocompletion.
        character_id: The character that draws or speaks.
        workflow: Whose parameters are offered.
        current: What was typed so far.
        of_workflow: Offer presets of that workflow only; else a preset chooses its own.

    """
    bot, actor = interaction.client, interaction_actor(interaction)
    reserved = bot.services.policy.may_change_reserved_settings(actor)
    kept = await _kept_choices(interaction, character_id, workflow, current, of_workflow=of_workflow)
    found = complete_settings(
        current,
        known_parameters(bot, workflow),
        loras=installed_loras(bot.services.orchestrator.object_info),
        for_manager=reserved,
    )
    listed = [app_commands.Choice(name=each.label, value=each.text) for each in found]
    return [*kept, *listed][:CHOICES]


async def _kept_choices(
    interaction: Interaction,
    character_id: str,
    workflow: Workflow,
    current: str,
    *,
    of_workflow: bool,
) -> list[app_commands.Choice[str]]:
    """`last` at the beginning, where there is something; `preset=` and the names after it."""
    bot, actor = interaction.client, interaction_actor(interaction)
    saved, word = bot.services.saved_settings, current.strip().casefold()
    found: list[tuple[str, str]] = []
    if LAST.startswith(word):
        reserved = bot.services.policy.may_change_reserved_settings(actor)
        last = await saved.last(actor.user_id, character_id, workflow, may_change_reserved=reserved)
        if last is not None and last.values:
            found.append((f"last (as last time: {settings_summary(last.values)})", LAST))
    asked = preset_being_typed(current)
    if asked is not None and interaction.guild_id is not None:
        room = CHOICES if asked.name else PRESETS_BESIDE_NAMES
        for preset in await saved.presets.of_guild(interaction.guild_id):
            fits = preset.kind is workflow.kind and preset.character_id in {SHARED, character_id}
            if not fits or (of_workflow and preset.workflow_name != workflow.name):
                continue
            if asked.name.casefold() in preset.name.casefold() and room:
                room -= 1
                label = f"{PRESET}={preset.name} ({preset.workflow_name}: {settings_summary(preset.values)})"
                found.append((label, f"{asked.before}{PRESET}={quoted(preset.name)}"))
    return [app_commands.Choice(name=clip(label, CHOICE), value=text) for label, text in found if len(text) <= CHOICE]


def settings_summary(values: Mapping[str, ParameterValue]) -> str:
    """Values in one line, as they are typed."""
    return " ".join(f"{name}={quoted(' '.join(shown_value(value).split()))}" for name, value in values.items())


async def complete_workflow_option(
    interaction: Interaction, current: str, kind: JobKind
) -> list[app_commands.Choice[str]]:
    """The workflows of the character chosen so far, the default first."""
    try:
        character = await character_of(interaction, interaction.namespace.character)
    except ChorusError:
        return []
    names = interaction.client.services.workflows.names(character.id, kind, interaction.guild_id)
    return choices(((name, name) for name in names), current)
