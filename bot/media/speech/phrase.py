"""Building one spoken phrase from pieces, some of which are left out or replaced by a word."""

# ruff: noqa: RUF001 - the punctuation of several scripts is what this is about
from __future__ import annotations

import re
import unicodedata

from bot.media.speech.emoji import emoji_name, pieces
from bot.media.speech.options import SpeechOptions

_STRAY_MARKUP = re.compile(r"\*+|_+|`+|\|+|~~+")
"""Marks that pair with nothing, or were escaped: a voice has no use for them."""

_CLINGING = frozenset(".,!?;:…)]}。，！？；：、")
"""Punctuation that follows its word without a space."""
_OPENING = frozenset("([{\"'“‘«„¿¡ \t\n")


class Phrase:
    """Text in the making. What is dropped leaves no gap behind, what is put in stands apart from its neighbours."""

    def __init__(self, options: SpeechOptions) -> None:
        self._options = options
        self._parts: list[str] = []
        self._last = ""
        self._after_drop = False
        self._after_word = False
        self._last_emoji = ""

    def __str__(self) -> str:
        """The lines of the phrase that hold something to say."""
        lines = (" ".join(line.split()) for line in "".join(self._parts).split("\n"))
        return "\n".join(line for line in lines if _says_something(line))

    @property
    def ends_in_word(self) -> bool:
        """A letter added now would stand inside a word."""
        return is_word_letter(self._last)

    def say(self, text: str) -> None:
        """Add text as it was written, emoji dropped or named."""
        for is_emoji, piece in pieces(_printable(text)):
            if not is_emoji:
                self._plain(_STRAY_MARKUP.sub(_unmarked, piece))
            elif self._options.emoji == "drop":
                self.drop()
            else:
                self.emoji(emoji_name(piece))

    def word(self, text: str) -> None:
        """Add a word or name that stands for something (a mention, a link), apart from its neighbours."""
        if self._last and self._last not in _OPENING:
            self._add(" ")
        self.say(text)
        self._after_word = True

    def emoji(self, name: str) -> None:
        """Add an emoji's name; the same one several times in a row is said once."""
        if name != self._last_emoji:
            self._after_word = False
            if self._last and self._last not in _OPENING:
                self._add(" ")
            self._add(name)
        self._after_word = True
        self._last_emoji = name

    def drop(self) -> None:
        """Something is left out here."""
        self._after_drop = True

    def line_break(self) -> None:
        """Begin another line."""
        self._add("\n")

    def _plain(self, text: str) -> None:
        if not text:
            return
        if self._after_drop:
            text = self._close_gap(text)
        if self._after_word and text[:1].isalnum():
            self._add(" ")
        if text.strip():
            self._last_emoji = ""
        self._add(text)

    def _close_gap(self, text: str) -> str:
        """What remains of `text`, which follows something that is left out."""
        if not self._last or self._last == "\n":
            text = text.lstrip(" \t.,;:!…")
            return text[1:] if text.startswith(("- ", "– ", "— ")) else text
        if self._last == " " and text.lstrip(" ")[:1] in _CLINGING and text.strip(" "):
            while self._parts[-1].endswith(" "):
                self._parts[-1] = self._parts[-1].rstrip(" ")
                if not self._parts[-1] and len(self._parts) > 1:
                    self._parts.pop()
            return text.lstrip(" ")
        if is_word_letter(self._last) and is_word_letter(text[0]):
            return " " + text
        return text

    def _add(self, text: str) -> None:
        if not text:
            return
        self._parts.append(text)
        self._last = text[-1]
        self._after_drop = self._after_word = False


def is_word_letter(char: str) -> bool:
    """A letter or digit of a script that puts spaces between words (not Chinese or Japanese)."""
    return bool(char) and char.isalnum() and unicodedata.east_asian_width(char) not in {"W", "F"}


def _says_something(line: str) -> bool:
    return any(char.isalnum() for char in line)


def _unmarked(match: re.Match[str]) -> str:
    run = match[0]
    text, start, end = match.string, match.start(), match.end()
    if run == "*" and text[start - 1 : start] == " " and text[end : end + 1] == " " and start:
        return run  # a product: "5 * 3"
    return " " if run[0] in "_|" else ""


def _printable(text: str) -> str:
    """Without control characters, lone surrogates and invisible spaces; line breaks and joiners stay."""
    if text.isprintable():
        return text
    return "".join(char for char in text if char == "\n" or _belongs(char))


def _belongs(char: str) -> bool:
    if char in "\u200b\ufeff\ufffd\u00ad":
        return False
    return char == "\t" or unicodedata.category(char) not in {"Cc", "Cs", "Co"}
