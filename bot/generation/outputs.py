"""From what ComfyUI reports to files on our disk: chosen, downloaded, verified, named by us."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import time
from collections.abc import Generator, Sequence
from pathlib import Path

from bot.comfyui.client import ComfyClient
from bot.comfyui.exceptions import FileRefused, FileTooLarge
from bot.comfyui.models import Media, OutputFile, preferred
from bot.domain.attempts import CollectedFile
from bot.domain.jobs import Job, JobKind
from bot.errors import ChorusError, GenerationFailed, NoOutput, OutputTooLarge
from bot.generation.paths import TERMINAL, files_of, folder_of, stem_of
from bot.generation.verification import verify

_log = logging.getLogger(__name__)

_MOST_FILES = 100
_ABANDONED_SECONDS = 60
"""Terminal commands write in their folder beside the bot; in all others there is one owner."""
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def chosen_files(files: Sequence[OutputFile], kind: JobKind) -> tuple[OutputFile, ...]:
    """The results among everything a run reported: of the kind, saved before temporary, each once, in order.

    A workflow whose folder says picture and whose nodes save video still has a result, and the other way round.
    """
    if kind is JobKind.AUDIO:
        found = preferred(files, Media.AUDIO)
    elif kind is JobKind.VIDEO:
        animated = tuple(file for file in files if file.animated and file.media is Media.IMAGE)
        found = preferred(files, Media.VIDEO) or preferred(animated, Media.IMAGE) or preferred(files, Media.IMAGE)
    else:
        found = preferred(files, Media.IMAGE) or preferred(files, Media.VIDEO)
    unique = {(file.type, file.subfolder, file.filename): file for file in found}
    return tuple(unique.values())[:_MOST_FILES]


class OutputFolder:
    """The data folder, as far as results are concerned.

    Args:
        data_dir: What stored paths are relative to.
        max_bytes: Of one file.

    """

    def __init__(self, data_dir: Path, *, max_bytes: int) -> None:
        self.data_dir = data_dir
        self._max_bytes = max_bytes

    async def collect(
        self, client: ComfyClient, job: Job, part: int, files: Sequence[OutputFile]
    ) -> tuple[CollectedFile, ...]:
        """Download and verify the results of one part.

        A file of a batch that is no picture is left out as long as another one is good.

        Raises:
            NoOutput: There is no file of that kind, or none that is what it says.
            OutputTooLarge: Every file is beyond the limit.
            GenerationFailed: The disk is full.
            FileGone: ComfyUI no longer has one.
            ComfyConnectionError: ComfyUI went away.

        """
        chosen = chosen_files(files, job.request.kind)
        if not chosen:
            raise NoOutput
        if job.request.kind is JobKind.AUDIO:
            chosen = chosen[:1]  # one sound per part: further ones are the same in other formats
        folder = self.data_dir / folder_of(job)
        collected: list[CollectedFile] = []
        refused: ChorusError | None = None
        with saying_why():
            await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
            for file in chosen:
                name = self._name(job, part, len(collected))
                try:
                    collected.append(await self._fetch(client, file, folder / name, job.request.kind))
                except (NoOutput, OutputTooLarge) as error:
                    _log.warning("job %s: %s was not kept: %s", job.id, file.node_id, error)
                    refused = refused or error
        if refused is not None and not collected:
            raise refused
        return tuple(collected)

    async def is_intact(self, file: CollectedFile) -> bool:
        """Whether a file that was collected before a restart is still there, whole."""
        return await asyncio.to_thread(_has_size, self.data_dir / file.path, file.size)

    async def discard(self, job: Job) -> None:
        """Remove everything that is there of the job; never fails."""
        await asyncio.to_thread(self._discard, job)

    async def sweep(self, job: Job) -> None:
        """Remove what a killed process was writing in the job's folder, and nobody else writes; never fails."""
        await asyncio.to_thread(self._sweep, self.data_dir / folder_of(job))

    @staticmethod
    def _sweep(folder: Path) -> None:
        spared = _ABANDONED_SECONDS if folder.name == TERMINAL else 0
        for path in folder.glob(".part-*"):
            with contextlib.suppress(OSError):
                if time.time() - path.stat().st_mtime >= spared:
                    path.unlink()

    def _discard(self, job: Job) -> None:
        for path in files_of(self.data_dir, job):
            with contextlib.suppress(OSError):
                path.unlink()

    @staticmethod
    def _name(job: Job, part: int, n: int) -> str:
        if job.request.kind is not JobKind.AUDIO:
            return f"{stem_of(job)}_{n}"
        return f"{stem_of(job)}_original" + (f"_{part + 1}" if len(job.request.text_parts) > 1 else "")

    async def _fetch(self, client: ComfyClient, file: OutputFile, target: Path, kind: JobKind) -> CollectedFile:
        arriving = target.with_name(f"{target.name}.download")
        try:
            downloaded = await client.download(file, arriving, max_bytes=self._max_bytes)
            verified = await verify(downloaded.path, kind)
            final = target.with_name(target.name + verified.suffix)
            await asyncio.to_thread(arriving.replace, final)
        except FileTooLarge as error:
            message = f"The result is larger than {self._max_bytes // 2**20} MB."
            raise OutputTooLarge(message) from error
        except FileRefused as error:
            raise NoOutput("ComfyUI does not give out the file it made.") from error
        finally:
            await asyncio.to_thread(arriving.unlink, missing_ok=True)
        return CollectedFile(
            path=final.relative_to(self.data_dir).as_posix(),
            sha256=downloaded.sha256,
            size=downloaded.size,
            media_type=verified.media_type,
            temporary=file.type == "temp",
        )


@contextlib.contextmanager
def saying_why() -> Generator[None, None, None]:
    """Turn what the operating system says about our disk into an error for people.

    Raises:
        GenerationFailed: The disk is full, or not writable.

    """
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            message = "The result could not be saved: the disk of the bot is full."
            raise GenerationFailed(message, advice="The owner should free disk space, then try again.") from error
        message = "The result could not be saved on the bot's disk."
        raise GenerationFailed(message, advice="The owner should check the data folder (`chorus doctor`).") from error


def _has_size(path: Path, size: int) -> bool:
    try:
        return path.stat().st_size == size
    except OSError:
        return False
