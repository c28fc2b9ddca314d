"""The `settings` option of commands, and flags in prompts: one parser and one completer for every command with them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from discord import app_commands

from bot.domain.jobs import GenerationRequest, JobKind
from bot.errors import ChorusError
from bot.workflows.parameters import OpenTo, ParameterValue, WorkflowParameters, installed_loras, parameters_of
from bot.workflows.prompt_flags import PromptFlags, may_have_flags, parse_prompt_flags
from bot.workflows.settings_completion import complete_settings
from bot.workflows.settings_text import parse_settings, settings_of_pairs
from cogs.actors import interaction_actor
from cogs.channel_characters import character_of
from cogs.ui.choices import choices

if TYPE_CHECKING:
    import discord

    from bot.characters import Character
    from bot.discord_client.bot import ChorusBot
    from bot.policy import Actor
    from bot.workflows import Workflow

SETTINGS_HINT = "Steps, size, sampler, LoRAs, ...: steps=30 size=16:9; a list appears as you type"
LONGEST_SETTINGS = 1000


def chosen_workflow(bot: ChorusBot, character: Character, kind: JobKind, name: str | None) -> Workflow:
    """The workflow that a request with these options will use.

    Raises:
        WorkflowNotFound: There is none.
        WorkflowInvalid: It cannot be used.

    """
    return bot.services.workflows.get(character.id, kind, name or character.default_workflow(kind))


def known_parameters(bot: ChorusBot, workflow: Workflow) -> WorkflowParameters:
    """The parameters of a workflow, with ranges and lists if ComfyUI was asked for them already."""
    return parameters_of(workflow, bot.services.orchestrator.object_info)


def read_settings(bot: ChorusBot, actor: Actor, workflow: Workflow, text: str | None) -> dict[str, ParameterValue]:
    """The overrides that the person asks for.

    Raises:
        InputInvalid: The text has something that is no setting of the workflow.
        NotAllowed: It names what only people with Manage Server may change.

    """
    if not text or not text.strip():
        return {}
    parameters = known_parameters(bot, workflow)
    overrides = parse_settings(text, parameters)
    require_allowed(bot, actor, parameters, overrides)
    return overrides


def require_allowed(
    bot: ChorusBot, actor: Actor, parameters: WorkflowParameters, overrides: Mapping[str, ParameterValue]
) -> None:
    """The person may change each of these parameters.

    Raises:
        NotAllowed: One is open to people with Manage Server only.

    """
    for name in overrides:
        parameter = parameters.find(name)
        if parameter is not None and parameter.open_to is OpenTo.MANAGERS:
            bot.services.policy.require_may_change_reserved_settings(actor, parameter.name)


def with_settings(
    bot: ChorusBot,
    actor: Actor,
    character: Character,
    request: GenerationRequest,
    text: str | None,
    *,
    takes_count: bool = False,
) -> tuple[GenerationRequest, int | None]:
    """The request with what the flags of its prompt and the `settings` option say; the option goes before the flags.

    Args:
        bot: The bot.
        actor: Who asks.
        character: Whose workflow it is.
        request: What was asked for beside that.
        text: The `settings` option.
        takes_count: Whether `--count` is a flag here; elsewhere it stays text.

    Returns:
        The request, and how many pictures `--count` asks for; None: it is not there.

    Raises:
        ChorusError: As `read_settings`, and for a workflow that does not exist.

    """
    flags = _flags(bot, character, request, takes_count=takes_count)
    if flags is None and not (text and text.strip()):
        return request, None
    name = request.workflow_name or (flags.workflow if flags is not None else None)
    workflow = chosen_workflow(bot, character, request.kind, name)
    overrides: dict[str, ParameterValue] = {}
    changes: dict[str, object] = {"workflow_name": name}
    if flags is not None:
        parameters = known_parameters(bot, workflow)
        overrides = settings_of_pairs(flags.settings, parameters)
        require_allowed(bot, actor, parameters, overrides)
        if request.seed is not None:
            overrides.pop("seed", None)
        changes |= {"positive": flags.prompt, "note": flags.note}
        if request.written_prompt is not None:
            changes["written_prompt"] = flags.prompt
        if flags.negative:
            before = request.negative or character.visual_identity.negative_prompt or _own_negative(parameters)
            changes["negative"] = f"{before}, {flags.negative}" if before else flags.negative
    chosen = read_settings(bot, actor, workflow, text)
    if "lora" in chosen:
        overrides = {name: value for name, value in overrides.items() if not name.startswith("lora")}
    changed = request.model_copy(update={**changes, "overrides": {**request.overrides, **overrides, **chosen}})
    return changed, flags.count if flags is not None else None


async def complete_settings_option(
    interaction: discord.Interaction[ChorusBot], current: str, kind: JobKind
) -> list[app_commands.Choice[str]]:
    """Proposals for the settings of the workflow that the options so far choose; none where there is none."""
    bot = interaction.client
    try:
        character = await character_of(interaction, interaction.namespace.character)
        workflow = chosen_workflow(bot, character, kind, interaction.namespace.workflow)
    except ChorusError:
        return []
    return settings_choices(interaction, workflow, current)


def settings_choices(
    interaction: discord.Interaction[ChorusBot], workflow: Workflow, current: str
) -> list[app_commands.Choice[str]]:
    """Proposals for the settings of a workflow, from memory."""
    bot = interaction.client
    found = complete_settings(
        current,
        known_parameters(bot, workflow),
        loras=installed_loras(bot.services.orchestrator.object_info),
        for_manager=bot.services.policy.may_change_reserved_settings(interaction_actor(interaction)),
    )
    return [app_commands.Choice(name=each.label, value=each.text) for each in found]


async def complete_workflow_option(
    interaction: discord.Interaction[ChorusBot], current: str, kind: JobKind
) -> list[app_commands.Choice[str]]:
    """The workflows of the character chosen so far, the default first."""
    try:
        character = await character_of(interaction, interaction.namespace.character)
    except ChorusError:
        return []
    names = interaction.client.services.workflows.names(character.id, kind)
    return choices(((name, name) for name in names), current)


def _flags(
    bot: ChorusBot, character: Character, request: GenerationRequest, *, takes_count: bool
) -> PromptFlags | None:
    """The flags of the prompt; None: it has none, or they are turned off (`discord.prompt_flags`)."""
    text = request.positive
    if not bot.services.settings.discord.prompt_flags or not may_have_flags(text):
        return None
    name = request.workflow_name or parse_prompt_flags(text).workflow
    try:
        parameters = known_parameters(bot, chosen_workflow(bot, character, request.kind, name))
    except ChorusError:
        return parse_prompt_flags(text, takes_count=takes_count)
    found = parse_prompt_flags(text, lambda flag: parameters.find(flag) is not None, takes_count=takes_count)
    return found if found.prompt != text or found.unknown else None


def _own_negative(parameters: WorkflowParameters) -> str:
    parameter = parameters.find("negative")
    value = parameter.default if parameter is not None else None
    return value if isinstance(value, str) and "PLACEHOLDER" not in value and "CHORUS_" not in value else ""
