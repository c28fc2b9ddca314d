"""Making a video small enough to post: H.264 in MP4 at a bitrate that fits, with fewer pixels where that is little."""

from __future__ import annotations

import asyncio
import math
import tempfile
from dataclasses import dataclass
from pathlib import Path

from bot.errors import OutputTooLarge
from bot.media.audio import BUNDLED
from bot.media.errors import EncoderFailed
from bot.media.ffmpeg import Ffmpeg, input_file, output_file
from bot.media.video import VideoInfo, probe_video, without_metadata

_CONTAINER_SHARE = 0.94
"""What is left of a limit for the streams, after the container's own tables."""
_SOUND_SHARE = 0.2
_SOUND_BITRATES = (16_000, 96_000)
_LEAST_BITRATE = 8_000
"""Bits per second of picture below which nobody would recognise anything."""
_BITS_PER_PIXEL = 0.05
"""Per pixel and frame, below which H.264 falls apart into blocks: fewer pixels look better then."""
_FRAMES_PER_SECOND = 24.0
"""Assumed: what ComfyUI's video nodes write, about."""
_SMALLEST_SIDE = 32
_ATTEMPTS = 4
_ATTEMPTS_WITH_METADATA = 2
_TIMEOUT_SECONDS = 600.0


@dataclass(frozen=True)
class FittedVideo:
    """A video to post. `note` says what was done to it, None if its pictures and sound are as they were."""

    data: bytes
    suffix: str
    note: str | None = None


@dataclass(frozen=True)
class _Plan:
    width: int
    height: int
    bitrate: int
    sound_bitrate: int


async def fit_video(
    path: Path, limit_bytes: int, *, keep_metadata: bool = True, ffmpeg: Ffmpeg = BUNDLED
) -> FittedVideo:
    """The video in at most `limit_bytes`, changed as little as that takes.

    In order: the file as it is (without its metadata: its streams copied); encoded again at the bitrate that fits,
    with fewer pixels where the bitrate is too low for so many. ComfyUI's graph travels along while it fits, unless
    `keep_metadata` is off.

    Raises:
        BadMedia: The file is no video.
        OutputTooLarge: It does not fit even as a stamp.
        EncoderFailed: ffmpeg is missing, too slow, or failed otherwise.
        OSError: The disk is full.

    """
    whole = await _whole(path, limit_bytes, keep_metadata=keep_metadata, ffmpeg=ffmpeg)
    if whole is not None:
        return whole
    info = await probe_video(path, ffmpeg=ffmpeg)
    affordable = limit_bytes * 8 * _CONTAINER_SHARE / max(info.duration_seconds, 0.1)
    for attempt in range(_ATTEMPTS):
        plan = _plan(info, affordable)
        data = await _encoded(path, plan, metadata=keep_metadata and attempt < _ATTEMPTS_WITH_METADATA, ffmpeg=ffmpeg)
        if len(data) <= limit_bytes:
            return FittedVideo(data, ".mp4", _note(info, plan))
        affordable *= min(0.9, limit_bytes / len(data) * 0.95)
    raise OutputTooLarge


async def _whole(path: Path, limit: int, *, keep_metadata: bool, ffmpeg: Ffmpeg) -> FittedVideo | None:
    size = (await asyncio.to_thread(path.stat)).st_size
    if keep_metadata:
        return FittedVideo(await asyncio.to_thread(path.read_bytes), path.suffix) if size <= limit else None
    if size > limit * 2:  # tags do not make up half of a video
        return None
    with tempfile.TemporaryDirectory(prefix="chorus-fit-") as folder:
        target = Path(folder) / f"copied{path.suffix}"
        try:
            await without_metadata(path, target, ffmpeg=ffmpeg)
        except EncoderFailed:  # a container that cannot be written: encoded again it has no tags either
            return None
        data = await asyncio.to_thread(target.read_bytes)
    return FittedVideo(data, path.suffix) if len(data) <= limit else None


def _plan(info: VideoInfo, affordable: float) -> _Plan:
    """What to encode to in so many bits per second.

    Raises:
        OutputTooLarge: They are too few for anything.

    """
    low, high = _SOUND_BITRATES
    sound = min(high, max(low, affordable * _SOUND_SHARE)) if info.has_sound else 0
    bitrate = affordable - sound
    pixels = bitrate / (_BITS_PER_PIXEL * _FRAMES_PER_SECOND)
    scale = min(1.0, math.sqrt(max(pixels, 1) / (info.width * info.height)))
    width, height = _even(info.width * scale), _even(info.height * scale)
    if bitrate < _LEAST_BITRATE or (scale < 1 and max(width, height) < _SMALLEST_SIDE):
        raise OutputTooLarge
    return _Plan(width, height, int(bitrate), int(sound))


def _even(pixels: float) -> int:
    """H.264 with the colours every player knows has even sides."""
    return max(2, round(pixels / 2) * 2)


async def _encoded(path: Path, plan: _Plan, *, metadata: bool, ffmpeg: Ffmpeg) -> bytes:
    picture = ["-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-b:v", str(plan.bitrate)]
    picture += ["-maxrate", str(plan.bitrate), "-bufsize", str(plan.bitrate * 2)]
    scaled = ["-vf", f"scale={plan.width}:{plan.height}:flags=lanczos"]
    sound = ["-c:a", "aac", "-b:a", str(plan.sound_bitrate)] if plan.sound_bitrate else ["-an"]
    tags = ["-map_metadata", "0"] if metadata else ["-map_metadata", "-1", "-map_chapters", "-1"]
    flags = ["-movflags", "+faststart+use_metadata_tags" if metadata else "+faststart", "-f", "mp4"]
    with tempfile.TemporaryDirectory(prefix="chorus-fit-") as folder:
        target = Path(folder) / "fitted.mp4"
        streams = ["-map", "0:v:0", "-map", "0:a:0?"]
        arguments = ["-v", "error", *input_file(path), *streams, *scaled, *picture, *sound, *tags, *flags]
        await ffmpeg.run([*arguments, *output_file(target)], timeout_seconds=_TIMEOUT_SECONDS)
        return await asyncio.to_thread(target.read_bytes)


def _note(info: VideoInfo, plan: _Plan) -> str:
    size = (plan.width, plan.height)
    scaled = "" if size == (_even(info.width), _even(info.height)) else f" and scaled to {plan.width} x {plan.height}"
    return f"Encoded again as MP4{scaled} to fit the size limit here."
