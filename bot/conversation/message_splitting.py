"""Splitting a long text into Discord messages.

The split is stable while a text grows at its end: all parts but the last stay as they are. So a streamed answer only
ever edits its newest message.
"""

from __future__ import annotations

import re

from bot.domain.discord_limits import MAX_MESSAGE_LENGTH

_FENCE_RESERVE = 100
"""Characters of each message that are kept free for closing a code fence and opening it again."""
_FENCE = re.compile(r"^[ \t]*(`{3,})([^\n`]*)$", re.MULTILINE)
_BOUNDARIES = ("\n\n", "\n", ". ", " ")


def split_message(text: str, limit: int = MAX_MESSAGE_LENGTH) -> list[str]:
    """Split a text into parts of at most `limit` characters; [] for a text without words.

    A part ends between paragraphs, else between lines, sentences or words. It never ends inside a code fence unless the
    fence alone is longer than a message: then the fence is closed at the end of the part and opened again in the next.
    """
    rest = text.strip()
    parts: list[str] = []
    target_length = limit - _FENCE_RESERVE if limit > 2 * _FENCE_RESERVE else limit // 2
    while len(rest) > limit:
        end, fence = _find_cut(rest, target_length)
        part = rest[:end].rstrip()
        parts.append(f"{part}\n```" if fence is not None else part)
        rest = rest[end:].lstrip("\n") if fence is not None else rest[end:].strip()
        if fence is not None:
            rest = f"```{fence}\n{rest}"
    return [*parts, rest] if rest else parts


def _find_cut(text: str, target_length: int) -> tuple[int, str | None]:
    """Return where a part of about `target_length` characters ends, and the language of the code fence open there.

    The language is None outside of fences.
    """
    for boundary in _BOUNDARIES:
        end = target_length
        # A boundary in the first quarter would make a very short message.
        while (end := text.rfind(boundary, target_length // 4, end)) > 0:
            if _open_fence(text[:end]) is None:
                return end + len(boundary.rstrip()), None
            if boundary not in {"\n\n", "\n"}:
                break
    line = text.rfind("\n", target_length // 4, target_length)
    end = line if line > 0 else target_length
    return end, _open_fence(text[:end])


def _open_fence(text: str) -> str | None:
    """Return the language tag of the code fence that `text` ends inside of; None outside of fences."""
    language: str | None = None
    for mark in _FENCE.finditer(text):
        language = mark[2].strip()[:20] if language is None else None
    return language
