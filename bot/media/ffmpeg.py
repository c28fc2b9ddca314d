"""ffmpeg as a process: found, run with a time limit, and killed when its caller is cancelled."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import functools
import os
import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import imageio_ffmpeg

from bot.media.errors import BadMedia, EncoderFailed, EncoderMissing, EncoderTimeout

_FORMATS = "wav,w64,flac,mp3,ogg,aac,aiff,caf,au,amr,asf,mov,matroska,avi,flv,mpeg,mpegts,gif"
"""Containers that it may open. Playlists (HLS, concat) are not among them: they make it read other files and URLs."""

_KEPT_STDERR_BYTES = 8_192
_CHUNK_BYTES = 65_536
_PROGRESS_LINE = re.compile(rb"[^\r\n]*\r(?!\n)")

# What ffmpeg says on stderr, by which its failures are told apart.
_NO_STREAM = ("matches no streams", "does not contain any stream")
_BAD_INPUT = ("Error opening input", "Invalid data found", "could not find codec parameters", "moov atom not found")
_NO_SPACE = "No space left on device"


MOST_PROCESSES = max(2, os.cpu_count() or 2)
"""How many ffmpeg processes run at the same time."""


@dataclass(frozen=True)
class Ffmpeg:
    """Which ffmpeg to run, and for how long.

    Attributes:
        configured: A path, or a name on PATH; None: the program that came with the installation (imageio-ffmpeg).
        timeout_seconds: The time limit of one run.

    """

    configured: str | None = None
    timeout_seconds: float = 120.0
    _slots: asyncio.Semaphore = field(
        default_factory=lambda: asyncio.Semaphore(MOST_PROCESSES), init=False, repr=False, compare=False
    )

    async def locate(self) -> str:
        """The program's path. The first call may run the program once to see whether it works.

        Raises:
            EncoderMissing: There is no such program.

        """
        return await asyncio.to_thread(_locate, self.configured)

    async def run(
        self,
        arguments: Sequence[str],
        *,
        on_output: Callable[[bytes], None] | None = None,
        timeout_seconds: float | None = None,
    ) -> str:
        """Run the program to its end and return the beginning and the end of what it wrote to stderr.

        At most `MOST_PROCESSES` run at the same time; waiting for a free place does not count as running.
        When the caller is cancelled or the time is over, the process is killed and waited for.

        Args:
            arguments: The command line after the program's name.
            on_output: Called on the event loop with each chunk (at most 64 KiB) of stdout. Must be quick and not raise.
            timeout_seconds: Instead of the limit of this object.

        Raises:
            EncoderMissing: The program cannot be started.
            EncoderTimeout: It took longer than the limit.
            BadMedia: It says that the input is damaged or has no stream of the kind that is asked for.
            OSError: The disk is full (ENOSPC).
            EncoderFailed: It ended with another error.

        """
        program = await self.locate()
        limit = self.timeout_seconds if timeout_seconds is None else timeout_seconds
        async with self._slots:
            process = await _start(program, arguments)
            try:
                async with asyncio.timeout(limit):
                    stderr = await _communicate(process, on_output)
            except TimeoutError as error:
                raise EncoderTimeout from error
            finally:
                await _kill(process)
        if process.returncode != 0:
            raise _error_of(stderr)
        return stderr


def input_file(path: Path) -> list[str]:
    """The arguments that open `path` as the input: as a local file whatever its name, and as a known container."""
    return ["-protocol_whitelist", "file,pipe", "-format_whitelist", _FORMATS, "-i", f"file:{path.absolute()}"]


def output_file(path: Path) -> list[str]:
    """The arguments that end an output and write it to `path`, overwriting it."""
    return ["-y", f"file:{path.absolute()}"]


async def check_not_empty(path: Path) -> None:
    """Raise for a file of 0 bytes, which ffmpeg reports as one error or another.

    Raises:
        BadMedia: The file is empty.
        OSError: It cannot be read.

    """
    if not (await asyncio.to_thread(path.stat)).st_size:
        raise BadMedia("That file is empty.")


async def _start(program: str, arguments: Sequence[str]) -> asyncio.subprocess.Process:
    try:
        return await asyncio.create_subprocess_exec(
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


async def _communicate(process: asyncio.subprocess.Process, on_output: Callable[[bytes], None] | None) -> str:
    async with asyncio.TaskGroup() as group:
        stderr = group.create_task(_read_stderr(process))
        group.create_task(_read_stdout(process, on_output))
    await process.wait()
    return stderr.result()


async def _read_stdout(process: asyncio.subprocess.Process, on_output: Callable[[bytes], None] | None) -> None:
    if process.stdout is None:
        return
    while chunk := await process.stdout.read(_CHUNK_BYTES):
        if on_output is not None:
            on_output(chunk)


async def _read_stderr(process: asyncio.subprocess.Process) -> str:
    """The beginning, where ffmpeg describes the input, and the end, where it says what went wrong."""
    if process.stderr is None:
        return ""
    head, tail = b"", b""
    while chunk := await process.stderr.read(_CHUNK_BYTES):
        if len(head) < _KEPT_STDERR_BYTES:
            head, chunk = head + chunk, b""
        tail = (tail + chunk)[-_KEPT_STDERR_BYTES:]
    return _PROGRESS_LINE.sub(b"", head + tail).decode(errors="replace")


async def _kill(process: asyncio.subprocess.Process) -> None:
    """Leave neither a process nor an open pipe behind. Does nothing where the process has ended."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):  # it ended at this moment
            process.kill()
        await process.communicate()


def _error_of(stderr: str) -> Exception:
    if _NO_SPACE in stderr:
        return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    if any(sign in stderr for sign in _NO_STREAM):
        return BadMedia("That file holds nothing of the kind that is needed.")
    if any(sign in stderr for sign in _BAD_INPUT):
        return BadMedia()
    return EncoderFailed(detail=stderr[-2_000:])


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
