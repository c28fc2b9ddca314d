"""Videos: what they are, a picture of them, their metadata taken out. ffmpeg decodes, Pillow makes the thumbnail."""

from __future__ import annotations

import asyncio
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from bot.media.audio import BUNDLED
from bot.media.errors import BadMedia
from bot.media.ffmpeg import Ffmpeg, input_file, output_file
from bot.media.files import replacing
from bot.media.images.thumbnails import make_thumbnail
from bot.media.sniffing import sniff_media_type

_TIME = re.compile(r"(\d+):(\d{2}):(\d{2}\.\d+)")
_LENGTH = re.compile(r"Duration: " + _TIME.pattern)
_POSITION = re.compile(r"\btime=" + _TIME.pattern)

_REPRESENTATIVE = "thumbnail=24"
"""Of the first 24 frames, the one most like the others: seldom the black one that many videos begin with."""


@dataclass(frozen=True)
class VideoInfo:
    """A video whose first frame was decoded. `width` and `height` in pixels as shown, after any rotation."""

    media_type: str
    width: int
    height: int
    duration_seconds: float
    has_sound: bool


async def probe_video(path: Path, *, ffmpeg: Ffmpeg = BUNDLED) -> VideoInfo:
    """Decode the first frame and read the whole container: size, length, whether there is sound.

    Raises:
        BadMedia: Empty, cut off, or no video.
        EncoderFailed: ffmpeg is missing, too slow, or failed otherwise.

    """
    await _refuse_empty(path)
    with tempfile.TemporaryDirectory(prefix="chorus-video-") as folder:
        frame = Path(folder) / "frame.png"
        first = ["-map", "0:v:0", "-frames:v", "1", "-update", "1", *output_file(frame)]
        container = ["-map", "0:v:0", "-map", "0:a?", "-c", "copy", "-f", "null", "-"]
        said = await _run([*input_file(path), *first, *container], ffmpeg)
        width, height = await asyncio.to_thread(_size, frame)
    media_type = await asyncio.to_thread(sniff_media_type, path)
    return VideoInfo(media_type or "video/mp4", width, height, _seconds(said), "Audio: " in said.split("Output #0")[0])


async def video_frame(path: Path, target: Path, size: int = 200, *, ffmpeg: Ffmpeg = BUNDLED) -> None:
    """Write a thumbnail of a video that fits a `size` x `size` box, in the format of `target`'s suffix.

    Raises:
        BadMedia: Empty, cut off, or no video.
        EncoderFailed: ffmpeg is missing, too slow, or failed otherwise.
        ValueError: The target's suffix is not one of `make_thumbnail`'s.
        OSError: The disk is full.

    """
    await _refuse_empty(path)
    with tempfile.TemporaryDirectory(prefix="chorus-video-") as folder:
        frame = Path(folder) / "frame.png"
        one = ["-map", "0:v:0", "-vf", _REPRESENTATIVE, "-frames:v", "1", "-update", "1", *output_file(frame)]
        await _run(["-v", "error", *input_file(path), *one], ffmpeg)
        if not await asyncio.to_thread(frame.exists):
            raise BadMedia("That video holds no pictures.")
        await asyncio.to_thread(make_thumbnail, frame, target, size)


async def without_metadata(source: Path, target: Path, *, ffmpeg: Ffmpeg = BUNDLED) -> None:
    """Copy a video or sound file without its tags (ComfyUI writes the whole graph there); the streams stay as they are.

    Raises:
        BadMedia: No video or sound.
        EncoderFailed: ffmpeg is missing, too slow, or the container of `target`'s suffix cannot hold the streams.
        OSError: The disk is full.

    """
    await _refuse_empty(source)
    with replacing(target) as part:
        copied = ["-map", "0", "-c", "copy", "-map_metadata", "-1", "-map_metadata:s", "-1", "-map_chapters", "-1"]
        await _run(["-v", "error", *input_file(source), *copied, "-fflags", "+bitexact", *output_file(part)], ffmpeg)


async def _run(arguments: list[str], ffmpeg: Ffmpeg) -> str:
    try:
        return await ffmpeg.run(arguments)
    except BadMedia as error:
        raise BadMedia("That file is not a video that can be played.") from error


def _seconds(said: str) -> float:
    """The container's own length where it states one (WebM often does not), else how far reading it came."""
    stated = _LENGTH.search(said)
    reached = list(_POSITION.finditer(said))
    found = stated or (reached[-1] if reached else None)
    if found is None:
        return 0.0
    hours, minutes, seconds = found.groups()
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)


def _size(frame: Path) -> tuple[int, int]:
    try:
        with Image.open(frame) as image:
            return image.size
    except FileNotFoundError as error:
        raise BadMedia("That video holds no pictures.") from error


async def _refuse_empty(path: Path) -> None:
    if not (await asyncio.to_thread(path.stat)).st_size:
        raise BadMedia("That file is empty.")
