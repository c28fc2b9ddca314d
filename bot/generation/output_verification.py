"""Checks by its bytes whether a downloaded file is what it should be."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from bot.domain.jobs import JobKind
from bot.errors import NoOutput, OutputTooLarge
from bot.media.errors import BadMedia, TooManyPixels, UnsupportedMedia
from bot.media.images import inspect_image
from bot.media.media_types import SUFFIXES, detect_media_type

_UNOPENED = {b"\x76\x2f\x31\x01": "image/x-exr", b"#?RADIANCE": "image/vnd.radiance"}
"""Kinds that ComfyUI's nodes save and Pillow does not open: they are kept and posted as they are."""


@dataclass(frozen=True)
class VerifiedOutput:
    """What the bytes say; width and height in pixels, of pictures only."""

    media_type: str
    width: int | None = None
    height: int | None = None

    @property
    def suffix(self) -> str:
        """The extension of its name, with the dot."""
        return SUFFIXES[self.media_type]


async def verify_output(path: Path, kind: JobKind, *, max_pixels: int) -> VerifiedOutput:
    """Check a file that is to be a result of that kind.

    Pictures and videos are accepted for both of these kinds, because a workflow may stand in either folder. Sound is
    accepted for speech only; whether it can be decoded is found when it is transcoded.

    Raises:
        NoOutput: The file is empty, cut off, HTML, or of another kind.
        OutputTooLarge: A picture has more than `max_pixels`.

    """
    return await asyncio.to_thread(_verify, path, kind, max_pixels)


def _verify(path: Path, kind: JobKind, max_pixels: int) -> VerifiedOutput:
    if not path.stat().st_size:
        raise NoOutput("ComfyUI answered with an empty file.")
    claimed = detect_media_type(path)
    family = (claimed or "").partition("/")[0]
    if kind is JobKind.AUDIO:
        if claimed in SUFFIXES and family in {"audio", "video"}:
            return VerifiedOutput(claimed)
        raise NoOutput("ComfyUI answered with a file that is no sound.")
    if family == "video" and claimed in SUFFIXES:
        return VerifiedOutput(claimed)
    if family == "audio":
        raise NoOutput(f"ComfyUI answered with a file that is no {kind.value}.")
    return _picture(path, kind, max_pixels)


def _picture(path: Path, kind: JobKind, max_pixels: int) -> VerifiedOutput:
    try:
        info = inspect_image(path, max_pixels=max_pixels)
    except UnsupportedMedia as error:
        with path.open("rb") as file:
            head = file.read(16)
        for magic, media_type in _UNOPENED.items():
            if head.startswith(magic):
                return VerifiedOutput(media_type)
        raise NoOutput("ComfyUI answered with a kind of file that cannot be posted.") from error
    except TooManyPixels as error:
        raise OutputTooLarge(error.message) from error
    except BadMedia as error:
        raise NoOutput(f"ComfyUI answered with a file that is no {kind.value}.") from error
    return VerifiedOutput(info.media_type, info.width, info.height)
