"""Files to the server and from it."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import re
from pathlib import Path
from typing import BinaryIO

import aiohttp

from bot.comfyui.events import as_object
from bot.comfyui.exceptions import (
    ComfyConnectionError,
    FileGone,
    FileRefused,
    FileTooLarge,
    UploadRefused,
)
from bot.comfyui.models import DownloadedFile, OutputFile
from bot.comfyui.transport import Transport

_PIECE = 1024 * 1024
_UPLOAD_TIME_LIMIT = 600.0


class _Part:
    """`<target>.part`, hashed while it is written. `write` and `finish` block and are for threads."""

    def __init__(self, target: Path) -> None:
        self._target = target
        self._path = target.with_name(target.name + ".part")
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self._path.open("wb")
        self._hash = hashlib.sha256()
        self._size = 0

    def write(self, piece: bytes) -> None:
        self._file.write(piece)
        self._hash.update(piece)
        self._size += len(piece)

    def finish(self) -> DownloadedFile:
        """Sync, then give it its name: a file under its own name is whole, also after a power cut."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._path.replace(self._target)
        return DownloadedFile(self._target, self._size, self._hash.hexdigest())

    def discard(self) -> None:
        """Leave nothing; after `finish` there is nothing."""
        # Closing flushes, which a full disk refuses, too; the descriptor is closed all the same.
        with contextlib.suppress(OSError):
            self._file.close()
        self._path.unlink(missing_ok=True)


async def download(transport: Transport, file: OutputFile, target: Path, max_bytes: int) -> DownloadedFile:
    """Fetch through `/view`, tried again when the connection breaks or the body ends early.

    Nothing is left behind on failure. `target` is the caller's: the server's names take no part in it.

    Raises:
        FileGone: 404.
        FileRefused: 400 or 403.
        FileTooLarge: More than `max_bytes`.
        ComfyConnectionError: All tries broke.
        OSError: Our own disk, full for example.

    """
    return await transport.retrying(lambda: _receive(transport, file, target, max_bytes))


async def _receive(transport: Transport, file: OutputFile, target: Path, max_bytes: int) -> DownloadedFile:
    params = {"filename": file.filename, "subfolder": file.subfolder, "type": file.type}
    async with transport.stream("GET", "/view", params=params) as response:
        _check(response, file, max_bytes)
        part = _Part(target)
        try:
            size, waiting = 0, bytearray()
            async for piece in response.content.iter_any():
                size += len(piece)
                if size > max_bytes:
                    raise FileTooLarge(file, max_bytes=max_bytes)
                waiting += piece
                if len(waiting) >= _PIECE:
                    await asyncio.to_thread(part.write, bytes(waiting))
                    waiting.clear()
            await asyncio.to_thread(part.write, bytes(waiting))
            return await asyncio.to_thread(part.finish)
        finally:
            part.discard()


def _check(response: aiohttp.ClientResponse, file: OutputFile, max_bytes: int) -> None:
    if response.status == 404:
        raise FileGone(file)
    if response.status in {400, 403}:
        raise FileRefused(file, response.status)
    if response.status != 200:
        msg = f"GET /view: HTTP {response.status}"
        raise ComfyConnectionError(msg)
    if (response.content_length or 0) > max_bytes:
        raise FileTooLarge(file, max_bytes=max_bytes)


async def upload(transport: Transport, path: Path, name: str, subfolder: str) -> str:
    """POST a file to ComfyUI's input folder through `/upload/image`, which takes any kind.

    Returns:
        What a LoadImage or LoadAudio input is to hold: the name *the server chose* (another file of ours or of somebody
        else may have had it: `a (1).png`), with its folder.

    Raises:
        UploadRefused: Any answer but 200.
        ComfyConnectionError: No answer, in all tries.
        OSError: `path` cannot be read.

    """
    safe = re.sub(r"[^A-Za-z0-9._-]+", "_", name).lstrip(".") or "file"

    async def send() -> str:
        handle = _opened(path)
        try:
            form = aiohttp.FormData({"type": "input", "subfolder": subfolder})
            form.add_field("image", handle, filename=safe, content_type="application/octet-stream")
            reply = await transport.call("POST", "/upload/image", data=form, limit=_UPLOAD_TIME_LIMIT)
        finally:
            handle.close()
        body = as_object(reply.json())
        stored = body.get("name")
        if reply.status != 200 or not isinstance(stored, str) or not stored:
            reason = "larger than the server takes" if reply.status == 413 else f"HTTP {reply.status}"
            msg = f"upload of {safe}: {reason}"
            raise UploadRefused(msg, status=reply.status)
        folder = body.get("subfolder")
        return f"{folder}/{stored}" if isinstance(folder, str) and folder else stored

    return await transport.retrying(send)


def _opened(path: Path) -> BinaryIO:
    return path.open("rb")
