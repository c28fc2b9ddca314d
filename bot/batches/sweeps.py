"""Sweeps as people write them: `cfg=4..8 step 1`, `sampler=euler,dpmpp_2m`."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

from bot.domain.batches import Sweep, SweepValue
from bot.errors import InputInvalid
from bot.workflows.parameter_names import canonical_name

_NUMBER: Final = r"-?\d{1,12}(?:\.\d{1,6})?"
_SWEEP: Final = re.compile(r"\s*(?P<name>[^=\s][^=]{0,99}?)\s*=\s*(?P<values>.*\S)\s*", re.DOTALL)
_RANGE: Final = re.compile(
    rf"(?P<first>{_NUMBER})\s*\.\.\s*(?P<last>{_NUMBER})(?:[\s,]+step\s*=?\s*(?P<step>{_NUMBER}))?", re.IGNORECASE
)
_INTEGER: Final = re.compile(r"-?\d{1,18}")
_DECIMAL: Final = re.compile(_NUMBER)
_ADVICE: Final = "Write a parameter and its values: `cfg=4..8 step 1` or `sampler=euler,dpmpp_2m`."
_OWN_OPTIONS: Final = {"prompt": "prompts", "seed": "seeds", "workflow": "workflows"}


def parse_sweep(text: str, *, max_count: int) -> Sweep:
    """The parameter and the values that it is to take, in the order of writing; equal values once.

    Whether the workflow has such a parameter, and takes these values, is checked when the jobs are accepted.

    Raises:
        InputInvalid: It is not a sweep, has fewer than two values or more than `max_count`, its range runs downwards
            or its step is not above 0.

    """
    match = _SWEEP.fullmatch(text)
    if match is None:
        raise InputInvalid("That sweep cannot be read.", advice=_ADVICE)
    name = match["name"].lower() if match["name"].isascii() and "." not in match["name"] else match["name"]
    option = _OWN_OPTIONS.get(canonical_name(name))
    if option is not None:
        raise InputInvalid(f"`{name}` cannot be swept.", advice=f"Use the option `{option}` for that.")
    values = _values(name, match["values"], max_count)
    if len(values) < 2:
        raise InputInvalid(f"The sweep of `{name}` has one value only.", advice="A sweep needs two values or more.")
    return Sweep(name=name, values=values)


def _values(name: str, text: str, max_count: int) -> tuple[SweepValue, ...]:
    span = _RANGE.fullmatch(text)
    if span is not None:
        return _range(name, span, max_count)
    if ".." in text and _DECIMAL.match(text):
        raise InputInvalid(f"The range of `{name}` cannot be read.", advice="Write a range as `4..8 step 1`.")
    words = [word.strip() for word in text.split(",")]
    if not all(words):
        raise InputInvalid(f"The sweep of `{name}` has an empty value.", advice=_ADVICE)
    found = tuple({(type(value), value): value for value in map(_value, words)}.values())
    _require_few(name, len(found), max_count)
    return found


def _range(name: str, span: re.Match[str], max_count: int) -> tuple[SweepValue, ...]:
    first, last = Decimal(span["first"]), Decimal(span["last"])
    step = Decimal(span["step"] or "1")
    if step <= 0:
        raise InputInvalid(f"The step of `{name}` must be above 0.", advice=f"Write `{name}={first}..{last} step 1`.")
    if last < first:
        raise InputInvalid(
            f"The range of `{name}` runs downwards.", advice=f"Write the smaller value first: `{name}={last}..{first}`."
        )
    count = int((last - first) / step) + 1
    _require_few(name, count, max_count)
    values = [first + step * n for n in range(count)]
    whole = all("." not in (span[part] or "") for part in ("first", "last", "step"))
    return tuple(int(value) if whole else float(value) for value in values)


def _require_few(name: str, count: int, max_count: int) -> None:
    if count > max_count:
        raise InputInvalid(
            f"The sweep of `{name}` has {count:,} values; at most {max_count} pictures are made at once.",
            advice="Make the range smaller or the step larger.",
        )


def _value(word: str) -> SweepValue:
    if word.lower() in {"true", "false"}:
        return word.lower() == "true"
    if _INTEGER.fullmatch(word):
        return int(word)
    return float(word) if _DECIMAL.fullmatch(word) else word
