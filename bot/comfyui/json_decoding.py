"""Decoding a large JSON object without blocking the event loop."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

SMALL_BYTES = 200_000
"""A document up to this size is decoded in one call, which takes a few milliseconds."""
_SLICE_SECONDS = 0.004
"""How long entries are decoded before other tasks of the event loop run."""
_WHITESPACE = " \t\r\n"


async def decode_json_object(body: bytes) -> Any:
    """`json.loads(body)`; a large object is decoded entry by entry, with other tasks running in between.

    json's C decoder holds the GIL for a whole document, so a thread would not help. `/object_info` of a server with
    many custom nodes has several megabytes in thousands of entries.

    Raises:
        ValueError: It is not JSON.
        RecursionError: It is nested too deeply.

    """
    if len(body) <= SMALL_BYTES or not body.lstrip().startswith(b"{"):
        return json.loads(body)
    text = body.decode()
    decoder = json.JSONDecoder()
    decoded: dict[str, Any] = {}
    position, slice_end = _skip_whitespace(text, text.index("{") + 1), time.perf_counter() + _SLICE_SECONDS
    while not (text.startswith("}", position) and not decoded):
        key, position = decoder.raw_decode(text, position)
        position = _expect(text, position, ":")
        decoded[_checked_key(key)], position = decoder.raw_decode(text, position)
        position = _skip_whitespace(text, position)
        if text.startswith("}", position):
            break
        position = _expect(text, position, ",")
        if time.perf_counter() > slice_end:
            await asyncio.sleep(0)
            slice_end = time.perf_counter() + _SLICE_SECONDS
    if _skip_whitespace(text, position + 1) != len(text):
        message = "something follows the object"
        raise ValueError(message)
    return decoded


def _skip_whitespace(text: str, position: int) -> int:
    while position < len(text) and text[position] in _WHITESPACE:
        position += 1
    return position


def _expect(text: str, position: int, mark: str) -> int:
    """The position behind `mark` and the white space around it."""
    position = _skip_whitespace(text, position)
    if not text.startswith(mark, position):
        message = f"{mark!r} is missing at {position}"
        raise ValueError(message)
    return _skip_whitespace(text, position + 1)


def _checked_key(key: Any) -> str:
    if not isinstance(key, str):
        message = "a key is not a string"
        raise ValueError(message)  # noqa: TRY004 - as `json.loads` does
    return key
