"""Words that a server does not want in prompts, found also where they are written with look-alikes or gaps. Pure.

What is compared is the skeleton of a text: without accents, compatibility forms (NFKD), invisible characters; letters
of other scripts as the Latin ones that they look like (Unicode's list of confusables), digits and signs within words as
letters, and all in lower case. Words are compared as a whole, so that a word inside another one is not found; `*` at an
end of an entry stands for further letters.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from typing import Any, Final, cast

from confusable_homoglyphs.confusables import confusables_data

MOST_ENTRIES: Final = 500
LONGEST_ENTRY: Final = 100
_SIGNS: Final = str.maketrans("013457@$!|", "oleastasll")
_SAME: Final = str.maketrans("i", "l")
_WORD: Final = re.compile(r"[\w@$!|*]+")
_SHORTEST_IN_RUN: Final = 3
"""Shorter entries are not looked for inside letters that stand alone ("a s a b c")."""


def find_blocked(entries: Sequence[str], text: str) -> str | None:
    """The first entry that stands in the text; None: none does."""
    if not entries or not text:
        return None
    words = _words(text)
    variants = [_variants(word) for word in words]
    runs = list(_letter_runs(words))
    for entry in entries:
        wanted = _entry_words(entry)
        if wanted and (_stands(wanted, variants) or _stands_in_run(wanted, runs)):
            return entry
    return None


def clean_entries(lines: Sequence[str]) -> tuple[str, ...]:
    """Entries of a list as they are kept: without gaps, double and empty ones, and those without any letter."""
    entries = (" ".join(line.split())[:LONGEST_ENTRY] for line in lines)
    return tuple(dict.fromkeys(entry for entry in entries if _entry_words(entry)))[:MOST_ENTRIES]


@lru_cache(maxsize=2 * MOST_ENTRIES)
def _entry_words(entry: str) -> tuple[str, ...]:
    return tuple(word for word in _words(entry) if word.strip("*"))


def _words(text: str) -> list[str]:
    """The words of a text's skeleton."""
    parts = (part.strip("!|") for word in _WORD.findall(_plain(text)) for part in word.split("_"))
    return [_folded(part) for part in parts if part]


def _plain(text: str) -> str:
    """Without accents and invisible characters, in Latin letters where they look like that, in lower case."""
    look_alikes = _look_alikes()
    kept: list[str] = []
    for character in unicodedata.normalize("NFKD", text):
        if unicodedata.category(character) in {"Mn", "Me", "Cf"}:
            continue
        kept.append(look_alikes.get(character, character))
    return "".join(kept).casefold()


def _folded(word: str) -> str:
    """Digits and signs within a word as the letters that they stand for; numbers stay numbers."""
    if any(letter.isalpha() for letter in word):
        word = word.translate(_SIGNS)
    return word.translate(_SAME)


def _variants(word: str) -> frozenset[str]:
    """The word, and without letters that are repeated three times or more."""
    return frozenset({word, re.sub(r"(.)\1{2,}", r"\1", word), re.sub(r"(.)\1{2,}", r"\1\1", word)})


def _letter_runs(words: Sequence[str]) -> Iterator[str]:
    """Letters that stand alone after each other, put together."""
    run = ""
    for word in [*words, ""]:
        if len(word) == 1:
            run += word
            continue
        if len(run) >= _SHORTEST_IN_RUN:
            yield _folded(run)
        run = ""


def _stands(wanted: Sequence[str], variants: Sequence[frozenset[str]]) -> bool:
    last = len(variants) - len(wanted)
    return any(all(_is_word(word, variants[start + n]) for n, word in enumerate(wanted)) for start in range(last + 1))


def _is_word(wanted: str, variants: frozenset[str]) -> bool:
    core, before, after = wanted.strip("*"), wanted.startswith("*"), wanted.endswith("*")
    if before and after:
        return any(core in word for word in variants)
    if before:
        return any(word.endswith(core) for word in variants)
    return any(word.startswith(core) for word in variants) if after else core in variants


def _stands_in_run(wanted: Sequence[str], runs: Sequence[str]) -> bool:
    joined = "".join(word.strip("*") for word in wanted)
    return len(joined) >= _SHORTEST_IN_RUN and any(joined in run for run in runs)


@cache
def _look_alikes() -> dict[str, str]:
    """Letters of other scripts -> the Latin letter that they look like, from Unicode's list of confusables."""
    data = cast("dict[str, list[dict[str, Any]]]", confusables_data)
    found: dict[str, str] = {}
    for character, others in data.items():
        if len(character) != 1 or character.isascii():
            continue
        latin = [str(other["c"]) for other in others if str(other["c"]).isascii() and str(other["c"]).isalpha()]
        if latin and len(latin[0]) == 1:
            found[character] = latin[0]
    return found
