"""Which character a message calls by name.

All names that people may call in one place are compiled into one pair of patterns, which is kept: hundreds of patterns,
compiled again for each message, would stop everything else for a second.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

_GREETINGS = r"(?:hey|hi|hello|hallo|yo|ok|okay|dear|so|and|salut|hola|ciao|oi)"
_END_CHARS = 1000
"""Characters at the end of a message in which the name of the one it calls is looked for."""
_KEPT_PATTERNS = 256
"""Guilds whose patterns are kept."""


def find_called_character(content: str, called: Sequence[tuple[str, str]]) -> str | None:
    """Return the id of the character that the message calls by name at its beginning or its end.

    "Nova, look", "hey nova look", "@Nova look" and "look, Nova!" call Nova; "I met Nova yesterday" does not.

    Args:
        content: The message.
        called: (name or alias, character id); longer names are tried first.
    """
    if not called:
        return None
    text = content.strip()
    names = compile_names(tuple(called))
    matches = (names.begins.match(text), names.greeted.match(text), names.ends.search(text[-_END_CHARS:]))
    # Each name is a group of its own. They are in the order in which they are tried.
    groups = [match.lastindex for match in matches if match is not None and match.lastindex is not None]
    return names.character_ids[min(groups) - 1] if groups else None


@dataclass(frozen=True, slots=True)
class CompiledNames:
    """The names that people may call in one place; each is a group of each pattern, longer names first."""

    begins: re.Pattern[str]
    """A message that begins with a name."""
    greeted: re.Pattern[str]
    """A message that begins with a greeting and a name."""
    ends: re.Pattern[str]
    character_ids: tuple[str, ...]
    """Whom each group calls."""


@lru_cache(maxsize=_KEPT_PATTERNS)
def compile_names(called: tuple[tuple[str, str], ...]) -> CompiledNames:
    """Compile (name or alias, character id) pairs; the last results are kept."""
    ordered = sorted(called, key=lambda pair: -len(pair[0]))
    word = "|".join(f"({re.escape(name)})" for name, _ in ordered)
    begins = rf"@?(?:{word})(?![\w'’])(?:\s*[,:!?.…—–-]|\s|$)"  # noqa: RUF001 - a real apostrophe
    return CompiledNames(
        begins=re.compile(begins, re.IGNORECASE),
        greeted=re.compile(rf"{_GREETINGS}[\s,]+{begins}", re.IGNORECASE),
        ends=re.compile(rf"(?:,\s*|@\s+|[,\s]@)(?:{word})\s*[?!.…]*$", re.IGNORECASE),
        character_ids=tuple(character_id for _, character_id in ordered),
    )
