"""Thumbnails: small versions of images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PIL import Image, ImageOps

from bot.media.atomic_write import replace_atomically
from bot.media.images.color_modes import to_eight_bit, without_alpha
from bot.media.images.opening import open_image

_SAVE_OPTIONS: dict[str, dict[str, Any]] = {
    ".webp": {"quality": 82, "method": 2},
    ".jpg": {"quality": 85},
    ".jpeg": {"quality": 85},
    ".png": {},
}


def load_thumbnail(path: Path, size: int, *, max_pixels: int) -> Image.Image:
    """The first frame, rotated as EXIF asks, inside a square of `size` pixels, never enlarged; RGB or RGBA.

    Raises:
        TooManyPixels: The image has more than `max_pixels`.
        BadMedia: The image cannot be opened.
        OSError: The file cannot be read.

    """
    with open_image(path, max_pixels=max_pixels) as image:
        image.draft("RGB", (size * 2, size * 2))  # of JPEG only: decode at a fraction of the size
        ImageOps.exif_transpose(image, in_place=True)  # copying a 4K image would hold the GIL for milliseconds
        small = to_eight_bit(image)
        small.thumbnail((size, size), Image.Resampling.LANCZOS, reducing_gap=3.0)
        return small


def make_thumbnail(path: Path, target: Path, size: int = 200, *, max_pixels: int) -> None:
    """Write a thumbnail that fits a square of `size` pixels, in the format of `target`'s suffix (webp, png, jpg).

    The target appears whole or not at all.

    Raises:
        TooManyPixels: The image has more than `max_pixels`.
        BadMedia: The image cannot be opened.
        ValueError: The target has another suffix.
        OSError: The disk is full, or the folder is not writable.

    """
    suffix = target.suffix.lower()
    if suffix not in _SAVE_OPTIONS:
        raise ValueError(f"no thumbnails as {target.suffix!r}")
    small = load_thumbnail(path, size, max_pixels=max_pixels)
    if suffix in {".jpg", ".jpeg"}:
        small = without_alpha(small)
    with replace_atomically(target) as temporary:
        small.save(temporary, **_SAVE_OPTIONS[suffix])
