"""Checking a value that a person gave against its parameter; the nearest allowed one is told."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Sequence

from bot.errors import InputInvalid
from bot.workflows.parameters.parameter import (
    NUMERIC_TYPES,
    TEXT_TYPES,
    OpenTo,
    Parameter,
    ParameterType,
    ParameterValue,
)

LONGEST_TEXT = 20_000
_LONGEST_SHOWN = 60
_NAMED_CHOICES = 3
_COMPARED_CHOICES = 5_000
_SWITCH_WORDS = {
    "true": True, "on": True, "yes": True, "1": True, "enable": True, "enabled": True,
    "false": False, "off": False, "no": False, "0": False, "disable": False, "disabled": False,
}  # fmt: skip
_FILE_NAME = re.compile(r"\w[\w \-]{0,79}")
_DEVICE_NAME = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)", re.IGNORECASE)
"""Windows takes them for devices."""
_NUMBER = re.compile(r"[+-]?(?:\d{1,40}(?:[.,]\d{0,40})?|[.,]\d{1,40})")


def checked_value(parameter: Parameter, value: ParameterValue) -> ParameterValue:
    """Return the value as it is written into the graph.

    Args:
        parameter: What is to be changed.
        value: A value of the parameter's type, or a text that a person typed for one.

    Raises:
        InputInvalid: The parameter is locked, or the value is not allowed; the nearest allowed ones are named.

    """
    if parameter.open_to is OpenTo.NOBODY:
        raise InputInvalid(
            f"`{parameter.name}` of this workflow cannot be changed.",
            advice=f"The owner can allow it with `expose: [{parameter.name}]` in the workflow's bindings file.",
        )
    if parameter.type in NUMERIC_TYPES:
        return _checked_number(parameter, value)
    if parameter.type is ParameterType.SWITCH:
        return _checked_switch(parameter, value)
    if parameter.choices is not None:
        return _checked_choice(parameter, value, parameter.choices)
    if parameter.type is ParameterType.FILE_NAME:
        return _checked_file_name(parameter, value)
    return _checked_text(parameter, value)


def _checked_number(parameter: Parameter, value: ParameterValue) -> int | float:
    number = _as_number(value)
    whole = parameter.type is not ParameterType.NUMBER
    if number is None or (whole and isinstance(number, float) and not number.is_integer()):
        hint = "" if number is None else f" The nearest is {_shown(_nearest(parameter, number))}."
        kind = "a whole number" if whole else "a number"
        raise InputInvalid(
            f"`{parameter.name}` must be {kind}{_range(parameter)}.{hint}", advice=f"Write {_example(parameter)}."
        )
    number = int(number) if whole else float(number)
    nearest = _nearest(parameter, number)
    if nearest != number:
        step = f", in steps of {_shown(parameter.step)}" if parameter.step and _in_range(parameter, number) else ""
        raise InputInvalid(
            f"`{parameter.name}` must be{_range(parameter)}{step}. The nearest is {_shown(nearest)}.",
            advice=f"Write `{parameter.name}={_shown(nearest)}`.",
        )
    return nearest


def _as_number(value: ParameterValue) -> int | float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, (int, float)):
        return value if math.isfinite(value) else None
    text = value.strip()
    if not text.isascii() or not _NUMBER.fullmatch(text):
        return None
    return float(text.replace(",", ".")) if "." in text or "," in text else int(text)


def _nearest(parameter: Parameter, number: float) -> int | float:
    """The allowed number that is nearest."""
    low, high, step = parameter.minimum, parameter.maximum, parameter.step
    if low is not None and number < low:
        number = low
    if high is not None and number > high:
        number = high
    whole = parameter.type is not ParameterType.NUMBER
    if step:
        number = _on_step(number, low or 0, high, step)
    return round(number) if whole and isinstance(number, float) else number


def _on_step(number: float, low: float, high: float | None, step: float) -> int | float:
    """The nearest `low mod step + n * step`; the number itself if it is one, within the precision of floats."""
    offset = math.fmod(low, step)
    if isinstance(number, int) and isinstance(step, int) and isinstance(low, int):
        shift = low % step
        at = shift + (number - shift + step // 2) // step * step
        at = at - step if high is not None and at > high else at
        return at + step if at < low else at
    at = round((number - offset) / step) * step + offset
    if math.isclose(at, number, rel_tol=1e-9, abs_tol=step * 1e-6):
        return number
    digits = max(0, -math.floor(math.log10(step)) + 1)
    at = round(at, digits)
    return at - step if high is not None and at > high else at


def _checked_switch(parameter: Parameter, value: ParameterValue) -> bool:
    if isinstance(value, bool):
        return value
    known = _SWITCH_WORDS.get(str(value).strip().lower())
    if known is None:
        raise InputInvalid(f"`{parameter.name}` is a switch.", advice=f"Write `{parameter.name}=true` or `false`.")
    return known


def _checked_choice(parameter: Parameter, value: ParameterValue, choices: Sequence[ParameterValue]) -> ParameterValue:
    exact = next((choice for choice in choices if type(choice) is type(value) and choice == value), None)
    if exact is not None:
        return exact
    text = str(value).strip()
    for spelling in (_as_written, _without_case, _without_folder):
        wanted = spelling(text)
        same = [choice for choice in choices if spelling(str(choice)) == wanted] if wanted else []
        if len(same) == 1 or (same and spelling is _as_written):
            return same[0]
    near = nearest_choices(text, choices)
    if not choices:
        raise InputInvalid(
            f"ComfyUI has nothing to choose for `{parameter.name}`.", advice="The owner can put a file in place."
        )
    named = ", ".join(f"`{str(choice)[:_LONGEST_SHOWN]}`" for choice in near)
    raise InputInvalid(
        f"`{parameter.name}` cannot be `{_harmless(text)}`. The nearest: {named}.",
        advice="The list appears while you type the value.",
    )


def nearest_choices(text: str, choices: Sequence[ParameterValue], count: int = _NAMED_CHOICES) -> list[str]:
    """Return the choices that are most similar to a text, best first."""
    names = {_without_case(str(choice)): str(choice) for choice in choices[:_COMPARED_CHOICES]}
    near = difflib.get_close_matches(_without_case(text)[:100], list(names), n=count, cutoff=0)
    return [names[name] for name in near]


def _checked_text(parameter: Parameter, value: ParameterValue) -> str:
    text = str(value)
    if parameter.type is not ParameterType.LONG_TEXT:
        text = " ".join(text.split("\n")).strip()
    if len(text) > LONGEST_TEXT:
        raise InputInvalid(f"`{parameter.name}` is longer than {LONGEST_TEXT:,} characters.")
    if parameter.type not in TEXT_TYPES and not text:
        raise InputInvalid(f"`{parameter.name}` needs a value.")
    return text


def _checked_file_name(parameter: Parameter, value: ParameterValue) -> str:
    name = str(value).strip()
    if not _FILE_NAME.fullmatch(name) or _DEVICE_NAME.fullmatch(name):
        raise InputInvalid(
            f"`{parameter.name}` is a name of letters, digits, spaces, `-` and `_`, not a path.",
            advice=f"Write something like `{parameter.name}=lighthouse`.",
        )
    return name


def _as_written(text: str) -> str:
    return text.strip()


def _without_case(text: str) -> str:
    return re.sub(r"[\s_\-+]+", "_", text.strip().casefold().replace("\\", "/"))


def _without_folder(text: str) -> str:
    name = _without_case(text).rsplit("/", 1)[-1]
    return re.sub(r"\.(?:safetensors|sft|ckpt|pt|pth|bin|gguf)$", "", name)


def _in_range(parameter: Parameter, number: float) -> bool:
    low, high = parameter.minimum, parameter.maximum
    return (low is None or number >= low) and (high is None or number <= high)


def _range(parameter: Parameter) -> str:
    low, high = parameter.minimum, parameter.maximum
    if low is not None and high is not None:
        return f" from {_shown(low)} to {_shown(high)}"
    if low is not None:
        return f" of at least {_shown(low)}"
    return "" if high is None else f" of at most {_shown(high)}"


def _example(parameter: Parameter) -> str:
    value = parameter.default if isinstance(parameter.default, (int, float)) else _nearest(parameter, 1)
    return f"`{parameter.name}={_shown(value)}`"


def _shown(number: float | None) -> str:
    return f"{number:g}" if isinstance(number, float) else str(number)


def _harmless(text: str) -> str:
    return text.replace("`", "'")[:_LONGEST_SHOWN]
