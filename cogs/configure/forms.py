"""Forms of the configuration panel: from parameters to the fields of a modal, and from what was submitted to values."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bot.errors import ChorusError
from bot.workflows.parameter_pages import (
    AS_IN_WORKFLOW,
    MENU_CHOICES,
    is_lora,
    is_searched,
    menu_options,
    shown_value,
)
from bot.workflows.parameters import Parameter, ParameterType, ParameterValue, nearest_choices, parse_lora
from cogs.ui.modals import LONGEST_INPUT, Field, MenuField

if TYPE_CHECKING:
    from bot.workflows.parameter_pages import ParameterPage

_LONGEST_ID: Final = 60
_LONGEST_LINE: Final = 1000
_LONGEST_SEARCH: Final = 300
_LONGEST_STRENGTH: Final = 40
_TEXTS: Final = frozenset({ParameterType.TEXT, ParameterType.LONG_TEXT})
_SWITCH_LABELS: Final = {"true": "On", "false": "Off"}

Values = Mapping[str, ParameterValue]


@dataclass(frozen=True)
class FormChanges:
    """What a submitted form changes.

    Attributes:
        values: Parameter name -> what was typed or chosen.
        unset: Names of parameters that are the workflow's own again.

    """

    values: dict[str, ParameterValue]
    unset: frozenset[str]


def form_fields(page: ParameterPage, values: Values, defaults: Mapping[str, str]) -> list[Field | MenuField]:
    """The fields of a page, filled in.

    Args:
        page: Its parameters.
        values: What the person has set.
        defaults: Parameter name -> what is used otherwise, where that is not the parameter's own default.

    """
    fields: list[Field | MenuField] = []
    for parameter in page.parameters:
        fields += _fields(parameter, _current(parameter, values, defaults))
    return fields


def read_form(
    parameters: Iterator[Parameter], values: Values, defaults: Mapping[str, str], submitted: Mapping[str, str]
) -> FormChanges:
    """What a submitted form changes; what was left as it was filled in stays as it is, however long.

    Args:
        parameters: All that the person may change.
        values: What the person has set before.
        defaults: As of `form_fields`.
        submitted: Custom id -> text, of one page.

    """
    changed: dict[str, ParameterValue] = {}
    unset: set[str] = set()
    for parameter in parameters:
        before = _current(parameter, values, defaults)
        text = _read(parameter, before, submitted)
        if text is None or text.strip() == before[: _longest(parameter)].strip():
            continue
        default = _default(parameter, defaults)
        empties = not text.strip() and not (parameter.type in _TEXTS and default)
        if text == AS_IN_WORKFLOW or text.strip() == default.strip() or empties:
            unset.add(parameter.name)
        else:
            changed[parameter.name] = text
    return FormChanges(changed, frozenset(unset))


def range_text(parameter: Parameter) -> str:
    """`1 to 150`; empty if the parameter has no range, or any seed."""
    low, high = parameter.minimum, parameter.maximum
    if parameter.type is ParameterType.SEED or (low is None and high is None):
        return ""
    if low is None or high is None:
        return f"from {low:g}" if low is not None else f"up to {high:g}"
    return f"{low:g} to {high:g}"


def short_name(parameter: Parameter) -> str:
    """The well-known name, else that of the input."""
    return parameter.name if parameter.well_known else parameter.label.rsplit(" · ", 1)[-1]


def _fields(parameter: Parameter, current: str) -> Iterator[Field | MenuField]:
    field, options = _field_id(parameter), menu_options(parameter)
    note = parameter.label if not parameter.tooltip else f"{parameter.label}: {parameter.tooltip}"
    name = short_name(parameter)
    strength = ""
    if is_lora(parameter):
        current, strength = _lora_parts(current)
    if options is not None:
        if is_searched(parameter):
            options, found = _close_options(parameter, options, current), current in options
            yield MenuField(field, name, _labelled(parameter, options), current or AS_IN_WORKFLOW, note=note)
            searched = "" if found or not current else current
            yield Field(f"{field}:search", f"{name}: search", searched, placeholder="A part of another name",
                        max_length=_LONGEST_SEARCH)  # fmt: skip
        else:
            yield MenuField(field, name, _labelled(parameter, options), current or AS_IN_WORKFLOW, note=note)
    elif parameter.type is ParameterType.LONG_TEXT:
        yield Field(field, name, current, long=True, note=None if parameter.name == note else note)
    else:
        limits = range_text(parameter)
        empty = "A new one each time" if parameter.type is ParameterType.SEED else "As in the workflow"
        label = f"{name} ({limits})" if limits else name
        yield Field(field, label, current, note=None if name == note else note, placeholder=empty,
                    max_length=_longest(parameter))  # fmt: skip
    if is_lora(parameter):
        yield Field(f"{field}:strength", f"{name}: strength (-100 to 100)", strength, placeholder="1",
                    max_length=_LONGEST_STRENGTH)  # fmt: skip


def _read(parameter: Parameter, before: str, submitted: Mapping[str, str]) -> str | None:
    """The text of the parameter's fields; None: the form has none of them, or nothing was chosen."""
    field = _field_id(parameter)
    if field not in submitted:
        return None
    name_before, strength_before = _lora_parts(before) if is_lora(parameter) else (before, "")
    text = submitted[field]
    search = submitted.get(f"{field}:search", "").strip()
    if search and search != name_before[:_LONGEST_SEARCH].strip():
        text = search
    elif menu_options(parameter) is not None and not text:
        if not name_before:
            return None
        text = name_before
    if not is_lora(parameter):
        return text
    if text in {AS_IN_WORKFLOW, ""}:
        return AS_IN_WORKFLOW if before else None
    strength = submitted.get(f"{field}:strength", strength_before).strip()
    if (text, strength) == (name_before, strength_before[:_LONGEST_STRENGTH].strip()):
        return before
    return f"{text}:{strength}" if strength else text


def _current(parameter: Parameter, values: Values, defaults: Mapping[str, str]) -> str:
    if parameter.name in values:
        return shown_value(values[parameter.name])
    return _default(parameter, defaults)


def _longest(parameter: Parameter) -> int:
    """How much of a value its text field shows; lists and LoRAs have none."""
    return LONGEST_INPUT if parameter.type is ParameterType.LONG_TEXT else _LONGEST_LINE


def _default(parameter: Parameter, defaults: Mapping[str, str]) -> str:
    return defaults.get(parameter.name, shown_value(parameter.default))


def _labelled(parameter: Parameter, options: list[str]) -> list[tuple[str, str]]:
    labels = _SWITCH_LABELS if parameter.type is ParameterType.SWITCH else {}
    return [(labels.get(option, option), option) for option in options]


def _close_options(parameter: Parameter, options: list[str], current: str) -> list[str]:
    """The options that are most similar to what is set, with that, the first one and the workflow's own among them."""
    own = shown_value(parameter.default)
    certain = [each for each in (options[0], current, own) if each in options]
    near = nearest_choices(current or own, options, MENU_CHOICES)
    return list(dict.fromkeys([*certain, *near]))[:MENU_CHOICES]


def _lora_parts(text: str) -> tuple[str, str]:
    """Name and strengths of `name:0.8:0.6`."""
    try:
        name = parse_lora(text).name
    except ChorusError:
        return text, ""
    return name, text.strip()[len(name) :].strip(": ")


def _field_id(parameter: Parameter) -> str:
    """Ids of nodes in subgraphs may be longer than Discord's custom ids."""
    if len(parameter.name) <= _LONGEST_ID:
        return parameter.name
    return hashlib.sha256(parameter.name.encode()).hexdigest()[:_LONGEST_ID]
