"""Building the text that is spoken for one inline token list, of which some parts are left out or replaced."""

# ruff: noqa: RUF001 - the punctuation of several scripts is what this is about
from __future__ import annotations

import re
import unicodedata

from bot.media.speech.emoji import emoji_name, split_emoji
from bot.media.speech.options import SpeechOptions

_STRAY_MARKUP = re.compile(r"\*+|_+|`+|\|+|~~+")
"""Markup characters that the parser left as text, because they have no counterpart or are escaped."""

_CLOSING = frozenset(".,!?;:…)]}。，！？；：、")
"""Punctuation that follows a word without a space."""
_OPENING = frozenset("([{\"'“‘«„¿¡ \t\n")


class PhraseBuilder:
    """Collects text. What is left out leaves no double space, and words that are put in get spaces around them."""

    def __init__(self, options: SpeechOptions) -> None:
        self._options = options
        self._chunks: list[str] = []
        self._last = ""
        self._after_omission = False
        self._after_insertion = False
        self._last_emoji = ""

    def __str__(self) -> str:
        """The lines of the phrase that hold something to say."""
        lines = (" ".join(line.split()) for line in "".join(self._chunks).split("\n"))
        return "\n".join(line for line in lines if _says_something(line))

    @property
    def ends_in_word(self) -> bool:
        """The text ends in a letter or digit, so that a letter added now would continue a word."""
        return is_word_letter(self._last)

    def add_text(self, text: str) -> None:
        """Add text as it was written, with emoji left out or named."""
        for is_emoji, characters in split_emoji(_printable(text)):
            if not is_emoji:
                self._add_plain(_STRAY_MARKUP.sub(_replace_markup, characters))
            elif self._options.emoji == "drop":
                self.omit()
            else:
                self.add_emoji(emoji_name(characters))

    def insert(self, text: str) -> None:
        """Add what is said in place of something (a mention, a link), with spaces around it."""
        if self._last and self._last not in _OPENING:
            self._add(" ")
        self.add_text(text)
        self._after_insertion = True

    def add_emoji(self, name: str) -> None:
        """Add the name of an emoji; repetitions right after it are left out."""
        if name != self._last_emoji:
            self._after_insertion = False
            if self._last and self._last not in _OPENING:
                self._add(" ")
            self._add(name)
        self._after_insertion = True
        self._last_emoji = name

    def omit(self) -> None:
        """Something is left out at this position."""
        self._after_omission = True

    def add_line_break(self) -> None:
        """Begin another line."""
        self._add("\n")

    def _add_plain(self, text: str) -> None:
        if not text:
            return
        if self._after_omission:
            text = self._close_gap(text)
        if self._after_insertion and text[:1].isalnum():
            self._add(" ")
        if text.strip():
            self._last_emoji = ""
        self._add(text)

    def _close_gap(self, text: str) -> str:
        """`text` after something that was left out, without the spaces and punctuation that belonged to that."""
        if not self._last or self._last == "\n":
            text = text.lstrip(" \t.,;:!…")
            return text[1:] if text.startswith(("- ", "– ", "— ")) else text
        if self._last == " " and text.lstrip(" ")[:1] in _CLOSING and text.strip(" "):
            while self._chunks[-1].endswith(" "):
                self._chunks[-1] = self._chunks[-1].rstrip(" ")
                if not self._chunks[-1] and len(self._chunks) > 1:
                    self._chunks.pop()
            return text.lstrip(" ")
        if is_word_letter(self._last) and is_word_letter(text[0]):
            return " " + text
        return text

    def _add(self, text: str) -> None:
        if not text:
            return
        self._chunks.append(text)
        self._last = text[-1]
        self._after_omission = self._after_insertion = False


def is_word_letter(char: str) -> bool:
    """A letter or digit of a script that puts spaces between words (not Chinese or Japanese)."""
    return bool(char) and char.isalnum() and unicodedata.east_asian_width(char) not in {"W", "F"}


def _says_something(line: str) -> bool:
    return any(char.isalnum() for char in line)


def _replace_markup(match: re.Match[str]) -> str:
    marks = match[0]
    text, start, end = match.string, match.start(), match.end()
    if marks == "*" and text[start - 1 : start] == " " and text[end : end + 1] == " " and start:
        return marks  # a product: "5 * 3"
    return " " if marks[0] in "_|" else ""


def _printable(text: str) -> str:
    """The text without control characters, lone surrogates and invisible spaces; line breaks and joiners stay."""
    if text.isprintable():
        return text
    return "".join(char for char in text if char == "\n" or _is_kept(char))


def _is_kept(char: str) -> bool:
    if char in "\u200b\ufeff\ufffd\u00ad":
        return False
    return char == "\t" or unicodedata.category(char) not in {"Cc", "Cs", "Co"}
