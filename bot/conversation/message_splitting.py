"""A long answer as Discord messages. Pure, and stable while the text grows: earlier pieces never change again."""

from __future__ import annotations

import re

LIMIT = 2000
"""Characters of one Discord message (resources/message, "Create Message": content)."""
_ROOM = 1900
"""What a piece takes of the text; the rest is for a code fence that has to be closed and opened again."""
_FENCE = re.compile(r"^[ \t]*(`{3,})([^\n`]*)$", re.MULTILINE)
_BOUNDARIES = ("\n\n", "\n", ". ", " ")


def split_message(text: str, limit: int = LIMIT) -> list[str]:
    """Pieces of at most `limit` characters; [] for a text without words.

    Split between paragraphs, else between lines, sentences, words; never inside a code fence unless the fence alone is
    longer than a message: then it is closed at the end of the piece and opened again in the next.
    """
    rest = text.strip()
    pieces: list[str] = []
    while len(rest) > limit:
        end, fence = _cut(rest, min(_ROOM, limit - 100) if limit > 200 else limit // 2)
        piece = rest[:end].rstrip()
        pieces.append(f"{piece}\n```" if fence is not None else piece)
        rest = rest[end:].lstrip("\n") if fence is not None else rest[end:].strip()
        if fence is not None:
            rest = f"```{fence}\n{rest}"
    return [*pieces, rest] if rest else pieces


def _cut(text: str, room: int) -> tuple[int, str | None]:
    """Where to end a piece, and the language of the fence that is open there (None: none is)."""
    for boundary in _BOUNDARIES:
        end = room
        # A boundary in the first quarter would leave a crumb of a message.
        while (end := text.rfind(boundary, room // 4, end)) > 0:
            if _open_fence(text[:end]) is None:
                return end + len(boundary.rstrip()), None
            if boundary not in {"\n\n", "\n"}:
                break
    line = text.rfind("\n", room // 4, room)
    end = line if line > 0 else room
    return end, _open_fence(text[:end])


def _open_fence(text: str) -> str | None:
    """The language tag of the code fence that `text` ends inside of; None outside."""
    language: str | None = None
    for mark in _FENCE.finditer(text):
        language = mark[2].strip()[:20] if language is None else None
    return language
