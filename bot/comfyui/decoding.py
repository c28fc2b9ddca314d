"""Decoding a large JSON object without holding up the event loop."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

SMALL_BYTES = 200_000
"""Up to here one call of `json.loads` takes a few milliseconds."""
TURN_SECONDS = 0.004
_WHITESPACE = " \t\r\n"


async def decode_object(body: bytes) -> Any:
    """`json.loads(body)`, but a large object entry by entry, with turns for everybody else between them.

    The C decoder keeps the interpreter to itself for a whole document, in a thread too; `/object_info` of a server with
    many custom nodes has several megabytes in thousands of entries.

    Raises:
        ValueError: No JSON.
        RecursionError: It is nested too deeply.

    """
    if len(body) <= SMALL_BYTES or not body.lstrip().startswith(b"{"):
        return json.loads(body)
    text = body.decode()
    decoder = json.JSONDecoder()
    found: dict[str, Any] = {}
    position, until = _skip(text, text.index("{") + 1), time.perf_counter() + TURN_SECONDS
    while not (text.startswith("}", position) and not found):
        key, position = decoder.raw_decode(text, position)
        position = _expect(text, position, ":")
        found[_text(key)], position = decoder.raw_decode(text, position)
        position = _skip(text, position)
        if text.startswith("}", position):
            break
        position = _expect(text, position, ",")
        if time.perf_counter() > until:
            await asyncio.sleep(0)
            until = time.perf_counter() + TURN_SECONDS
    if _skip(text, position + 1) != len(text):
        message = "something follows the object"
        raise ValueError(message)
    return found


def _skip(text: str, position: int) -> int:
    while position < len(text) and text[position] in _WHITESPACE:
        position += 1
    return position


def _expect(text: str, position: int, mark: str) -> int:
    """The position after `mark` and the white space around it."""
    position = _skip(text, position)
    if not text.startswith(mark, position):
        message = f"{mark!r} is missing at {position}"
        raise ValueError(message)
    return _skip(text, position + 1)


def _text(key: Any) -> str:
    if not isinstance(key, str):
        message = "a key is no text"
        raise ValueError(message)  # noqa: TRY004 - as `json.loads` does
    return key
