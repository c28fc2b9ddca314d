"""The parameter text of A1111's WebUI and of programs that write the same, as a value.

::

    a cat, sharp
    Negative prompt: blurry
    Steps: 20, Sampler: Euler a, CFG scale: 7, Seed: 5, Size: 512x768, Model: dream
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

MAX_CHARS = 1_000_000
_NEGATIVE = "Negative prompt:"
_SETTINGS = "Steps: "
_SIZE = re.compile(r"(\d{1,5})x(\d{1,5})")


@dataclass(frozen=True, slots=True)
class GenerationParameters:
    """What a picture was made with; None where the text does not say it."""

    prompt: str
    negative: str | None
    seed: int | None
    steps: int | None
    sampler: str | None
    scheduler: str | None
    cfg: float | None
    width: int | None
    height: int | None
    model: str | None
    other: Mapping[str, str]
    """All settings by their names as the text has them."""


def parse_generation_parameters(text: str) -> GenerationParameters | None:
    """Return the value of a parameter text; None where it is no such text (it has no line with steps)."""
    lines = text[:MAX_CHARS].replace("\r\n", "\n").strip().split("\n")
    last = next((number for number in reversed(range(len(lines))) if lines[number].startswith(_SETTINGS)), None)
    if last is None:
        return None
    settings = _settings(" ".join(lines[last:]))
    texts = lines[:last]
    start = next((number for number, line in enumerate(texts) if line.startswith(_NEGATIVE)), None)
    negative = None
    if start is not None:
        negative = "\n".join([texts[start].removeprefix(_NEGATIVE), *texts[start + 1 :]]).strip()
        texts = texts[:start]
    size = _SIZE.fullmatch(settings.get("Size", ""))
    return GenerationParameters(
        prompt="\n".join(texts).strip(),
        negative=negative,
        seed=_whole(settings.get("Seed")),
        steps=_whole(settings.get("Steps")),
        sampler=settings.get("Sampler"),
        scheduler=settings.get("Schedule type"),
        cfg=_decimal(settings.get("CFG scale")),
        width=int(size[1]) if size else None,
        height=int(size[2]) if size else None,
        model=settings.get("Model"),
        other=settings,
    )


def _settings(line: str) -> dict[str, str]:
    """`Name: value, Name: "quoted, value"` by name."""
    found = dict[str, str]()
    for part in _split_outside_quotes(line):
        name, colon, value = part.partition(":")
        if colon:
            found[name.strip()] = _unquoted(value.strip())
    return found


def _split_outside_quotes(line: str) -> list[str]:
    parts: list[list[str]] = [[]]
    quoted = escaped = False
    for character in line:
        if character == "," and not quoted:
            parts.append([])
            continue
        if character == '"' and not escaped:
            quoted = not quoted
        escaped = character == "\\" and not escaped
        parts[-1].append(character)
    return ["".join(part) for part in parts]


def _unquoted(value: str) -> str:
    if len(value) < 2 or value[0] != '"' or value[-1] != '"':
        return value
    try:
        return str(json.loads(value))
    except ValueError:
        return value


def _whole(value: str | None) -> int | None:
    digits = (value or "").removeprefix("-")
    return int(value or "") if digits.isascii() and digits.isdigit() and len(digits) < 25 else None


def _decimal(value: str | None) -> float | None:
    try:
        number = float(value or "")
    except ValueError:
        return None
    return number if math.isfinite(number) else None
