"""Video files: measuring them, making thumbnails of them, removing their metadata."""

from __future__ import annotations

import asyncio
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from bot.media.atomic_write import replace_atomically
from bot.media.errors import BadMedia
from bot.media.ffmpeg import Ffmpeg, check_not_empty, input_file, output_file
from bot.media.images.thumbnails import make_thumbnail
from bot.media.media_types import detect_media_type

# ffmpeg's report on stderr: the container's own length, and how far it has read.
_TIME = re.compile(r"(\d+):(\d{2}):(\d{2}\.\d+)")
_DURATION = re.compile(r"Duration: " + _TIME.pattern)
_POSITION = re.compile(r"\btime=" + _TIME.pattern)

_REPRESENTATIVE_FRAME = "thumbnail=24"
"""Of the first 24 frames, the one most like the others: seldom the black one with which many videos begin."""
_NO_FRAMES = "That video holds no pictures."


@dataclass(frozen=True)
class VideoInfo:
    """A video whose first frame was decoded. `width` and `height` in pixels as shown, after any rotation."""

    media_type: str
    width: int
    height: int
    duration_seconds: float
    has_sound: bool


async def probe_video(path: Path, *, ffmpeg: Ffmpeg) -> VideoInfo:
    """Decode the first frame and read the whole container.

    Raises:
        BadMedia: The file is empty, cut off, or not a video.
        EncoderFailed: ffmpeg is missing, too slow, or ended with another error.

    """
    await check_not_empty(path)
    with tempfile.TemporaryDirectory(prefix="chorus-video-") as folder:
        frame = Path(folder) / "frame.png"
        first_frame = ["-map", "0:v:0", "-frames:v", "1", "-update", "1", *output_file(frame)]
        container = ["-map", "0:v:0", "-map", "0:a?", "-c", "copy", "-f", "null", "-"]
        report = await _run([*input_file(path), *first_frame, *container], ffmpeg)
        width, height = await asyncio.to_thread(_png_size, frame)
    media_type = await asyncio.to_thread(detect_media_type, path)
    has_sound = "Audio: " in report.split("Output #0")[0]
    return VideoInfo(media_type or "video/mp4", width, height, _duration(report), has_sound)


async def make_video_thumbnail(path: Path, target: Path, size: int = 200, *, max_pixels: int, ffmpeg: Ffmpeg) -> None:
    """Write a thumbnail of a frame that fits a square of `size` pixels, in the format of `target`'s suffix.

    Raises:
        BadMedia: The file is empty, cut off, or not a video.
        TooManyPixels: The frame has more than `max_pixels`.
        EncoderFailed: ffmpeg is missing, too slow, or ended with another error.
        ValueError: The target's suffix is not one that `make_thumbnail` can write.
        OSError: The disk is full.

    """
    await check_not_empty(path)
    with tempfile.TemporaryDirectory(prefix="chorus-video-") as folder:
        frame = Path(folder) / "frame.png"
        output = ["-map", "0:v:0", "-vf", _REPRESENTATIVE_FRAME, "-frames:v", "1", "-update", "1", *output_file(frame)]
        await _run(["-v", "error", *input_file(path), *output], ffmpeg)
        if not await asyncio.to_thread(frame.exists):
            raise BadMedia(_NO_FRAMES)
        await asyncio.to_thread(make_thumbnail, frame, target, size, max_pixels=max_pixels)


async def copy_without_metadata(source: Path, target: Path, *, ffmpeg: Ffmpeg) -> None:
    """Copy a video or audio file without its tags, into which ComfyUI writes the whole graph; streams stay unchanged.

    Raises:
        BadMedia: The source is not a video or audio file.
        EncoderFailed: ffmpeg is missing, too slow, or the container of `target`'s suffix cannot hold the streams.
        OSError: The disk is full.

    """
    await check_not_empty(source)
    with replace_atomically(target) as temporary:
        copied = ["-map", "0", "-c", "copy", "-map_metadata", "-1", "-map_metadata:s", "-1", "-map_chapters", "-1"]
        await _run(
            ["-v", "error", *input_file(source), *copied, "-fflags", "+bitexact", *output_file(temporary)], ffmpeg
        )


async def _run(arguments: list[str], ffmpeg: Ffmpeg) -> str:
    try:
        return await ffmpeg.run(arguments)
    except BadMedia as error:
        raise BadMedia("That file is not a video that can be played.") from error


def _duration(report: str) -> float:
    """Seconds: the container's own length where it states one (WebM often does not), else how far reading it came."""
    stated = _DURATION.search(report)
    reached = list(_POSITION.finditer(report))
    found = stated or (reached[-1] if reached else None)
    if found is None:
        return 0.0
    hours, minutes, seconds = found.groups()
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)


def _png_size(frame: Path) -> tuple[int, int]:
    """Width and height from the header of a PNG file: two big-endian u32 at byte 16."""
    try:
        with frame.open("rb") as file:
            header = file.read(24)
    except FileNotFoundError as error:
        raise BadMedia(_NO_FRAMES) from error
    return int.from_bytes(header[16:20]), int.from_bytes(header[20:24])
