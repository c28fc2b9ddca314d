"""Splitting and shortening a text to be spoken, at the ends of sentences and clauses."""

# ruff: noqa: RUF001 - the punctuation of several scripts is what this is about
from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator
from typing import NamedTuple

_SENTENCE_END = re.compile(r"""(?<![.!?…؟۔।])[.!?…؟۔।]++["'”’»)\]]*+(?=\s)|[。！？｡]+[」』”’）]*|\n+""")
"""Where a sentence may end: at a Latin, Arabic or Indic mark before a space, at a Chinese or Japanese mark, at a line
break."""
_CLAUSE = re.compile(r"[,;:—–](?=\s)|[，、；：]")
_SPACE = re.compile(r"\s+")

_ABBREVIATIONS = frozenset(
    (
        *("mr", "mrs", "ms", "dr", "prof", "st", "jr", "sr", "vs", "etc", "inc"),
        *("ltd", "no", "vol", "fig", "approx", "dept", "est", "gen", "col", "sgt", "capt"),
        *("lt", "rev", "hon", "e.g", "i.e", "a.m", "p.m", "u.s", "u.k", "z.b", "d.h"),
        *("usw", "bzw", "ca", "nr", "hr", "fr", "sra", "sto", "m", "mme", "mlle"),
    )
)
_SENTENCE_ENDERS_AFTER = frozenset({"etc", "usw", "a.m", "p.m", "u.s", "u.k", "no", "m", "jr", "sr", "inc", "ltd"})
"""Abbreviations that often stand last in a sentence: it ends there if a capital letter follows."""


class Shortened(NamedTuple):
    """`text` to speak; `note` says that something was left out, None if nothing was."""

    text: str
    note: str | None


def split_for_speech(text: str, max_chunk_chars: int) -> list[str]:
    """The text, in order, in chunks of at most `max_chunk_chars` characters, split between sentences where possible.

    A longer sentence is split between clauses, else between words, else between characters (not before a combining
    one). Only white space at the splits is lost. An empty text gives no chunks.

    Raises:
        ValueError: `max_chunk_chars` is not positive.

    """
    if max_chunk_chars < 1:
        raise ValueError("a chunk needs at least one character")
    positions = _SplitPositions(text)
    chunks: list[str] = []
    start = _skip_space(text, 0)
    while start < len(text):
        end = positions.best(start, start + max_chunk_chars)
        chunks.append(text[start:end].rstrip())
        start = _skip_space(text, end)
    return chunks


def shorten(text: str, max_chars: int) -> Shortened:
    """The text, or as many whole sentences from its beginning as fit into `max_chars` characters, with a note.

    Where not even one sentence fits, it is cut at a clause or word and ends in "…".

    Raises:
        ValueError: `max_chars` is not positive.

    """
    if max_chars < 1:
        raise ValueError("speech needs at least one character")
    text = text.strip()
    if len(text) <= max_chars:
        return Shortened(text, None)
    positions = _SplitPositions(text)
    end = positions.last_sentence(0, max_chars)
    if end:
        kept = text[:end].rstrip()
    elif max_chars == 1:
        kept = text[0]
    else:
        kept = text[: positions.best(0, max_chars - 1)].rstrip().rstrip(",;:—–") + "…"
    return Shortened(kept, f"Shortened: the voice speaks the first {len(kept)} of {len(text)} characters.")


class _SplitPositions:
    """All positions at which a text may be split."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._sentences = list(_sentence_ends(text))
        self._clauses = [match.end() for match in _CLAUSE.finditer(text)]
        self._words = [match.start() for match in _SPACE.finditer(text)]

    def last_sentence(self, start: int, limit: int) -> int:
        """The last end of a sentence after `start` and up to `limit`; 0 if there is none."""
        return _last(self._sentences, start, limit)

    def best(self, start: int, limit: int) -> int:
        """Where to split what begins at `start` so that it ends at `limit` at the latest."""
        if limit >= len(self._text):
            return len(self._text)
        for positions in (self._sentences, self._clauses, self._words):
            if end := _last(positions, start, limit):
                return end
        return self._between_characters(start, limit)

    def _between_characters(self, start: int, limit: int) -> int:
        position = max(limit, start + 1)
        while position > start + 1 and _belongs_to_previous(self._text, position):
            position -= 1
        return position if position > start + 1 else max(limit, start + 1)


def _last(positions: list[int], start: int, limit: int) -> int:
    """The last of the sorted positions that is after `start` and up to `limit`; 0 if there is none."""
    index = bisect_right(positions, limit) - 1
    return positions[index] if index >= 0 and positions[index] > start else 0


def _sentence_ends(text: str) -> Iterator[int]:
    for match in _SENTENCE_END.finditer(text):
        if not (match[0][0] == "." and match[0][1:2] != "." and _is_abbreviation(text, match.start(), match.end())):
            yield match.end()


def _is_abbreviation(text: str, dot: int, end: int) -> bool:
    """The full stop belongs to an abbreviation, an initial or the number of a list item."""
    start = dot
    while start > 0 and dot - start < 12 and not text[start - 1].isspace():
        start -= 1
    word = text[start:dot].lstrip("(\"'“‘«").lower()
    if word.isdecimal() and len(word) <= 3 and (start == 0 or text[start - 1] == "\n"):
        return True
    if len(word) == 1 and word.isalpha() and word != "i":
        return True
    if word not in _ABBREVIATIONS:
        return False
    following = text[end : end + 2].lstrip()[:1]
    return not (word in _SENTENCE_ENDERS_AFTER and following.isupper())


def _skip_space(text: str, at: int) -> int:
    while at < len(text) and text[at].isspace():
        at += 1
    return at


def _belongs_to_previous(text: str, at: int) -> bool:
    """Splitting before this character would tear what is shown as one (a letter with its accent, joined emoji)."""
    return unicodedata.combining(text[at]) != 0 or text[at] in "\u200d\ufe0f\u20e3" or text[at - 1] == "\u200d"
