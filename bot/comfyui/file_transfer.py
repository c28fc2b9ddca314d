"""Downloading output files (`GET /view`) and uploading input files (`POST /upload/image`)."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import aiohttp

from bot.comfyui.exceptions import (
    ComfyConnectionError,
    FileGone,
    FileRefused,
    FileTooLarge,
    UploadRefused,
)
from bot.comfyui.json_values import as_object
from bot.comfyui.outputs import OutputFile
from bot.comfyui.transport import Transport

_WRITE_BYTES = 1024 * 1024
_UPLOAD_TIMEOUT_SECONDS = 600.0


@dataclass(frozen=True)
class DownloadedFile:
    """A complete file on our disk, synced. `size` in bytes, `sha256` in hexadecimal."""

    path: Path
    size: int
    sha256: str


class _PartialFile:
    """`<target>.part`, hashed while it is written. `write` and `finish` block: call them in a thread."""

    def __init__(self, target: Path) -> None:
        self._target = target
        self._path = target.with_name(target.name + ".part")
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self._path.open("wb")
        self._hash = hashlib.sha256()
        self._size = 0

    def write(self, chunk: bytes) -> None:
        self._file.write(chunk)
        self._hash.update(chunk)
        self._size += len(chunk)

    def finish(self) -> DownloadedFile:
        """Sync the file before it gets its name, so that a file with that name is whole even after a power failure."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._path.replace(self._target)
        return DownloadedFile(self._target, self._size, self._hash.hexdigest())

    def discard(self) -> None:
        """Remove the partial file; does nothing after `finish`."""
        # Closing flushes, which fails on a full disk; the descriptor is closed all the same.
        with contextlib.suppress(OSError):
            self._file.close()
        self._path.unlink(missing_ok=True)


async def download(transport: Transport, file: OutputFile, target: Path, max_bytes: int) -> DownloadedFile:
    """Fetch a file to `target`; tries again when the connection breaks or the body ends early.

    The file appears at `target` whole, and after a failure nothing is left. The server's names take no part in the
    local path.

    Raises:
        FileGone: The server answers 404.
        FileRefused: The server answers 400 or 403.
        FileTooLarge: It has more than `max_bytes`.
        ComfyConnectionError: Every attempt failed.
        OSError: Our own disk fails, for example because it is full.

    """
    return await transport.retry(lambda: _receive(transport, file, target, max_bytes))


async def _receive(transport: Transport, file: OutputFile, target: Path, max_bytes: int) -> DownloadedFile:
    params = {"filename": file.filename, "subfolder": file.subfolder, "type": file.type}
    async with transport.stream("GET", "/view", params=params) as response:
        _check(response, file, max_bytes)
        partial = _PartialFile(target)
        try:
            size, buffer = 0, bytearray()
            async for chunk in response.content.iter_any():
                size += len(chunk)
                if size > max_bytes:
                    raise FileTooLarge(file, max_bytes=max_bytes)
                buffer += chunk
                if len(buffer) >= _WRITE_BYTES:
                    await asyncio.to_thread(partial.write, bytes(buffer))
                    buffer.clear()
            await asyncio.to_thread(partial.write, bytes(buffer))
            return await asyncio.to_thread(partial.finish)
        finally:
            partial.discard()


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
    """Send a file to ComfyUI's input folder. `/upload/image` takes files of any kind.

    Returns:
        The value for an input of LoadImage or LoadAudio: the name *that the server chose*, with its folder. Where the
        name was taken by a file of other content, the server changes it (`a (1).png`).

    Raises:
        UploadRefused: The server answers anything but 200.
        ComfyConnectionError: Every attempt failed.
        OSError: `path` cannot be read.

    """
    safe_name = re.sub(r"[^A-Za-z0-9._-]+", "_", name).lstrip(".") or "file"

    async def send() -> str:
        handle = _open(path)
        try:
            form = aiohttp.FormData({"type": "input", "subfolder": subfolder})
            form.add_field("image", handle, filename=safe_name, content_type="application/octet-stream")
            response = await transport.call("POST", "/upload/image", data=form, timeout_seconds=_UPLOAD_TIMEOUT_SECONDS)
        finally:
            handle.close()
        body = as_object(response.json())
        stored = body.get("name")
        if response.status != 200 or not isinstance(stored, str) or not stored:
            reason = "larger than the server takes" if response.status == 413 else f"HTTP {response.status}"
            msg = f"upload of {safe_name}: {reason}"
            raise UploadRefused(msg, status=response.status)
        folder = body.get("subfolder")
        return f"{folder}/{stored}" if isinstance(folder, str) and folder else stored

    return await transport.retry(send)


def _open(path: Path) -> BinaryIO:
    return path.open("rb")
