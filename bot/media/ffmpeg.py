"""ffmpeg as a process: found, run, limited in time, and killed when nobody waits for it any more."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import functools
import os
import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import imageio_ffmpeg

from bot.media.errors import BadMedia, EncoderFailed, EncoderMissing, EncoderTimeout

_FORMATS = "wav,w64,flac,mp3,ogg,aac,aiff,caf,au,amr,asf,mov,matroska,avi,flv,mpeg,mpegts,gif"
"""Containers we let it open. Playlists (HLS, concat) are not: they make it read other files and addresses."""

_STDERR_KEPT = 8_192
_CHUNK = 65_536
_PROGRESS = re.compile(rb"[^\r\n]*\r(?!\n)")

_NO_STREAM = ("matches no streams", "does not contain any stream")
_BAD_INPUT = ("Error opening input", "Invalid data found", "could not find codec parameters", "moov atom not found")
_NO_SPACE = "No space left on device"


@dataclass(frozen=True)
class Ffmpeg:
    """Which ffmpeg to run: a path or a name on PATH of the owner's choice, else the one that came with Chorus."""

    configured: str | None = None
    timeout_seconds: float = 120.0

    async def locate(self) -> str:
        """The program's path; the first call may run it once to see that it does.

        Raises:
            EncoderMissing: There is none.

        """
        return await asyncio.to_thread(_locate, self.configured)

    async def run(
        self,
        arguments: Sequence[str],
        *,
        on_output: Callable[[bytes], None] | None = None,
        timeout_seconds: float | None = None,
    ) -> str:
        """Run it to its end and return the last of what it wrote to stderr.

        Cancelling the caller, or the time limit, kills the process and waits for it to be gone.

        Args:
            arguments: What follows the program's name.
            on_output: Called on the event loop with each piece (at most 64 KiB) of its stdout; must be quick and
                not raise.
            timeout_seconds: Instead of this object's own limit.

        Raises:
            EncoderMissing: It cannot be started.
            EncoderTimeout: The limit is reached.
            BadMedia: It says that the input is not what it should be.
            OSError: The disk is full (ENOSPC).
            EncoderFailed: It ended with another error.

        """
        program = await self.locate()
        try:
            process = await asyncio.create_subprocess_exec(
                program,
                "-hide_banner",
                "-nostdin",
                *arguments,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
        except OSError as error:
            raise EncoderMissing from error
        limit = self.timeout_seconds if timeout_seconds is None else timeout_seconds
        try:
            async with asyncio.timeout(limit):
                said = await _follow(process, on_output)
        except TimeoutError as error:
            raise EncoderTimeout from error
        finally:
            await _end(process)
        if process.returncode != 0:
            raise _explain(said)
        return said


def input_file(path: Path) -> list[str]:
    """The arguments that make `path` the input, whatever its name or its bytes ask for."""
    return ["-protocol_whitelist", "file,pipe", "-format_whitelist", _FORMATS, "-i", f"file:{path.absolute()}"]


def output_file(path: Path) -> list[str]:
    """The arguments that end an output, overwriting `path`."""
    return ["-y", f"file:{path.absolute()}"]


async def _follow(process: asyncio.subprocess.Process, on_output: Callable[[bytes], None] | None) -> str:
    async with asyncio.TaskGroup() as group:
        said = group.create_task(_tail(process))
        group.create_task(_read(process, on_output))
    await process.wait()
    return said.result()


async def _read(process: asyncio.subprocess.Process, on_output: Callable[[bytes], None] | None) -> None:
    if process.stdout is None:
        return
    while chunk := await process.stdout.read(_CHUNK):
        if on_output is not None:
            on_output(chunk)


async def _tail(process: asyncio.subprocess.Process) -> str:
    """The first and the last of stderr: what the input is stands first, what went wrong last."""
    if process.stderr is None:
        return ""
    head, tail = b"", b""
    while chunk := await process.stderr.read(_CHUNK):
        if len(head) < _STDERR_KEPT:
            head, chunk = head + chunk, b""
        tail = (tail + chunk)[-_STDERR_KEPT:]
    return _PROGRESS.sub(b"", head + tail).decode(errors="replace")


async def _end(process: asyncio.subprocess.Process) -> None:
    """Leave neither a process nor an open pipe behind; does nothing after an ordinary end."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):  # it ended by itself just now
            process.kill()
        await process.communicate()


def _explain(said: str) -> Exception:
    if _NO_SPACE in said:
        return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    if any(sign in said for sign in _NO_STREAM):
        return BadMedia("That file holds nothing of the kind that is needed.")
    if any(sign in said for sign in _BAD_INPUT):
        return BadMedia()
    return EncoderFailed(detail=said[-2_000:])


@functools.cache
def _locate(configured: str | None) -> str:
    if configured:
        found = shutil.which(configured)
        if found is None:
            raise EncoderMissing(detail=f"the configured ffmpeg cannot be run: {configured}")
        return found
    try:
        return imageio_ffmpeg.get_ffmpeg_exe()
    except RuntimeError as error:
        raise EncoderMissing from error
