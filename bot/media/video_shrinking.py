"""Making a video small enough to post: H.264 in MP4 at a bitrate that fits, with fewer pixels where that is low."""

from __future__ import annotations

import asyncio
import math
import tempfile
from dataclasses import dataclass
from pathlib import Path

from bot.errors import OutputTooLarge
from bot.media.errors import EncoderFailed
from bot.media.ffmpeg import Ffmpeg, input_file, output_file
from bot.media.video import VideoInfo, copy_without_metadata, probe_video

_STREAM_SHARE = 0.94
"""What is left of the limit for the streams, after the tables of the container."""
_AUDIO_SHARE = 0.2
_AUDIO_BITRATES = (16_000, 96_000)
"""The lowest and the highest, in bits per second."""
_LOWEST_BITRATE = 8_000
"""Bits per second of the video stream; with fewer, nothing can be recognised."""
_BITS_PER_PIXEL = 0.05
"""Per pixel and frame. With fewer, H.264 shows blocks, and a smaller picture looks better."""
_FRAMES_PER_SECOND = 24.0
"""An assumption: about what ComfyUI's video nodes write."""
_SMALLEST_SIDE = 32
_ATTEMPTS = 4
_ATTEMPTS_WITH_METADATA = 2
_TIMEOUT_SECONDS = 600.0


@dataclass(frozen=True)
class ShrunkVideo:
    """A video to post. `note` tells people what was changed; None if pictures and sound are as they were."""

    data: bytes
    suffix: str
    note: str | None = None


@dataclass(frozen=True)
class _Encoding:
    """Size in pixels, bitrates in bits per second; `audio_bitrate` 0: without audio."""

    width: int
    height: int
    bitrate: int
    audio_bitrate: int


async def shrink_video(path: Path, limit_bytes: int, *, keep_metadata: bool = True, ffmpeg: Ffmpeg) -> ShrunkVideo:
    """The video in at most `limit_bytes`, changed as little as possible.

    First the file is tried as it is (or its streams, copied without metadata), then it is encoded again at the bitrate
    that fits, with fewer pixels where the bitrate is too low for so many. ComfyUI's graph, which stands in the
    metadata, is kept where it fits, unless `keep_metadata` is off.

    Raises:
        BadMedia: The file is not a video.
        OutputTooLarge: It does not fit even at the smallest size.
        EncoderFailed: ffmpeg is missing, too slow, or ended with another error.
        OSError: The disk is full.

    """
    unchanged = await _without_encoding(path, limit_bytes, keep_metadata=keep_metadata, ffmpeg=ffmpeg)
    if unchanged is not None:
        return unchanged
    info = await probe_video(path, ffmpeg=ffmpeg)
    bits_per_second = limit_bytes * 8 * _STREAM_SHARE / max(info.duration_seconds, 0.1)
    for attempt in range(_ATTEMPTS):
        encoding = _choose_encoding(info, bits_per_second)
        metadata = keep_metadata and attempt < _ATTEMPTS_WITH_METADATA
        data = await _encode(path, encoding, metadata=metadata, ffmpeg=ffmpeg)
        if len(data) <= limit_bytes:
            return ShrunkVideo(data, ".mp4", _note(info, encoding))
        bits_per_second *= min(0.9, limit_bytes / len(data) * 0.95)
    raise OutputTooLarge


async def _without_encoding(path: Path, limit: int, *, keep_metadata: bool, ffmpeg: Ffmpeg) -> ShrunkVideo | None:
    size = (await asyncio.to_thread(path.stat)).st_size
    if keep_metadata:
        return ShrunkVideo(await asyncio.to_thread(path.read_bytes), path.suffix) if size <= limit else None
    if size > limit * 2:  # metadata does not make up half of a video
        return None
    with tempfile.TemporaryDirectory(prefix="chorus-shrink-") as folder:
        target = Path(folder) / f"copied{path.suffix}"
        try:
            await copy_without_metadata(path, target, ffmpeg=ffmpeg)
        except EncoderFailed:  # a container that ffmpeg cannot write; encoding it again leaves the metadata out as well
            return None
        data = await asyncio.to_thread(target.read_bytes)
    return ShrunkVideo(data, path.suffix) if len(data) <= limit else None


def _choose_encoding(info: VideoInfo, bits_per_second: float) -> _Encoding:
    """Size and bitrates for so many bits per second in all.

    Raises:
        OutputTooLarge: They are too few.

    """
    lowest, highest = _AUDIO_BITRATES
    audio = min(highest, max(lowest, bits_per_second * _AUDIO_SHARE)) if info.has_sound else 0
    bitrate = bits_per_second - audio
    pixels = bitrate / (_BITS_PER_PIXEL * _FRAMES_PER_SECOND)
    scale = min(1.0, math.sqrt(max(pixels, 1) / (info.width * info.height)))
    width, height = _even(info.width * scale), _even(info.height * scale)
    if bitrate < _LOWEST_BITRATE or (scale < 1 and max(width, height) < _SMALLEST_SIDE):
        raise OutputTooLarge
    return _Encoding(width, height, int(bitrate), int(audio))


def _even(pixels: float) -> int:
    """H.264 with yuv420p, which every player knows, needs sides that are even."""
    return max(2, round(pixels / 2) * 2)


async def _encode(path: Path, encoding: _Encoding, *, metadata: bool, ffmpeg: Ffmpeg) -> bytes:
    video = ["-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-b:v", str(encoding.bitrate)]
    video += ["-maxrate", str(encoding.bitrate), "-bufsize", str(encoding.bitrate * 2)]
    scale = ["-vf", f"scale={encoding.width}:{encoding.height}:flags=lanczos"]
    audio = ["-c:a", "aac", "-b:a", str(encoding.audio_bitrate)] if encoding.audio_bitrate else ["-an"]
    tags = ["-map_metadata", "0"] if metadata else ["-map_metadata", "-1", "-map_chapters", "-1"]
    flags = ["-movflags", "+faststart+use_metadata_tags" if metadata else "+faststart", "-f", "mp4"]
    with tempfile.TemporaryDirectory(prefix="chorus-shrink-") as folder:
        target = Path(folder) / "shrunk.mp4"
        streams = ["-map", "0:v:0", "-map", "0:a:0?"]
        arguments = ["-v", "error", *input_file(path), *streams, *scale, *video, *audio, *tags, *flags]
        await ffmpeg.run([*arguments, *output_file(target)], timeout_seconds=_TIMEOUT_SECONDS)
        return await asyncio.to_thread(target.read_bytes)


def _note(info: VideoInfo, encoding: _Encoding) -> str:
    width, height = encoding.width, encoding.height
    unscaled = (width, height) == (_even(info.width), _even(info.height))
    scaled = "" if unscaled else f" and scaled to {width} x {height}"
    return f"Encoded again as MP4{scaled} to fit the size limit here."
