"""Whether a downloaded file is what it should be, told by its bytes."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from bot.domain.jobs import JobKind
from bot.errors import NoOutput, OutputTooLarge
from bot.media.errors import BadMedia, UnsupportedMedia
from bot.media.images import inspect_image
from bot.media.sniffing import sniff_media_type

_SUFFIXES = {
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "image/webp": ".webp",
    "image/gif": ".gif",
    "image/avif": ".avif",
    "image/bmp": ".bmp",
    "image/tiff": ".tiff",
    "image/x-exr": ".exr",
    "image/vnd.radiance": ".hdr",
    "audio/ogg": ".ogg",
    "audio/flac": ".flac",
    "audio/mpeg": ".mp3",
    "audio/mp4": ".m4a",
    "audio/wav": ".wav",
    "video/webm": ".webm",
    "video/mp4": ".mp4",
    "video/quicktime": ".mov",
    "video/x-msvideo": ".avi",
}
_CLOSED = {b"\x76\x2f\x31\x01": "image/x-exr", b"#?RADIANCE": "image/vnd.radiance"}
"""Kinds that Pillow does not open and that ComfyUI's nodes save on purpose: kept and posted as they are."""


@dataclass(frozen=True)
class Verified:
    """What the bytes say. Size in pixels where they are known without decoding a video."""

    media_type: str
    width: int | None = None
    height: int | None = None

    @property
    def suffix(self) -> str:
        """The extension its name gets, with the dot."""
        return _SUFFIXES[self.media_type]


async def verify(path: Path, kind: JobKind) -> Verified:
    """Look at a file that is to be a result of that kind.

    Pictures and animations are accepted for video and pictures alike (a workflow may stand in either folder); sound
    only for speech, where it is decoded whole afterwards.

    Raises:
        NoOutput: Empty, HTML, cut off, or of another kind.
        OutputTooLarge: A picture of so many pixels that opening it would exhaust the memory.

    """
    return await asyncio.to_thread(_verify, path, kind)


def _verify(path: Path, kind: JobKind) -> Verified:
    if not path.stat().st_size:
        raise NoOutput("ComfyUI answered with an empty file.")
    claimed = sniff_media_type(path)
    family = (claimed or "").partition("/")[0]
    if kind is JobKind.AUDIO:
        if claimed in _SUFFIXES and family in {"audio", "video"}:
            return Verified(claimed)
        raise NoOutput("ComfyUI answered with a file that is no sound.")
    if family == "video" and claimed in _SUFFIXES:
        return Verified(claimed)
    if family == "audio":
        raise NoOutput(f"ComfyUI answered with a file that is no {kind.value}.")
    return _picture(path, kind)


def _picture(path: Path, kind: JobKind) -> Verified:
    try:
        info = inspect_image(path)
    except UnsupportedMedia as error:
        with path.open("rb") as file:
            head = file.read(16)
        for magic, media_type in _CLOSED.items():
            if head.startswith(magic):
                return Verified(media_type)
        raise NoOutput("ComfyUI answered with a kind of file that cannot be posted.") from error
    except BadMedia as error:
        if "too large" in error.message:
            raise OutputTooLarge(error.message) from error
        raise NoOutput(f"ComfyUI answered with a file that is no {kind.value}.") from error
    return Verified(info.media_type, info.width, info.height)
