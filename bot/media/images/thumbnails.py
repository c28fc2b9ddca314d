"""The small picture beside every result."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PIL import Image, ImageOps

from bot.media.files import replacing
from bot.media.images.pixels import to_eight_bit, without_alpha
from bot.media.images.reading import open_image

_OPTIONS: dict[str, dict[str, Any]] = {
    ".webp": {"quality": 82, "method": 2},
    ".jpg": {"quality": 85},
    ".jpeg": {"quality": 85},
    ".png": {},
}


def thumbnail_of(path: Path, size: int) -> Image.Image:
    """The picture's first frame, upright, inside a square of `size` pixels (never enlarged); RGB or RGBA.

    Raises:
        BadMedia: As `open_image`.

    """
    with open_image(path) as image:
        image.draft("RGB", (size * 2, size * 2))  # JPEG only: decode at a fraction of the size
        ImageOps.exif_transpose(image, in_place=True)  # not a copy: one of 4K holds the GIL for milliseconds
        small = to_eight_bit(image)
        small.thumbnail((size, size), Image.Resampling.LANCZOS, reducing_gap=3.0)
        return small


def make_thumbnail(path: Path, target: Path, size: int = 200) -> None:
    """Write a thumbnail that fits a `size` x `size` box, in the format of `target`'s suffix (webp, png, jpg).

    The target appears whole or not at all.

    Raises:
        BadMedia: The picture cannot be opened.
        ValueError: The target's suffix is none of those.
        OSError: The disk is full, or the folder is not writable.

    """
    suffix = target.suffix.lower()
    if suffix not in _OPTIONS:
        raise ValueError(f"no thumbnails as {target.suffix!r}")
    small = thumbnail_of(path, size)
    if suffix in {".jpg", ".jpeg"}:
        small = without_alpha(small)
    with replacing(target) as part:
        small.save(part, **_OPTIONS[suffix])
