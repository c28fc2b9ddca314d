"""Responses that several routes give."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

Route = tuple[str, str, Callable[[web.Request], Awaitable[web.StreamResponse]]]
"""Method, path, handler."""


def reply_500() -> web.Response:
    """The response of aiohttp when a handler raised, which is how ComfyUI reports unexpected errors."""
    text = "500 Internal Server Error\n\nServer got itself in trouble"
    return web.Response(status=500, text=text, content_type="text/plain")


async def json_body(request: web.Request) -> dict[str, Any]:
    """The body of a request as an object.

    Raises:
        ValueError: It is no JSON.
        TypeError: It is no object.

    """
    body: Any = await request.json()
    if not isinstance(body, dict):
        msg = "the body is no object"
        raise TypeError(msg)
    return body  # pyright: ignore[reportUnknownVariableType]


def cut_off(request: web.Request) -> web.Response:
    """Break the connection without an answer. The returned response is never sent."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)
