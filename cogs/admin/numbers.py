"""Quotas and limits as text, as a form, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pydantic import ValidationError

from bot.errors import InputInvalid
from bot.policy import Quotas, SizeLimits
from cogs.ui.modals import Field

_LABELS: Final = {
    "pieces_per_person": "Pieces of each person in 24 hours",
    "gpu_seconds_per_person": "GPU seconds of each person in 24 hours",
    "pieces_per_server": "Pieces of the whole server in 24 hours",
    "gpu_seconds_per_server": "GPU seconds of the server in 24 hours",
    "cooldown_seconds": "Seconds between two wishes of one person",
    "max_pixels": "Largest picture (1024x1024, or pixels)",
    "max_steps": "Most steps",
    "max_batch": "Most pictures at once",
    "max_text_chars": "Longest prompt or speech, in characters",
    "max_film_seconds": "Longest film, in seconds",
}
_LARGEST: Final = 10**12
_LONGEST_NUMBER: Final = 20

Numbers = Quotas | SizeLimits


def number_lines(numbers: Numbers) -> list[str]:
    """Every number with its name."""
    return [f"{_LABELS[name]}: **{_shown(value)}**" for name, value in _values(numbers).items()]


def number_summary(numbers: Numbers) -> str:
    """How many of them are set, with their names."""
    named = [f"{_LABELS[name]} **{_shown(value)}**" for name, value in _values(numbers).items() if value is not None]
    return "; ".join(named) or "none"


def number_fields(numbers: Numbers) -> list[Field]:
    """The fields of the form that changes them."""
    return [
        Field(
            name,
            _LABELS[name],
            "" if value is None else f"{value:g}" if value < 10**6 else str(int(value)),
            placeholder="no limit",
            max_length=_LONGEST_NUMBER,
        )
        for name, value in _values(numbers).items()
    ]


def read_numbers(kind: type[Quotas | SizeLimits], typed: Mapping[str, str]) -> Numbers:
    """What was typed; an empty field is no limit.

    Raises:
        InputInvalid: It names the field that is no number above 0.

    """
    values: dict[str, float] = {}
    for name in kind.model_fields:
        text = typed.get(name, "").strip()
        if text:
            values[name] = _number(name, text)
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        name = str(error.errors()[0]["loc"][0])
        raise InputInvalid(f"{_LABELS[name]}: that must be a whole number.", advice="Nothing was changed.") from error


def _number(name: str, text: str) -> float:
    try:
        if name == "max_pixels" and "x" in text.lower():
            width, height = text.lower().split("x")
            number = float(int(width) * int(height))
        else:
            number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number <= _LARGEST:
        raise InputInvalid(f"{_LABELS[name]}: that must be a number above 0.", advice="Nothing was changed.")
    return number


def _values(numbers: Numbers) -> dict[str, float | None]:
    return {name: getattr(numbers, name) for name in type(numbers).model_fields}


def _shown(value: float | None) -> str:
    return "no limit" if value is None else f"{value:,.10g}"
