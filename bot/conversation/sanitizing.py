"""People's texts and names, made safe to stand in a prompt."""

from __future__ import annotations

import re
from functools import lru_cache

MAX_SPEAKER_NAME_LENGTH = 40

_INVISIBLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\u00ad]")
# Chat templates mark the beginning and end of messages with these. A person who writes one must not end their message.
_TEMPLATE_MARKS = re.compile(
    r"<\|[^|<>]{0,40}\|>|\[/?INST\]|<</?SYS>>|</?(?:system|user|assistant|s|start_of_turn|end_of_turn|think|draw)>",
    re.IGNORECASE,
)
_TO_PARENTHESES = str.maketrans("<>[]", "()()")


def sanitize(text: str) -> str:
    """Return the text without invisible characters and with the brackets of chat template marks as parentheses."""
    visible = _INVISIBLE.sub("", text)
    if "<" not in visible and "[" not in visible:
        return visible
    return _TEMPLATE_MARKS.sub(lambda mark: mark[0].translate(_TO_PARENTHESES), visible)


@lru_cache(maxsize=1024)
def speaker_name(name: str | None) -> str:
    """Return a display name as prompts show it: one line, no colon, at most 40 characters.

    Prompts write `name: text`, so that a colon in a name would look like a second speaker. An empty name becomes
    "Someone".
    """
    cleaned = " ".join(sanitize(name or "").replace(":", " ").split())
    return cleaned[:MAX_SPEAKER_NAME_LENGTH] or "Someone"
