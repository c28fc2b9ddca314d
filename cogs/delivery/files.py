"""A job's files as they go up: as ComfyUI made them, or made to fit what this server takes."""

from __future__ import annotations

import asyncio
import io
import logging
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import discord

from bot.domain.jobs import JobKind
from bot.errors import OutputTooLarge
from bot.media.errors import BadMedia, EncoderFailed
from bot.media.images import shrink_image
from bot.media.video_shrinking import shrink_video

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.domain.jobs import Artifact, Job
    from bot.media.ffmpeg import Ffmpeg
    from bot.services import Services
    from bot.settings.sections import MediaSection

log = logging.getLogger(__name__)

FILES_PER_MESSAGE: Final = 10
DEFAULT_LIMIT: Final = discord.utils.DEFAULT_FILE_SIZE_LIMIT_BYTES
"""In direct messages and in servers without boosts; Discord changes it over the years."""
SMALLEST_LIMIT: Final = 64 * 1024


@dataclass(frozen=True)
class PreparedFile:
    """One attachment to be: bytes, or a path where the file goes up unchanged."""

    n: int
    """Which artifact of the job."""
    name: str
    data: bytes | Path
    size: int
    """Bytes."""

    def open(self) -> discord.File:
        """A fresh `discord.File`; they are single-use."""
        if isinstance(self.data, Path):
            return discord.File(self.data, filename=self.name)
        return discord.File(io.BytesIO(self.data), filename=self.name)


@dataclass(frozen=True)
class PreparedFiles:
    """What can be posted, in order, and sentences about what was changed or cannot be posted."""

    files: tuple[PreparedFile, ...]
    notes: tuple[str, ...]

    def batches(self) -> list[tuple[PreparedFile, ...]]:
        """Files by message, at least one (empty) batch.

        By the artifact's number, so that a file stays in its message when another one has to be left out.
        """
        found: dict[int, list[PreparedFile]] = {0: []}
        for file in self.files:
            found.setdefault(file.n // FILES_PER_MESSAGE, []).append(file)
        return [tuple(found[part]) for part in sorted(found)]


def attachment_name(job: Job, n: int, suffix: str) -> str:
    """`nova_0123456789ab_0.png`: holds the job's digest, by which the posted file is recognised after a crash.

    Only characters that Discord leaves as they are.
    """
    character = re.sub(r"[^A-Za-z0-9_-]", "", job.request.character_id)[:40] or "chorus"
    return f"{character}_{job.digest}_{n}{suffix}"


def size_limit(client: discord.Client, guild_id: int | None) -> int:
    """Bytes per file as a channel message.

    The guild's limit by its boosts; not the interaction's, which may be the person's own.
    """
    guild = client.get_guild(guild_id) if guild_id is not None else None
    return guild.filesize_limit if guild is not None else DEFAULT_LIMIT


async def prepare_files(job: Job, limit: int, services: Services) -> PreparedFiles:
    """Every artifact of the job in at most `limit` bytes; one that cannot be had becomes a note."""
    data_dir, media = services.settings.storage.data_dir, services.settings.media
    files: list[PreparedFile] = []
    notes: list[str] = []
    for n, artifact in enumerate(job.artifacts):
        try:
            path = data_dir / artifact.path
            if artifact.kind is JobKind.VIDEO:
                prepared, note = await _video(
                    job, n, path, limit, keep_metadata=media.keep_metadata, ffmpeg=services.ffmpeg
                )
            else:
                prepared, note = await _prepare(job, n, artifact, path, limit, media=media)
        except OutputTooLarge:
            notes.append(f"File {n + 1} is too large to post here ({_mib(artifact.size)}); the owner has it.")
        except (OSError, BadMedia) as error:
            log.warning("job %s: file %d cannot be read: %s", job.id, n, error)
            notes.append(f"File {n + 1} is no longer in the data folder.")
        else:
            files += [prepared] if prepared else []
            notes += [note] if note else []
    return PreparedFiles(tuple(files), _distinct(notes))


async def _prepare(
    job: Job, n: int, artifact: Artifact, path: Path, limit: int, *, media: MediaSection
) -> tuple[PreparedFile | None, str | None]:
    size = (await asyncio.to_thread(path.stat)).st_size
    unchanged = PreparedFile(n, attachment_name(job, n, path.suffix), path, size)
    if size <= limit and (media.keep_metadata or artifact.kind is not JobKind.IMAGE):
        return unchanged, None
    if artifact.kind is not JobKind.IMAGE:
        raise OutputTooLarge
    try:
        fitted = await asyncio.to_thread(
            shrink_image, path, limit, keep_metadata=media.keep_metadata, max_pixels=media.max_pixels
        )
    except BadMedia:
        if size > limit:
            raise OutputTooLarge from None
        if not media.keep_metadata:  # EXR, HDR, a picture too large to be opened: what is in it is not known
            return None, f"File {n + 1} cannot be freed of its metadata, so it is not posted; the owner has it."
        return unchanged, None
    return PreparedFile(n, attachment_name(job, n, fitted.suffix), fitted.data, len(fitted.data)), fitted.note


async def _video(
    job: Job, n: int, path: Path, limit: int, *, keep_metadata: bool, ffmpeg: Ffmpeg
) -> tuple[PreparedFile, str | None]:
    size = (await asyncio.to_thread(path.stat)).st_size
    if size <= limit and keep_metadata:
        return PreparedFile(n, attachment_name(job, n, path.suffix), path, size), None
    try:
        fitted = await shrink_video(path, limit, keep_metadata=keep_metadata, ffmpeg=ffmpeg)
    except EncoderFailed as error:
        log.warning("job %s: file %d cannot be made to fit: %s", job.id, n, error)
        raise OutputTooLarge from error
    return PreparedFile(n, attachment_name(job, n, fitted.suffix), fitted.data, len(fitted.data)), fitted.note


def _distinct(notes: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(notes))


def _mib(size: int) -> str:
    return f"{size / 1024 / 1024:.1f} MiB"
