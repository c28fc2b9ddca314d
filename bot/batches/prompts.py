"""Several prompts from one text: a line each, and `{red|green|blue}` for alternatives."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Sequence
from typing import Final

from bot.errors import InputInvalid

_ALTERNATIVES: Final = re.compile(r"\{([^{}|]*(?:\|[^{}|]*)+)\}")
_OUTSIDE: Final = re.compile(r"\|(?![^{}]*\})")
"""A bar that no brace closes after: Discord's clients turn pasted line breaks of an option into spaces."""


def split_prompts(text: str) -> list[str]:
    """The prompts of a text: one per line, or separated by `|` outside of braces; empty ones are left out."""
    lines = (line for whole in text.splitlines() for line in _OUTSIDE.split(whole))
    return [line.strip() for line in lines if line.strip()]


def expand_alternatives(prompts: Sequence[str], *, max_count: int) -> tuple[str, ...]:
    """Each prompt once for each combination of its `{a|b}`, in the order of writing; equal prompts once.

    Braces without a bar stay as they are.

    Raises:
        InputInvalid: There are more than `max_count`. They are counted before they are made.

    """
    parts = [_ALTERNATIVES.split(prompt) for prompt in prompts]
    # `re.split` with one group: text, alternatives, text, alternatives, ..., text.
    count = sum(math.prod(choices.count("|") + 1 for choices in one[1::2]) for one in parts)
    if count > max_count:
        raise InputInvalid(
            f"Those are {_short(count)} prompts; at most {max_count} pictures are made at once.",
            advice="Leave out some lines or some alternatives in braces.",
        )
    return tuple(dict.fromkeys(prompt for one in parts for prompt in _combinations(one)))


def _combinations(parts: Sequence[str]) -> list[str]:
    if len(parts) == 1:
        return [parts[0].strip()] if parts[0].strip() else []
    choices = [text.split("|") if n % 2 else [text] for n, text in enumerate(parts)]
    joined = (" ".join("".join(chosen).split()) for chosen in itertools.product(*choices))
    return [prompt for prompt in joined if prompt]


def _short(count: int) -> str:
    return f"{count:,}" if count < 10**9 else "far too many"
