"""Conversion of recordings to the mono WAV files that voices are copied from."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from bot.file_hash import sha256_of_file
from bot.media.audio import probe_audio
from bot.media.ffmpeg import Ffmpeg
from bot.media.voice_sample import convert_voice_sample
from bot.voice.options import VoiceOptions

_NAME_LENGTH = 32
"""Hex characters of a recording's SHA-256 that name its WAV file."""


@dataclass(frozen=True)
class ConvertedSample:
    """A WAV file.

    Attributes:
        filename: Relative to the data folder, with forward slashes.
        sha256: Hex digest of the WAV file.
        duration_seconds: Its length.
        warnings: Sentences about what might be better; empty where the file existed already.

    """

    filename: str
    sha256: str
    duration_seconds: float
    warnings: tuple[str, ...]


class SampleConverter:
    """Converts recordings (or the sound of videos) within the limits of the options."""

    def __init__(self, options: VoiceOptions, ffmpeg: Ffmpeg) -> None:
        self._options = options
        self._ffmpeg = ffmpeg

    async def convert(self, source: Path, folder: Path) -> ConvertedSample:
        """Convert a recording to a WAV file in `folder`.

        The file is named by the recording's digest, so that equal recordings share one file and are converted once.

        Raises:
            BadMedia: Empty, too large, too long, silent, or without sound.
            OSError: The recording cannot be read.

        """
        if (await asyncio.to_thread(source.stat)).st_size > self._options.max_sample_bytes:
            name = "too-large"  # never written: `convert_voice_sample` refuses the file by its size, without reading it
        else:
            name = (await asyncio.to_thread(sha256_of_file, source))[:_NAME_LENGTH]
        target = folder / f"{name}.wav"
        warnings: tuple[str, ...] = ()
        if await asyncio.to_thread(target.is_file):
            seconds = (await probe_audio(target, ffmpeg=self._ffmpeg)).duration_seconds
        else:
            info = await convert_voice_sample(
                source,
                target,
                max_bytes=self._options.max_sample_bytes,
                max_seconds=self._options.max_sample_seconds,
                ffmpeg=self._ffmpeg,
            )
            seconds, warnings = info.duration_seconds, info.warnings
        return ConvertedSample(
            filename=target.relative_to(self._options.data_dir).as_posix(),
            sha256=await asyncio.to_thread(sha256_of_file, target),
            duration_seconds=seconds,
            warnings=warnings,
        )
