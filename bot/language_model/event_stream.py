"""Reads a streamed chat completion: server-sent events, each a JSON object with a fragment of the answer.

Servers differ, and so do their faults. What carries no text (`choices: null`, `delta: null`, an empty list) is passed
over; what cannot be read raises `UnusableAnswerError`, whatever is wrong with it.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any, cast

from bot.language_model.errors import UnusableAnswerError

MAX_LINE_BYTES = 4 * 1024 * 1024
"""A longer line is no event of a chat completion: a stream without line ends must not fill the memory."""

_HIGH_SURROGATES = ("\ud800", "\udbff")


async def read_events(chunks: AsyncIterator[bytes]) -> AsyncGenerator[dict[str, Any], None]:
    """Yield the JSON objects of an event stream until `[DONE]` or its end.

    Args:
        chunks: The body of the response, cut anywhere. Bytes that are no UTF-8 become U+FFFD.

    Raises:
        UnusableAnswerError: An event is no JSON object, or a line has no end.
    """
    data: list[bytes] = []
    async for line in _lines(chunks):
        if line.startswith(b"data:"):
            data.append(line[len(b"data:") :].strip())
        elif not line and data:
            event, data = b"\n".join(data), []
            if event.startswith(b"[DONE]"):
                return
            yield parse_object(event)
    if data and not data[0].startswith(b"[DONE]"):
        yield parse_object(b"\n".join(data))


async def _lines(chunks: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    pending = bytearray()
    async for chunk in chunks:
        pending += chunk
        if b"\n" in chunk:
            *lines, rest = bytes(pending).split(b"\n")
            pending = bytearray(rest)
            for line in lines:
                yield line.rstrip(b"\r")
        if len(pending) > MAX_LINE_BYTES:
            raise UnusableAnswerError
    if pending:
        yield bytes(pending).rstrip(b"\r")


def parse_object(event: bytes) -> dict[str, Any]:
    """Parse the data of one event. Raises UnusableAnswerError if it is no JSON object."""
    try:
        parsed: Any = json.loads(event.decode("utf-8", "replace"))
    except (ValueError, RecursionError) as error:  # RecursionError: thousands of nested brackets
        raise UnusableAnswerError from error
    if not isinstance(parsed, dict):
        raise UnusableAnswerError
    return cast("dict[str, Any]", parsed)


def delta_of(event: dict[str, Any]) -> dict[str, Any]:
    """Return the fragment of the answer that an event carries; {} if it carries none, as the one with the usage."""
    choices: Any = event.get("choices")
    choice: Any = cast("list[Any]", choices)[0] if isinstance(choices, list) and choices else None
    delta: Any = cast("dict[str, Any]", choice).get("delta") if isinstance(choice, dict) else None
    return cast("dict[str, Any]", delta) if isinstance(delta, dict) else {}


def text_of(delta: dict[str, Any]) -> str:
    """Return the text of a fragment, which is a string or a list of parts.

    Raises:
        UnusableAnswerError: It is something else.
    """
    content: Any = delta.get("content")
    if content is None:
        return ""
    if isinstance(content, list):  # parts, as Mistral's API sends them: {"type": "text", "text": ...}
        parts = [
            cast("dict[str, Any]", each).get("text") for each in cast("list[Any]", content) if isinstance(each, dict)
        ]
        return "".join(part for part in parts if isinstance(part, str))
    if not isinstance(content, str):
        raise UnusableAnswerError
    return content


def fragment_size(delta: dict[str, Any]) -> int:
    """Return how many characters a fragment counts against the limit of an answer; an empty one counts as one.

    Thoughts count as well (`reasoning_content`, `reasoning`), and so does everything else that a server may send.
    """
    return max(1, sum(len(value) if isinstance(value, str) else len(repr(value)) for value in delta.values() if value))


class SurrogateJoiner:
    """Makes text that can be stored and sent out of fragments with surrogates.

    JSON may hold a character outside the basic plane as two escapes, which a server may send in two fragments, or
    break. Pairs are joined; what stays alone becomes U+FFFD.
    """

    def __init__(self) -> None:
        self._held = ""

    def feed(self, text: str) -> str:
        """Return the text so far; a first half at its end is held back until the next fragment."""
        text = self._held + text
        self._held = ""
        if text and _HIGH_SURROGATES[0] <= text[-1] <= _HIGH_SURROGATES[1]:
            text, self._held = text[:-1], text[-1]
        return without_surrogates(text)


def without_surrogates(text: str) -> str:
    """Return the text with surrogate pairs joined and lone surrogates replaced by U+FFFD."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
