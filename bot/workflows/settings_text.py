"""The `settings` text that people type: `steps=30 sampler=euler size=16:9 lora=ink:0.8`.

A name is followed by `=`; its value goes on until the next `name=`, or is put in quotes. Nothing is looked up here
except in the workflow's parameters, so that a text can be parsed and completed at every keystroke.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

from bot.errors import InputInvalid
from bot.workflows.parameter_names import LORA_NAME, canonical_name
from bot.workflows.parameters import ParameterValue, WorkflowParameters, unknown_parameter

LONGEST_SETTINGS = 4000
LAST = "last"
"""The word at the beginning of a text that stands for the settings that the person used last."""
PRESET = "preset"
"""`preset=NAME` stands for the settings of a preset."""
_NAME = re.compile(r"(?:(?<=\s)|(?<=[,;])|^)(?P<name>[^\s=,;\"'`<>|]{1,80})\s*=[^\S\n]*(?!=)", re.UNICODE)
_QUOTES = {'"': '"', "'": "'", "\u201c": "\u201d", "\u201e": "\u201c", "\u00ab": "\u00bb"}
_TRAILING = ",; \t\r\n"


@dataclass(frozen=True, slots=True)
class TypedSetting:
    """One `name=value` of a text.

    Attributes:
        name: As it was typed.
        value: Without the quotes around it.
        start: Where the name begins in the text.
        value_start: Where the value, with its quotes, begins.

    """

    name: str
    value: str
    start: int
    value_start: int


def split_settings(text: str) -> tuple[str, list[TypedSetting]]:
    """Return what stands before the first `name=`, and every setting of the text. Never raises."""
    found: list[TypedSetting] = []
    lead, at = "", 0
    match = _NAME.search(text)
    lead = text if match is None else text[: match.start()]
    while match is not None:
        value, at = _value(text, match.end())
        found.append(TypedSetting(match["name"], value, match.start(), match.end()))
        match = _NAME.search(text, at)
    return lead.strip(_TRAILING), found


def _value(text: str, at: int) -> tuple[str, int]:
    """The value that begins at a place, and where to look for the next name."""
    closing = _QUOTES.get(text[at : at + 1])
    if closing is not None:
        end = at + 1
        while end < len(text) and text[end] != closing:
            end += 2 if text[end] == "\\" and text[end + 1 : end + 2] in {closing, "\\"} else 1
        if end < len(text) and (end + 1 == len(text) or text[end + 1] in _TRAILING):
            return re.sub(r"\\(.)", r"\1", text[at + 1 : end]) if "\\" in text[at:end] else text[at + 1 : end], end + 1
    following = _NAME.search(text, at)
    end = len(text) if following is None else following.start()
    return text[at:end].strip(_TRAILING), end


@dataclass(frozen=True, slots=True)
class SettingsText:
    """A settings text without what names settings that were kept earlier.

    Attributes:
        last: Whether it begins with `last`: the settings that the person used last.
        presets: The names after `preset=`.
        rest: The other settings; they count before the kept ones.

    """

    last: bool
    presets: tuple[str, ...]
    rest: str


def split_kept_settings(text: str) -> SettingsText:
    """Take `last` and `preset=NAME` out of a settings text. Never raises."""
    lead, typed = split_settings(text)
    last = lead.casefold() == LAST
    start = typed[0].start if typed else len(text)
    pieces = [] if last else [text[:start]]
    spans = zip(typed, pairwise([*(one.start for one in typed), len(text)]), strict=True)
    pieces += [text[begin:end] for one, (begin, end) in spans if not _is_preset(one)]
    presets = tuple(one.value for one in typed if _is_preset(one))
    return SettingsText(last, presets, " ".join(pieces))


def _is_preset(setting: TypedSetting) -> bool:
    return setting.name.casefold() == PRESET


def parse_settings(text: str, parameters: WorkflowParameters) -> dict[str, ParameterValue]:
    """Return the overrides that a text asks for: the parameter's name -> the text typed for it.

    The values are checked when the request is accepted. Several LoRAs become `lora`, `lora2`, ...; of any other
    setting that is named twice the last one counts.

    Args:
        text: What the person typed.
        parameters: Of the workflow that is meant.

    Raises:
        InputInvalid: The text has something that is no setting, or names one that the workflow does not have.

    """
    if len(text) > LONGEST_SETTINGS:
        raise InputInvalid(f"The settings are longer than {LONGEST_SETTINGS} characters.")
    lead, typed = split_settings(text)
    if lead:
        shown = " ".join(lead.replace("`", "'").split())[:60]
        raise InputInvalid(f"`{shown}` is no setting.", advice="Write name=value, such as `steps=30 sampler=euler`.")
    found: dict[str, ParameterValue] = {}
    for setting in typed:
        name = _known_name(setting.name, parameters)
        if not setting.value and name != "negative":
            raise InputInvalid(f"`{name}` has no value.", advice=f"Write `{name}=` and a value, or leave it out.")
        found[_next_lora(found) if LORA_NAME.fullmatch(name) else name] = setting.value
    return found


def settings_of_pairs(
    pairs: Mapping[str, str], parameters: WorkflowParameters, *, before: Mapping[str, ParameterValue] | None = None
) -> dict[str, ParameterValue]:
    """Return the overrides of name -> value pairs that were typed one by one (terminal options, flags of a prompt).

    Args:
        pairs: As they were typed.
        parameters: Of the workflow that is meant.
        before: Overrides that were read before; a further LoRA is counted on from them.

    Raises:
        InputInvalid: The workflow does not have one of them.

    """
    found: dict[str, ParameterValue] = {}
    for typed, value in pairs.items():
        name = _known_name(typed, parameters)
        found[_next_lora({**(before or {}), **found}) if LORA_NAME.fullmatch(name) else name] = value
    return found


def _known_name(typed: str, parameters: WorkflowParameters) -> str:
    name = canonical_name(typed)
    if name in {"size", "aspect", "prompt", "negative", "seed"} or LORA_NAME.fullmatch(name):
        return name
    parameter = parameters.find(typed)
    if parameter is None:
        raise unknown_parameter(typed, parameters)
    return parameter.name


def _next_lora(found: Mapping[str, ParameterValue]) -> str:
    count = sum(bool(LORA_NAME.fullmatch(name)) for name in found)
    return "lora" if not count else f"lora{count + 1}"
