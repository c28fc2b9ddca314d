"""Making an audio file small enough to post, by a lower bitrate."""

from __future__ import annotations

import asyncio
import math
import tempfile
from dataclasses import dataclass
from pathlib import Path

from bot.errors import OutputTooLarge
from bot.media.audio import FIRST_AUDIO_STREAM, MP3, OPUS, probe_audio
from bot.media.ffmpeg import Ffmpeg, input_file, output_file

_LOWEST_BITRATE = {"audio/ogg": 6_000, "audio/mpeg": 32_000}
"""Bits per second below which the encoder does not go, at the sample rates of `OPUS` and `MP3`."""
_HIGHEST_BITRATE = 128_000
_STREAM_SHARE = 0.93
"""What is left of the limit for the audio stream, after Ogg pages or MP3 headers."""


@dataclass(frozen=True)
class ShrunkAudio:
    """Audio to post. `note` tells people what was changed; None if `data` is the file byte for byte."""

    data: bytes
    suffix: str
    media_type: str
    note: str | None = None


async def shrink_audio(path: Path, limit_bytes: int, *, ffmpeg: Ffmpeg) -> ShrunkAudio:
    """The audio in at most `limit_bytes`: unchanged if it fits, else encoded again at a bitrate that makes it fit.

    MP3 stays MP3 as long as its lowest bitrate allows; everything else becomes OGG/Opus.

    Raises:
        BadMedia: The file is empty, is not audio, or has no audio stream.
        EncoderFailed: ffmpeg is missing, too slow, or ended with another error.
        OutputTooLarge: Even Opus at 6 kbit/s does not fit.

    """
    info = await probe_audio(path, ffmpeg=ffmpeg)
    size = (await asyncio.to_thread(path.stat)).st_size
    if size <= limit_bytes:
        return ShrunkAudio(await asyncio.to_thread(path.read_bytes), path.suffix, info.media_type)
    fitting_bitrate = limit_bytes * 8 * _STREAM_SHARE / max(info.duration_seconds, 0.1)
    media_types = ["audio/mpeg", "audio/ogg"] if info.media_type == "audio/mpeg" else ["audio/ogg"]
    for media_type in media_types:
        bitrate = min(float(_HIGHEST_BITRATE), fitting_bitrate)
        while bitrate >= _LOWEST_BITRATE[media_type]:
            data = await _encode(path, media_type, int(bitrate), ffmpeg)
            if len(data) <= limit_bytes:
                note = f"Encoded at {math.ceil(bitrate / 1000)} kbit/s to fit the size limit here."
                return ShrunkAudio(data, ".mp3" if media_type == "audio/mpeg" else ".ogg", media_type, note)
            bitrate *= min(0.9, limit_bytes / len(data) * 0.97)
    raise OutputTooLarge


async def _encode(source: Path, media_type: str, bitrate: int, ffmpeg: Ffmpeg) -> bytes:
    codec = [*MP3, "-abr", "1"] if media_type == "audio/mpeg" else [*OPUS, "-vbr", "constrained"]
    with tempfile.TemporaryDirectory(prefix="chorus-shrink-") as folder:
        target = Path(folder) / "shrunk"
        arguments = [*input_file(source), *FIRST_AUDIO_STREAM, *codec, "-b:a", str(bitrate), *output_file(target)]
        await ffmpeg.run(arguments)
        return await asyncio.to_thread(target.read_bytes)
