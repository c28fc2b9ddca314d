"""Finding Unicode emoji in text, as whole sequences, and naming them from Python's Unicode data.

A sequence is what is shown as one emoji: a base with variation selector and skin tone, several bases with zero width
joiners between them (families, professions), a pair of regional indicators (flags), a digit in a keycap, or a flag
spelled in invisible tag characters (Scotland). Joiners outside such sequences belong to a script (Persian, Hindi).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

_JOINER = "\u200d"
_EMOJI_STYLE = "\ufe0f"
_TEXT_STYLE = "\ufe0e"
_KEYCAP = "\u20e3"
_KEYCAP_BASES = frozenset("0123456789#*")

_RANGES = ((0x1F000, 0x1FAFF), (0x2600, 0x27BF), (0x2B00, 0x2BFF), (0x23E9, 0x23FA))
_SINGLES = frozenset("\u231a\u231b\u2328\u23cf\u3030\u303d\u3297\u3299")
_CIRCLED_DIGITS = (0x2776, 0x2793)
"""They are in the range of the dingbats, but are spoken like other digits."""

_PLAIN_NAMES = {
    "\u2764": "red heart",
    "\U0001f602": "tears of joy",
    "\u2728": "sparkles",
    "\U0001f44d": "thumbs up",
    "\U0001f44e": "thumbs down",
    "\U0001f64f": "folded hands",
    "\U0001f389": "party popper",
    "\u2b50": "star",
}
"""For emoji whose Unicode name ("heavy black heart") is not what people call them."""

_UNNAMED_CHARACTERS = frozenset("\u2640\u2642\u200d\ufe0f\ufe0e\u20e3")


def split_emoji(text: str) -> Iterator[tuple[bool, str]]:
    """The text in order, as pairs of (whether it is one emoji, its characters)."""
    if text.isascii():
        if text:
            yield False, text
        return
    start = position = 0
    while position < len(text):
        end = _sequence_end(text, position)
        if end == position:
            position += 1
            continue
        if position > start:
            yield False, text[start:position]
        yield True, text[position:end]
        start = position = end
    if start < len(text):
        yield False, text[start:]


def emoji_name(sequence: str) -> str:
    """What to say for an emoji: the names of its bases ("woman fire engine"), or the two letters of a flag."""
    first = sequence[0]
    if _is_regional(first):
        return "flag " + " ".join(chr(ord(letter) - 0x1F1E6 + ord("A")) for letter in sequence)
    if first in _KEYCAP_BASES:
        return first
    bases = [char for char in sequence if char not in _UNNAMED_CHARACTERS and not _is_tone(char) and not _is_tag(char)]
    names = [_name(base) for base in bases]
    return " ".join(names) or "emoji"


def _name(base: str) -> str:
    if base in _PLAIN_NAMES:
        return _PLAIN_NAMES[base]
    name = unicodedata.name(base, "emoji").lower()
    return name.removesuffix(" sign").removesuffix(" symbol").replace("-", " ")


def _sequence_end(text: str, start: int) -> int:
    """Where the emoji that begins at `start` ends; `start` itself if none begins there."""
    char = text[start]
    following = text[start + 1] if start + 1 < len(text) else ""
    if char in _KEYCAP_BASES:
        after = start + 1 + (following == _EMOJI_STYLE)
        return after + 1 if text[after : after + 1] == _KEYCAP else start
    if _is_regional(char):
        return start + 2 if following and _is_regional(following) else start + 1
    if following == _TEXT_STYLE or not (_is_pictograph(char) or (following == _EMOJI_STYLE and ord(char) > 0x7F)):
        return start
    end = _base_end(text, start)
    while text[end : end + 1] == _JOINER and end + 1 < len(text) and _is_pictograph(text[end + 1]):
        end = _base_end(text, end + 1)
    return end


def _base_end(text: str, start: int) -> int:
    """Where a base ends, with its variation selector, skin tone, keycap and tags."""
    end = start + 1
    while end < len(text) and (text[end] in {_EMOJI_STYLE, _KEYCAP} or _is_tone(text[end]) or _is_tag(text[end])):
        end += 1
    return end


def _is_pictograph(char: str) -> bool:
    code = ord(char)
    if code < 0x2300:
        return False
    if _CIRCLED_DIGITS[0] <= code <= _CIRCLED_DIGITS[1]:
        return False
    return char in _SINGLES or any(low <= code <= high for low, high in _RANGES)


def _is_regional(char: str) -> bool:
    return 0x1F1E6 <= ord(char) <= 0x1F1FF


def _is_tone(char: str) -> bool:
    return 0x1F3FB <= ord(char) <= 0x1F3FF


def _is_tag(char: str) -> bool:
    return 0xE0020 <= ord(char) <= 0xE007F
