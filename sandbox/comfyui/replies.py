"""Replies that several routes give."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

Route = tuple[str, str, Callable[[web.Request], Awaitable[web.StreamResponse]]]
"""Method, path, handler."""


class DroppedError(Exception):
    """The connection was cut on purpose; there is nobody to answer."""


def reply_500() -> web.Response:
    """What aiohttp says when a handler raised: that is how ComfyUI reports what it did not expect."""
    text = "500 Internal Server Error\n\nServer got itself in trouble"
    return web.Response(status=500, text=text, content_type="text/plain")


async def json_body(request: web.Request) -> dict[str, Any]:
    """The body as an object.

    Raises:
        ValueError: No JSON.
        TypeError: No object.

    """
    body: Any = await request.json()
    if not isinstance(body, dict):
        msg = "the body is no object"
        raise TypeError(msg)
    return body  # pyright: ignore[reportUnknownVariableType]


def cut_off(request: web.Request) -> web.Response:
    """End the connection without an answer. The returned response goes nowhere."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)
