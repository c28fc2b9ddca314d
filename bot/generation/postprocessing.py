"""From collected files to artifacts: thumbnails, sidecars; speech is joined and transcoded."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

from bot.domain.attempts import CollectedFile
from bot.domain.jobs import Artifact, Job, JobKind
from bot.domain.workflow_versions import StoredWorkflow
from bot.errors import ChorusError, NoOutput
from bot.file_hash import sha256_of_file
from bot.generation.outputs import disk_errors_explained
from bot.generation.paths import folder_of, stem_of
from bot.generation.sidecar import write_sidecar
from bot.media.audio import AudioInfo, transcode_to_ogg
from bot.media.audio_joining import join_audio
from bot.media.errors import BadMedia
from bot.media.ffmpeg import Ffmpeg
from bot.media.images import inspect_image, make_thumbnail
from bot.media.video import VideoInfo, make_video_thumbnail, probe_video

_log = logging.getLogger(__name__)

THUMBNAIL_PIXELS = 200


class Postprocessor:
    """Makes artifacts.

    Args:
        data_dir: Stored paths are relative to it.
        pause_ms: Silence between the parts of speech, in milliseconds.
        bitrate: Of speech, in bits per second.
        max_pixels: Largest width times height of an image that is opened.
        ffmpeg: For speech and video.

    """

    def __init__(self, data_dir: Path, *, pause_ms: int, bitrate: int, max_pixels: int, ffmpeg: Ffmpeg) -> None:
        self._data_dir = data_dir
        self._pause_ms = pause_ms
        self._bitrate = bitrate
        self._max_pixels = max_pixels
        self._ffmpeg = ffmpeg

    async def make_artifacts(
        self, job: Job, parts: Mapping[int, Sequence[CollectedFile]], workflow: StoredWorkflow | None
    ) -> tuple[Artifact, ...]:
        """The artifacts of a job all of whose parts are collected, with thumbnails and sidecars on the disk.

        When it is repeated after a crash, the files get the same names.

        Raises:
            NoOutput: A sound or video cannot be played.
            GenerationFailed: The disk is full.

        """
        files = [file for part in sorted(parts) for file in parts[part]]
        with disk_errors_explained():
            if job.request.kind is JobKind.AUDIO:
                artifacts = (await self._speech(job, files),)
            else:
                artifacts = tuple([await self._picture_or_video(file) for file in files])
            originals = [file.path for file in files] if job.request.kind is JobKind.AUDIO else []
            for artifact in artifacts:
                await asyncio.to_thread(write_sidecar, self._data_dir, job, artifact, workflow, originals)
        return artifacts

    # -- pictures and videos

    async def _picture_or_video(self, file: CollectedFile) -> Artifact:
        is_video = file.media_type.startswith("video/")
        info = await self._video(file) if is_video else None
        size = (info.width, info.height) if info else await self._picture_size(file)
        return Artifact(
            kind=JobKind.VIDEO if is_video else JobKind.IMAGE,
            path=file.path,
            sha256=file.sha256,
            size=file.size,
            media_type=file.media_type,
            width=size[0],
            height=size[1],
            duration_seconds=info.duration_seconds if info else None,
            thumbnail=await self._thumbnail(file, is_video=is_video),
            temporary=file.temporary,
        )

    async def _video(self, file: CollectedFile) -> VideoInfo | None:
        try:
            return await probe_video(self._data_dir / file.path, ffmpeg=self._ffmpeg)
        except BadMedia as error:
            raise NoOutput("ComfyUI answered with a video that cannot be played.") from error
        except ChorusError:
            _log.warning("%s could not be looked at", file.path, exc_info=True)
            return None

    async def _picture_size(self, file: CollectedFile) -> tuple[int, int] | tuple[None, None]:
        try:
            path = self._data_dir / file.path
            info = await asyncio.to_thread(inspect_image, path, max_pixels=self._max_pixels)
        except BadMedia:  # a kind that Pillow does not open
            return None, None
        return info.width, info.height

    async def _thumbnail(self, file: CollectedFile, *, is_video: bool) -> str | None:
        source = self._data_dir / file.path
        target = source.with_suffix(".thumb.webp")
        try:
            if is_video:
                await make_video_thumbnail(
                    source, target, THUMBNAIL_PIXELS, max_pixels=self._max_pixels, ffmpeg=self._ffmpeg
                )
            else:
                await asyncio.to_thread(make_thumbnail, source, target, THUMBNAIL_PIXELS, max_pixels=self._max_pixels)
        except ChorusError as error:
            _log.info("no thumbnail of %s: %s", file.path, error)
            return None
        return target.relative_to(self._data_dir).as_posix()

    # -- speech

    async def _speech(self, job: Job, files: Sequence[CollectedFile]) -> Artifact:
        target = self._data_dir / folder_of(job) / f"{stem_of(job)}.ogg"
        sources = [self._data_dir / file.path for file in files]
        try:
            info = await self._encode(sources, target)
        except BadMedia as error:
            raise NoOutput("ComfyUI answered with a sound that cannot be played.") from error
        return Artifact(
            kind=JobKind.AUDIO,
            path=target.relative_to(self._data_dir).as_posix(),
            sha256=await asyncio.to_thread(sha256_of_file, target),
            size=(await asyncio.to_thread(target.stat)).st_size,
            media_type="audio/ogg",
            duration_seconds=info.duration_seconds,
            waveform=info.waveform,
            original=files[0].path,
            temporary=all(file.temporary for file in files),
        )

    async def _encode(self, sources: Sequence[Path], target: Path) -> AudioInfo:
        if len(sources) == 1:
            return await transcode_to_ogg(sources[0], target, bitrate=self._bitrate, ffmpeg=self._ffmpeg)
        return await join_audio(sources, target, self._pause_ms, bitrate=self._bitrate, ffmpeg=self._ffmpeg)
