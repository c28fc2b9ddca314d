"""The responses of GET /view: whole files and ranges, re-encoded pictures, and broken files on request."""

from __future__ import annotations

import asyncio
import io
import mimetypes
from collections.abc import Generator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from aiohttp import web
from PIL import Image

BLOCK_BYTES = 256 * 1024

CONTENT_TYPES = {".opus": "audio/ogg", ".flac": "audio/flac", ".mp3": "audio/mpeg", ".webp": "image/webp"}
"""Suffixes for which Python's `mimetypes` differs between systems or knows nothing."""

ACTIVE_TYPES = {
    "text/html", "image/svg+xml", "text/javascript", "application/javascript", "text/css", "application/xml",
}  # fmt: skip
"""Content types that a browser may execute. ComfyUI serves such files as `application/octet-stream`."""


async def send_file(request: web.Request, path: Path) -> web.StreamResponse:
    """Send a file, or the range of it that the request asks for, with ETag and Last-Modified; also answers HEAD.

    aiohttp's `FileResponse` is not used: it opens the file in a thread, and when a client leaves at that moment (the
    stand-in cancels the handlers of clients that have left) the file is never closed.
    """
    response, start, stop = _file_response(request, path)
    await response.prepare(request)
    if request.method != "HEAD":
        with closing(_read_blocks(path, start, stop)) as blocks:
            for block in blocks:
                await response.write(block)
    await response.write_eof()
    return response


def _file_response(request: web.Request, path: Path) -> tuple[web.StreamResponse, int, int]:
    """The response without its body, and the range of bytes to send: all, those of the Range header, or none (416)."""
    status = path.stat()
    content_type, disposition = _content_type(path.name), _disposition(path.name)
    if content_type in ACTIVE_TYPES:
        content_type, disposition = "application/octet-stream", f"attachment; {disposition}"
    response = web.StreamResponse(
        headers={
            "Content-Type": content_type,
            "Content-Disposition": disposition,
            "X-Content-Type-Options": "nosniff",
            "Accept-Ranges": "bytes",
        }
    )
    response.etag = f"{status.st_mtime_ns:x}-{status.st_size:x}"
    response.last_modified = datetime.fromtimestamp(status.st_mtime, UTC)
    start, stop = 0, status.st_size
    if "Range" in request.headers:
        try:
            start, stop, _ = request.http_range.indices(status.st_size)
        except ValueError:
            start = stop = 0
        if start < stop:
            response.set_status(206)
            response.headers["Content-Range"] = f"bytes {start}-{stop - 1}/{status.st_size}"
        else:
            start = stop = 0
            response.set_status(416)
            response.headers["Content-Range"] = f"bytes */{status.st_size}"
    response.content_length = stop - start
    return response, start, stop


def _read_blocks(path: Path, start: int, stop: int) -> Generator[bytes]:
    with path.open("rb") as file:
        file.seek(start)
        while start < stop and (block := file.read(min(BLOCK_BYTES, stop - start))):
            start += len(block)
            yield block


def bytes_response(data: bytes, name: str) -> web.Response:
    """These bytes as the file `name`."""
    headers = {"Content-Disposition": _disposition(name)}
    return web.Response(body=data, content_type=_content_type(name), headers=headers)


async def send_truncated(request: web.Request, data: bytes, name: str) -> web.StreamResponse:
    """Send the Content-Length of all bytes and half of them, then break the connection."""
    response = web.StreamResponse(headers={"Content-Type": _content_type(name), "Content-Length": str(len(data))})
    await response.prepare(request)
    await response.write(data[: len(data) // 2])
    await asyncio.sleep(0.02)  # the half must be sent before the connection is broken
    if request.transport is not None:
        request.transport.abort()
    return response


async def send_endless(request: web.Request) -> web.StreamResponse:
    """Send zeros after a PNG signature until the client leaves."""
    response = web.StreamResponse(headers={"Content-Type": "image/png"})
    await response.prepare(request)
    block = b"\x89PNG\r\n\x1a\n" + bytes(2**20)
    while request.transport is not None and not request.transport.is_closing():
        await response.write(block)
    return response


def reencoded_response(path: Path, preview: str | None, channel: str) -> web.Response:
    """A picture as `preview=webp;90`, `channel=rgb` (without its metadata) or `channel=a` asks for it. Blocking."""
    buffer = io.BytesIO()
    with Image.open(path) as picture:
        if preview is not None:
            parts = preview.split(";")
            image_format = parts[0] if parts[0] in {"webp", "jpeg"} and "a" not in channel else "webp"
            quality = int(parts[-1]) if parts[-1].isdigit() else 90
            converted = picture.convert("RGB") if image_format == "jpeg" or channel == "rgb" else picture
            converted.save(buffer, format=image_format, quality=quality)
        elif channel == "rgb":
            image_format = "png"
            _without_metadata(picture.convert("RGB")).save(buffer, format="PNG")
        else:
            image_format = "png"
            alpha = picture.getchannel("A") if picture.mode == "RGBA" else Image.new("L", picture.size, 255)
            mask = Image.new("RGBA", picture.size)
            mask.putalpha(alpha)
            mask.save(buffer, format="PNG")
    headers = {"Content-Disposition": _disposition(path.name)}
    return web.Response(body=buffer.getvalue(), content_type=f"image/{image_format}", headers=headers)


def _without_metadata(picture: Image.Image) -> Image.Image:
    copy = Image.new("RGB", picture.size)
    copy.paste(picture)
    return copy


def _content_type(name: str) -> str:
    suffix = PurePosixPath(name).suffix.lower()
    return CONTENT_TYPES.get(suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"


def _disposition(name: str) -> str:
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'filename="{escaped}"'
