"""Checking the overrides of a request against the parameters of its workflow, before a job exists."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bot.errors import InputInvalid
from bot.workflows.graph_analysis import GraphAnalysis
from bot.workflows.input_roles import InputRole
from bot.workflows.object_info import ObjectInfo
from bot.workflows.parameter_names import LORA_NAME, canonical_name
from bot.workflows.parameters.collection import WorkflowParameters
from bot.workflows.parameters.loras import LoraChoice, lora_changes, parse_lora
from bot.workflows.parameters.of_workflow import parameters_of
from bot.workflows.parameters.parameter import OpenTo, Parameter, ParameterGroup, ParameterValue
from bot.workflows.parameters.sizes import parse_size
from bot.workflows.parameters.value_check import checked_value
from bot.workflows.parameters.value_types import fallback_limits
from bot.workflows.workflow import Workflow

NUMBER_ROLES = (InputRole.WIDTH, InputRole.HEIGHT, InputRole.STEPS, InputRole.CFG)
"""Roles whose values are overrides of a request."""
_SET_BY_COMMAND = frozenset({"text", "voice_sample", "voice_transcript", "reference_image", "character_name"})
_MAX_OVERRIDES = 200


@dataclass(frozen=True, slots=True)
class CheckedOverrides:
    """Overrides as they are written into the graph.

    Attributes:
        roles: Values of the four `NUMBER_ROLES`, by the role's key.
        values: Values of all other parameters, by name; LoRAs as `lora`, `lora2`, ... with `file:strength`.
        dropped: Names that the workflow does not have (any more).

    """

    roles: dict[str, int | float] = field(default_factory=dict[str, int | float])
    values: dict[str, ParameterValue] = field(default_factory=dict[str, ParameterValue])
    dropped: tuple[str, ...] = ()


def check_overrides(
    workflow: Workflow,
    overrides: Mapping[str, ParameterValue],
    object_info: ObjectInfo | None = None,
    *,
    drop_unknown: bool = False,
) -> CheckedOverrides:
    """Return the overrides in the form in which `inject` writes them.

    Args:
        workflow: The workflow.
        overrides: Name, in any spelling, or node and input -> value, or a text that a person typed for one.
        object_info: The body of `GET /object_info`, if known: it has ranges and lists.
        drop_unknown: Leave out what the workflow does not have instead of refusing it (jobs made from earlier ones).

    Raises:
        InputInvalid: A parameter does not exist, cannot be changed, or does not take the value; the nearest is named.

    """
    if len(overrides) > _MAX_OVERRIDES:
        raise InputInvalid(f"More than {_MAX_OVERRIDES} settings cannot be changed at once.")
    parameters = parameters_of(workflow, object_info)
    checked, dropped = CheckedOverrides(), list[str]()
    loras: list[LoraChoice] = []
    for name, value in _expanded(overrides, parameters).items():
        if LORA_NAME.fullmatch(canonical_name(name)):
            _require_loras_allowed(workflow, parameters)
            loras.append(parse_lora(str(value)))
            continue
        parameter = parameters.find(name) or _in_placeholder(workflow, canonical_name(name))
        if parameter is None and drop_unknown:
            dropped.append(name)
            continue
        if parameter is None:
            raise unknown_parameter(name, parameters)
        if parameter.name in _SET_BY_COMMAND:
            raise InputInvalid(f"`{parameter.name}` is no setting; it is what the command itself brings.")
        role = _role_of(parameter, workflow.analysis)
        if role is None:
            checked.values[parameter.name] = checked_value(parameter, value)
        else:
            checked.roles[role.value] = _number(parameter, checked_value(parameter, value))
    if loras:
        lora_changes(workflow.graph, workflow.analysis.reachable_nodes, loras, object_info)
        checked.values.update(_named(loras))
    return dataclasses.replace(checked, dropped=tuple(dropped))


@dataclass(frozen=True, slots=True)
class OverridesWithLoras:
    """Overrides with further LoRAs; `left_out` has those that cannot be used, and why."""

    overrides: CheckedOverrides
    left_out: dict[str, str]


def with_loras(
    workflow: Workflow, overrides: CheckedOverrides, loras: Sequence[str], object_info: ObjectInfo | None = None
) -> OverridesWithLoras:
    """Return checked overrides with further LoRAs behind those that a person chose, which keep their strength.

    Args:
        workflow: The workflow.
        overrides: What `check_overrides` returned.
        loras: As `name` or `name:strength`.
        object_info: The body of `GET /object_info`, if known: it lists the LoRAs.

    """
    chosen, left_out = chosen_loras(overrides.values), dict[str, str]()
    for text in loras:
        lora = parse_lora(text)
        if any(_stem(one.name) == _stem(lora.name) for one in chosen):
            continue
        try:
            lora_changes(workflow.graph, workflow.analysis.reachable_nodes, [*chosen, lora], object_info)
        except InputInvalid as error:
            left_out[text] = error.message
        else:
            chosen.append(lora)
    return OverridesWithLoras(dataclasses.replace(overrides, values=overrides.values | _named(chosen)), left_out)


def unknown_parameter(name: str, parameters: WorkflowParameters) -> InputInvalid:
    """Return the error for a name that no parameter of the workflow has."""
    near = ", ".join(f"`{each}`" for each in parameters.nearest(name))
    shown = " ".join(name.replace("`", "'").split())[:60]
    return InputInvalid(
        f"That workflow has no setting `{shown}`.{f' The nearest: {near}.' if near else ''}",
        advice="The settings of the workflow appear while you type.",
    )


def chosen_loras(values: Mapping[str, ParameterValue]) -> list[LoraChoice]:
    """Return the LoRAs among checked overrides."""
    return [parse_lora(str(value)) for name, value in values.items() if LORA_NAME.fullmatch(name)]


def _expanded(overrides: Mapping[str, ParameterValue], parameters: WorkflowParameters) -> dict[str, ParameterValue]:
    """The overrides with `size` and `aspect` as width and height; a width or height that is named itself goes first."""
    expanded: dict[str, ParameterValue] = {}
    for name, value in overrides.items():
        if canonical_name(name) in {"size", "aspect"} and parameters.find(name) is None:
            expanded |= parse_size(str(value), parameters)
    return expanded | {
        name: value
        for name, value in overrides.items()
        if canonical_name(name) not in {"size", "aspect"} or parameters.find(name) is not None
    }


def _role_of(parameter: Parameter, analysis: GraphAnalysis) -> InputRole | None:
    if not parameter.places:
        return InputRole(parameter.name) if parameter.name in set(InputRole) else None
    return next((role for role in NUMBER_ROLES if analysis.inputs_for(role) == parameter.places), None)


def _in_placeholder(workflow: Workflow, name: str) -> Parameter | None:
    """The parameter of a number whose placeholder stands inside of a longer text or of a nested value only."""
    limits = fallback_limits(name)
    if limits is None or name not in set(InputRole) or not workflow.analysis.has_placeholder(InputRole(name)):
        return None
    return Parameter(
        name=name, label=name, type=limits.type, default=None, places=(), group=ParameterGroup.OTHER,
        open_to=OpenTo.EVERYONE, minimum=limits.minimum, maximum=limits.maximum,
    )  # fmt: skip


def _require_loras_allowed(workflow: Workflow, parameters: WorkflowParameters) -> None:
    closed = {canonical_name(name) for name in (*workflow.bindings.hide, *workflow.bindings.lock)}
    parameter = parameters.find("lora")
    if "lora" in closed or (parameter is not None and parameter.open_to is OpenTo.NOBODY):
        raise InputInvalid("The LoRAs of this workflow cannot be changed.", advice="The owner has locked them.")


def _named(loras: Sequence[LoraChoice]) -> dict[str, ParameterValue]:
    named: dict[str, ParameterValue] = {}
    for n, lora in enumerate(loras, 1):
        strengths = [one for one in (lora.model_strength, lora.clip_strength) if one is not None]
        named["lora" if n == 1 else f"lora{n}"] = ":".join([lora.name, *(f"{one:g}" for one in strengths)])
    return named


def _stem(name: str) -> str:
    """A LoRA's name without folder and extension, to compare."""
    return name.replace("\\", "/").rsplit("/", 1)[-1].casefold().removesuffix(".safetensors")


def _number(parameter: Parameter, value: ParameterValue) -> int | float:
    """The value of a role that takes numbers; the node's own input may be a text."""
    try:
        number = float(value) if isinstance(value, (str, float)) else int(value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise InputInvalid(f"`{parameter.name}` must be a number.", advice=f"Write `{parameter.name}=` and digits.")
    return number
