"""The avatar of an imported card: its picture drawn anew, small and without metadata."""

from __future__ import annotations

import io
import struct
import warnings

from PIL import Image, ImageOps

MAX_PIXELS = 40_000_000
"""Larger pictures are not decoded."""
AVATAR_SIZE = 512
"""Pixels of the longer side; Discord shows 128 at most."""
MAX_AVATAR_BYTES = 1_500_000
_MIN_AVATAR_SIZE = 64


def make_avatar(data: bytes) -> tuple[bytes | None, list[str]]:
    """Return a PNG of the picture, or None, and a sentence for the person if there is none. Blocking (Pillow).

    The PNG holds nothing of the original but its first frame, upright: no metadata, no colour profile, no text chunks.

    Args:
        data: A PNG, JPEG, WebP or GIF file.

    """
    try:
        with warnings.catch_warnings():
            # The size is compared below, before a pixel is decoded.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data), formats=("PNG", "JPEG", "WEBP", "GIF")) as picture:
                if picture.width * picture.height > MAX_PIXELS:
                    return None, ["The picture is too large to be the avatar."]
                picture.draft("RGB", (AVATAR_SIZE * 2, AVATAR_SIZE * 2))
                picture.load()  # here, since a second attempt to decode damaged pixels would give black ones
                upright = _upright(picture)
                upright = upright.convert("RGBA" if upright.has_transparency_data else "RGB")
                upright.thumbnail((AVATAR_SIZE, AVATAR_SIZE), Image.Resampling.LANCZOS)
                return _encoded(upright), []
    except Exception:  # noqa: BLE001 - Pillow's decoders raise anything on hostile bytes; the character is usable without
        return None, ["The picture is damaged, so the character has no avatar yet."]


def _upright(picture: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(picture)
    except (struct.error, ValueError, TypeError, KeyError, OSError, SyntaxError):  # damaged EXIF
        return picture


def _encoded(picture: Image.Image) -> bytes:
    # A new image, since Pillow would write the old one's text chunks and colour profile again.
    clean = Image.new(picture.mode, picture.size)
    clean.paste(picture)
    while True:
        target = io.BytesIO()
        clean.save(target, "PNG", optimize=True)
        if target.tell() <= MAX_AVATAR_BYTES or max(clean.size) <= _MIN_AVATAR_SIZE:
            return target.getvalue()
        clean.thumbnail((max(clean.size) * 3 // 4, max(clean.size) * 3 // 4), Image.Resampling.LANCZOS)
