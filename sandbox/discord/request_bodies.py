"""Reading the body of a request, and breaking its connection."""

from __future__ import annotations

import json
import re
import socket as sockets
import struct
from typing import Any

from aiohttp import BodyPartReader, web

from sandbox.discord.context import FilePart
from sandbox.discord.json_values import Json


def drop_connection(request: web.Request, *, reset: bool) -> web.Response:
    """Break the connection of a request; `reset` sends a TCP reset. The returned response is never sent."""
    transport = request.transport
    if transport is not None:
        raw = transport.get_extra_info("socket")
        if reset and raw is not None:
            raw.setsockopt(sockets.SOL_SOCKET, sockets.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    return web.Response(status=499)


async def read_body(request: web.Request) -> tuple[Json | list[Json] | None, list[FilePart]]:
    """The JSON body (`payload_json` of a multipart one) and the file parts of a request.

    Raises:
        ValueError: The body is no JSON.
        ConnectionError, web.RequestPayloadError: The client went away before the body was complete.

    """
    if not request.can_read_body:
        return {}, []
    if request.content_type == "multipart/form-data":
        return await _read_multipart(request)
    raw = await request.read()
    value: Any = json.loads(raw) if raw else {}
    return value, []


async def _read_multipart(request: web.Request) -> tuple[Json | list[Json] | None, list[FilePart]]:
    body: Json | list[Json] | None = {}
    files: list[FilePart] = []
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader):
            continue
        data = bytes(await part.read())
        name = part.name or ""
        if name == "payload_json":
            body = json.loads(data)
        elif found := re.fullmatch(r"files\[(\d+)\]", name):
            content_type = part.headers.get("Content-Type", "application/octet-stream")
            files.append(FilePart(int(found[1]), part.filename or "unknown", content_type, data))
    return body, files
