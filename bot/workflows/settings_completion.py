"""Completing a `settings` text while it is typed, from memory only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from bot.workflows.parameter_names import WELL_KNOWN_NAMES, canonical_name
from bot.workflows.parameters import OpenTo, Parameter, ParameterType, WorkflowParameters
from bot.workflows.parameters.sizes import RATIOS, usual_sizes
from bot.workflows.settings_text import PRESET, split_settings

MAX_COMPLETIONS = 25
MAX_CHARS = 100
"""Discord takes 25 choices whose name and value have at most 100 characters each."""
_NEEDS_QUOTES = frozenset(" \t=,;\"'")


@dataclass(frozen=True, slots=True)
class Completion:
    """One proposal: `text` is the whole settings text with it, `label` what the person reads."""

    label: str
    text: str


def complete_settings(
    text: str, parameters: WorkflowParameters, *, loras: Sequence[str] = (), for_manager: bool = False
) -> list[Completion]:
    """Return proposals for how a text could go on, at most 25, the likeliest first. Never raises.

    Args:
        text: What was typed so far.
        parameters: Of the workflow that is meant.
        loras: The LoRAs that the server has.
        for_manager: Whether the person may change what is open to people with Manage Server only.

    """
    allowed = [one for one in parameters if _may_change(one, for_manager)]
    _, typed = split_settings(text)
    last = typed[-1] if typed else None
    tail = text[last.value_start :] if last is not None else text
    if last is not None and not (tail.strip() and text[-1:].isspace()):
        head = text[: last.value_start]
        values = _values(last.name, last.value, allowed, parameters, loras)
        offered = _within_limits((label, head + quoted(value)) for label, value in values)
        # A value may have spaces; where none goes on like this, the last word begins a new name.
        if offered or not any(letter.isspace() for letter in tail.strip()):
            return offered
    word = "" if text[-1:].isspace() else _last_word(tail)
    head = text[: len(text) - len(word)]
    used = {canonical_name(one.name) for one in typed}
    return _within_limits((label, f"{head}{name}=") for label, name in _names(word, allowed, used, parameters))


@dataclass(frozen=True, slots=True)
class TypedPreset:
    """A preset whose name is being typed: `name` so far, and the settings text `before` it."""

    before: str
    name: str


def preset_being_typed(text: str) -> TypedPreset | None:
    """Return the preset at the end of a settings text, also where only a part of `preset` stands there yet."""
    _, typed = split_settings(text)
    last = typed[-1] if typed else None
    if last is not None and last.name.casefold() == PRESET and not _is_closed(text[last.value_start :], last.value):
        return TypedPreset(text[: last.start], last.value)
    word = "" if text[-1:].isspace() else _last_word(text)
    before = text[: len(text) - len(word)]
    is_free = not before.strip() or (text[-1:].isspace() or "=" not in word)
    return TypedPreset(before, "") if is_free and PRESET.startswith(word.casefold()) else None


def _is_closed(tail: str, value: str) -> bool:
    """Whether the value stands in quotes, with something after them."""
    return not tail.startswith(value) and len(tail) > len(value) + 2


def _may_change(parameter: Parameter, for_manager: bool) -> bool:
    return parameter.open_to is OpenTo.EVERYONE or (for_manager and parameter.open_to is OpenTo.MANAGERS)


def _last_word(tail: str) -> str:
    words = tail.split()
    return words[-1] if words else ""


def _names(
    word: str, allowed: Sequence[Parameter], used: set[str], parameters: WorkflowParameters
) -> Iterator[tuple[str, str]]:
    wanted = word.strip().casefold()
    by_name = {one.name: one for one in allowed}
    offered = [name for name in WELL_KNOWN_NAMES if name in by_name or _is_joint(name, parameters)]
    offered += [one.name for one in allowed if one.name not in offered]
    ranked: list[tuple[int, int, str]] = []
    for at, name in enumerate(offered):
        if name in used and name != "lora":
            continue
        label = by_name[name].label.casefold() if name in by_name else ""
        if name.startswith(wanted):
            ranked.append((0, at, name))
        elif wanted in name:
            ranked.append((1, at, name))
        elif wanted and wanted in label:
            ranked.append((2, at, name))
    for _, _, name in sorted(ranked):
        yield _label_of_name(name, by_name.get(name)), name


def _is_joint(name: str, parameters: WorkflowParameters) -> bool:
    """`size` and `aspect` are no parameters of their own."""
    has_size = parameters.find("width") is not None and parameters.find("height") is not None
    return name in {"size", "aspect"} and has_size


def _label_of_name(name: str, parameter: Parameter | None) -> str:
    if parameter is None:
        return {"size": "size= (width and height)", "aspect": "aspect= (such as 16:9)"}.get(name, f"{name}=")
    shown = " ".join(str(parameter.default).split())[:24] if parameter.default is not None else ""
    limits = ""
    if parameter.minimum is not None and parameter.maximum is not None and parameter.type is not ParameterType.SEED:
        limits = f", {parameter.minimum:g} to {parameter.maximum:g}"
    title = "" if parameter.well_known else f" {parameter.label[:40]}"
    return f"{name}={title} (now {shown}{limits})" if shown else f"{name}={title}"


def _values(
    name: str, typed: str, allowed: Sequence[Parameter], parameters: WorkflowParameters, loras: Sequence[str]
) -> Iterator[tuple[str, str]]:
    key = canonical_name(name)
    if key == "lora" or (key.startswith("lora") and key[4:].isdigit()):
        yield from _lora_values(typed, parameters, loras)
        return
    if key in {"size", "aspect"} and _is_joint(key, parameters):
        proposals = (*usual_sizes(parameters), *RATIOS) if key == "size" else RATIOS
        yield from ((f"{key}={value}", value) for value in _matching(typed, proposals))
        return
    parameter = parameters.find(name)
    if parameter is None or parameter not in allowed:
        return
    for value in _matching(typed, _proposals(parameter)):
        own = " (as in the workflow)" if value == str(parameter.default) else ""
        yield f"{parameter.name}={value}{own}", value


def _lora_values(typed: str, parameters: WorkflowParameters, loras: Sequence[str]) -> Iterator[tuple[str, str]]:
    own = parameters.find("lora")
    name, colon, strength = typed.partition(":")
    known = loras or [str(choice) for choice in (own.choices if own is not None else None) or ()]
    for choice in _matching(name, known):
        value = f"{choice}:{strength}" if colon else choice
        yield f"lora={value}", value


def _proposals(parameter: Parameter) -> list[str]:
    if parameter.type is ParameterType.SWITCH:
        return ["true", "false"]
    if parameter.choices is not None:
        return [str(choice) for choice in parameter.choices]
    values = [parameter.default, parameter.minimum, parameter.maximum]
    if parameter.type is ParameterType.SEED:
        values = [parameter.default]
    if parameter.type in {ParameterType.INTEGER, ParameterType.NUMBER} and isinstance(parameter.default, (int, float)):
        low = parameter.minimum if parameter.minimum is not None else 0
        high = parameter.maximum
        around = [parameter.default * factor for factor in (0.5, 0.75, 1.25, 1.5, 2)]
        if parameter.type is ParameterType.INTEGER:
            step = int(parameter.step or 1)
            around = [round(one / step) * step for one in around]
        values[1:1] = [round(one, 3) for one in around if one >= low and (high is None or one <= high)]
    return list(dict.fromkeys(f"{one:g}" if isinstance(one, float) else str(one) for one in values if one is not None))


def _matching(typed: str, values: Iterable[str]) -> list[str]:
    """The values that hold what was typed, those that begin with it first; all of them where nothing was typed."""
    wanted = typed.strip().casefold()
    found = [value for value in values if wanted in value.casefold()]
    return sorted(found, key=lambda value: not value.casefold().startswith(wanted)) if wanted else found


def quoted(value: str) -> str:
    """The value as it can stand in the text."""
    if not _NEEDS_QUOTES.intersection(value):
        return value
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _within_limits(pairs: Iterable[tuple[str, str]]) -> list[Completion]:
    found: list[Completion] = []
    for label, text in pairs:
        if len(text) > MAX_CHARS:
            continue
        found.append(Completion(label if len(label) <= MAX_CHARS else label[: MAX_CHARS - 1] + "…", text))
        if len(found) == MAX_COMPLETIONS:
            break
    return found
