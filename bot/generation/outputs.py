"""From the outputs that ComfyUI reports to files on our disk: chosen, downloaded, verified, and given our names."""

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
from bot.comfyui.outputs import MediaKind, OutputFile, prefer_saved
from bot.domain.attempts import CollectedFile
from bot.domain.jobs import Job, JobKind
from bot.errors import ChorusError, ErrorCategory, GenerationFailed, NoOutput, OutputTooLarge
from bot.generation.output_verification import verify_output
from bot.generation.paths import TERMINAL_FOLDER, files_of, folder_of, stem_of
from bot.media.atomic_write import TEMPORARY_PREFIX

_log = logging.getLogger(__name__)

_MOST_FILES = 100
_ABANDONED_SECONDS = 60
"""Age of a partial download in the terminal folder, where a command may be downloading beside the bot."""
_DISK_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def chosen_files(files: Sequence[OutputFile], kind: JobKind) -> tuple[OutputFile, ...]:
    """The results among all outputs of a prompt: of the job's kind, each once, in order.

    Files of ComfyUI's `temp` folder (PreviewImage) count only if nothing else was saved.

    A workflow in the folder `image` that saves only a video has that as its result, and the other way round.
    """
    if kind is JobKind.AUDIO:
        found = prefer_saved(files, MediaKind.AUDIO)
    elif kind is JobKind.VIDEO:
        animated = tuple(file for file in files if file.animated and file.media is MediaKind.IMAGE)
        found = (
            prefer_saved(files, MediaKind.VIDEO)
            or prefer_saved(animated, MediaKind.IMAGE)
            or prefer_saved(files, MediaKind.IMAGE)
        )
    else:
        found = prefer_saved(files, MediaKind.IMAGE) or prefer_saved(files, MediaKind.VIDEO)
    unique = {(file.type, file.subfolder, file.filename): file for file in found}
    return tuple(unique.values())[:_MOST_FILES]


class OutputFolder:
    """The files of jobs under the data folder.

    Args:
        data_dir: Stored paths are relative to it.
        max_bytes: Size of the largest file that is downloaded.
        max_pixels: Largest width times height of an image that is opened.

    """

    def __init__(self, data_dir: Path, *, max_bytes: int, max_pixels: int) -> None:
        self.data_dir = data_dir
        self._max_bytes = max_bytes
        self._max_pixels = max_pixels

    async def collect(
        self, client: ComfyClient, job: Job, part: int, files: Sequence[OutputFile]
    ) -> tuple[CollectedFile, ...]:
        """Download and verify the results of one part.

        A damaged file of a batch is left out as long as another file is good.

        Raises:
            NoOutput: There is no file of the job's kind, or none that is what its name says.
            OutputTooLarge: Every file is larger than the limit.
            GenerationFailed: The disk is full.
            FileGone: ComfyUI no longer has a file.
            ComfyConnectionError: ComfyUI does not answer.

        """
        chosen = chosen_files(files, job.request.kind)
        if not chosen:
            raise NoOutput(category=ErrorCategory.WORKFLOW)
        if job.request.kind is JobKind.AUDIO:
            chosen = chosen[:1]  # one sound per part: further ones are the same in other formats
        folder = self.data_dir / folder_of(job)
        collected: list[CollectedFile] = []
        refused: ChorusError | None = None
        with disk_errors_explained():
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
        """Whether a file that was collected before a restart is still there with its whole size."""
        return await asyncio.to_thread(_has_size, self.data_dir / file.path, file.size)

    async def discard(self, job: Job) -> None:
        """Remove all files of the job. Never raises."""
        await asyncio.to_thread(self._discard, job)

    async def remove_partial_downloads(self, job: Job) -> None:
        """Remove what a killed process was writing in the job's folder. Never raises."""
        await asyncio.to_thread(self._remove_partial_downloads, self.data_dir / folder_of(job))

    @staticmethod
    def _remove_partial_downloads(folder: Path) -> None:
        spared = _ABANDONED_SECONDS if folder.name == TERMINAL_FOLDER else 0
        for path in folder.glob(f"{TEMPORARY_PREFIX}*"):
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
            verified = await verify_output(downloaded.path, kind, max_pixels=self._max_pixels)
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
def disk_errors_explained() -> Generator[None, None, None]:
    """Raise an error for people instead of the operating system's error about our disk.

    Raises:
        GenerationFailed: The disk is full, or not writable.

    """
    try:
        yield
    except OSError as error:
        if error.errno in _DISK_FULL:
            message = "The result could not be saved: the disk of the bot is full."
            advice = "The owner should free disk space, then try again."
            raise GenerationFailed(message, advice=advice, category=ErrorCategory.RESOURCE) from error
        message = "The result could not be saved on the bot's disk."
        advice = "The owner should check the data folder (`chorus doctor`)."
        raise GenerationFailed(message, advice=advice, category=ErrorCategory.CONFIGURATION) from error


def _has_size(path: Path, size: int) -> bool:
    try:
        return path.stat().st_size == size
    except OSError:
        return False
