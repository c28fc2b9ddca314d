"""The `settings` option of commands, and flags in prompts: one parser and one completer for every command with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.domain.jobs import GenerationRequest, JobKind
from bot.errors import ChorusError, InputInvalid
from bot.generation.acceptance import with_named_roles
from bot.saved_settings import KeptValues, require_workflow
from bot.workflows.parameters import OpenTo, ParameterValue, WorkflowParameters, parameters_of
from bot.workflows.prompt_flags import PromptFlags, may_have_flags, parse_prompt_flags
from bot.workflows.settings_text import parse_settings, settings_of_pairs, split_kept_settings

if TYPE_CHECKING:
    from bot.characters import Character
    from bot.discord_client.bot import ChorusBot
    from bot.policy import Actor
    from bot.workflows import Workflow

SETTINGS_HINT = "Steps, size, sampler, LoRAs, ...: steps=30 size=16:9; a list appears as you type"
LONGEST_SETTINGS = 1000
PRESETS_BESIDE_NAMES = 8
"""How many presets are offered while their names are not typed yet."""


def chosen_workflow(
    bot: ChorusBot, character: Character, kind: JobKind, name: str | None, guild_id: int | None
) -> Workflow:
    """The workflow that a request with these options will use.

    Raises:
        WorkflowNotFound: There is none.
        WorkflowInvalid: It cannot be used.
        MissingModel: It takes any model, and ComfyUI has none.

    """
    workflow = bot.services.workflows.get(
        character.id, kind, name or None, guild_id=guild_id, default=character.default_workflow(kind)
    )
    return bot.services.orchestrator.adapted(workflow)


def known_parameters(bot: ChorusBot, workflow: Workflow) -> WorkflowParameters:
    """The parameters of a workflow, with ranges and lists if ComfyUI was asked for them already."""
    return parameters_of(workflow, bot.services.orchestrator.object_info)


@dataclass(frozen=True)
class ReadSettings:
    """What a settings text asks for.

    Attributes:
        overrides: Parameter name -> value.
        notes: A sentence for each value of a preset, or of the last settings, that was left out.

    """

    overrides: dict[str, ParameterValue]
    notes: tuple[str, ...] = ()


async def read_settings(
    bot: ChorusBot, actor: Actor, character_id: str, workflow: Workflow, text: str | None
) -> ReadSettings:
    """The overrides that the person asks for: those used last, then those of presets, then those that are named.

    Args:
        bot: The bot.
        actor: Who asks.
        character_id: The character that draws or speaks.
        workflow: What the settings are for.
        text: What was typed.

    Raises:
        InputInvalid: The text has something that is no setting of the workflow, or names a preset of another one.
        NotAllowed: It names what only people with Manage Server may change.

    """
    if not text or not text.strip():
        return ReadSettings({})
    saved, split = bot.services.saved_settings, split_kept_settings(text)
    parameters = known_parameters(bot, workflow)
    overrides = parse_settings(split.rest, parameters)
    require_allowed(bot, actor, parameters, overrides)
    reserved = bot.services.policy.may_change_reserved_settings(actor)
    kept: list[KeptValues] = []
    if split.last:
        last = await saved.last(actor.user_id, character_id, workflow, may_change_reserved=reserved)
        if last is None:
            raise InputInvalid(
                f"You have not set anything for the workflow `{workflow.name}` yet.", advice="Leave `last` out."
            )
        kept.append(last)
    for name in split.presets:
        preset = await saved.preset(actor.channel.guild_id, name)
        require_workflow(preset, saved.workflow_of(preset, character_id), workflow)
        kept.append(saved.usable(workflow, preset.values, may_change_reserved=reserved))
    before: dict[str, ParameterValue] = {}
    for each in kept:
        before.update(each.values)
    if "lora" in overrides:
        before = {name: value for name, value in before.items() if not name.startswith("lora")}
    if {"size", "aspect"} & overrides.keys():
        before = {name: value for name, value in before.items() if name not in {"width", "height"}}
    return ReadSettings({**before, **overrides}, tuple(note for each in kept for note in each.notes))


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


async def with_settings(
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
    if name is None:
        name = await _workflow_of_presets(bot, actor, character, request.kind, text)
    workflow = chosen_workflow(bot, character, request.kind, name, request.origin.guild_id)
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
    read = await read_settings(bot, actor, character.id, workflow, text)
    if "lora" in read.overrides:
        overrides = {name: value for name, value in overrides.items() if not name.startswith("lora")}
    if read.notes:
        changes["note"] = " ".join(filter(None, (str(changes.get("note") or request.note or ""), *read.notes)))
    chosen = {**request.overrides, **overrides, **read.overrides}
    # A batch varies the prompt and the seed, which must therefore be in the request's own fields.
    changed = with_named_roles(request.model_copy(update={**changes, "overrides": chosen}))
    return changed, flags.count if flags is not None else None


async def _workflow_of_presets(
    bot: ChorusBot, actor: Actor, character: Character, kind: JobKind, text: str | None
) -> str | None:
    """The workflow of the presets that a settings text names, where the person names none; None: there are none."""
    name = None
    for each in split_kept_settings(text or "").presets:
        preset = await bot.services.saved_settings.preset(actor.channel.guild_id, each)
        if preset.kind is kind:
            name = bot.services.saved_settings.workflow_of(preset, character.id).name
    return name


def _flags(
    bot: ChorusBot, character: Character, request: GenerationRequest, *, takes_count: bool
) -> PromptFlags | None:
    """The flags of the prompt; None: it has none, or they are turned off (`discord.prompt_flags`)."""
    text = request.positive
    if not bot.services.settings.discord.prompt_flags or not may_have_flags(text):
        return None
    name = request.workflow_name or parse_prompt_flags(text).workflow
    try:
        workflow = chosen_workflow(bot, character, request.kind, name, request.origin.guild_id)
        parameters = known_parameters(bot, workflow)
    except ChorusError:
        return parse_prompt_flags(text, takes_count=takes_count)
    found = parse_prompt_flags(text, lambda flag: parameters.find(flag) is not None, takes_count=takes_count)
    return found if found.prompt != text or found.unknown else None


def _own_negative(parameters: WorkflowParameters) -> str:
    parameter = parameters.find("negative")
    value = parameter.default if parameter is not None else None
    return value if isinstance(value, str) and "PLACEHOLDER" not in value and "CHORUS_" not in value else ""
