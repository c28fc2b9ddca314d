"""Encoding images as PNG, WebP and JPEG. ComfyUI's graph is written into them where it fits."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from PIL import Image, ImageSequence

from bot.media.images.color_modes import resized, to_eight_bit
from bot.media.images.embedded_graph import exif_of, png_text_chunks
from bot.media.images.opening import check_pixels

WEBP_MAX_SIDE: Final = 16_383
JPEG_MAX_SIDE: Final = 65_535
ANIMATION_QUALITY: Final = 85

_JPEG_MAX_EXIF_BYTES = 60_000
"""A JPEG segment holds 65,533 bytes."""
_EXIF_OVERHEAD_BYTES = 64
_MAX_FRAMES = 2_000
_DEFAULT_FRAME_MILLISECONDS = 100


@dataclass(frozen=True)
class EncodedImage:
    """An image as a file. `description` is the beginning of a sentence for people, such as "Encoded as WebP"."""

    data: bytes
    media_type: str
    width: int
    height: int
    description: str


def encode_png(image: Image.Image, texts: Mapping[str, str]) -> EncodedImage:
    """As small a PNG as Pillow can make without losing anything."""
    if image.mode not in {"1", "L", "LA", "I;16", "P", "RGB", "RGBA"}:
        image = to_eight_bit(image)
    out = io.BytesIO()
    image.save(out, "PNG", optimize=True, pnginfo=png_text_chunks(texts), icc_profile=image.info.get("icc_profile"))
    return EncodedImage(out.getvalue(), "image/png", *image.size, "Packed better as PNG")


def encode_webp(image: Image.Image, quality: int, texts: Mapping[str, str], limit_bytes: int) -> EncodedImage:
    """As WebP; the texts are left out where the file would be larger than `limit_bytes` with them."""

    def encode(exif: bytes) -> bytes:
        out = io.BytesIO()
        image.save(out, "WEBP", quality=quality, method=3, exif=exif, icc_profile=image.info.get("icc_profile", b""))
        return out.getvalue()

    data = _with_exif(encode, exif_of(texts), limit_bytes)
    return EncodedImage(data, "image/webp", *image.size, f"Encoded as WebP (quality {quality})")


def encode_jpeg(image: Image.Image, quality: int, texts: Mapping[str, str], limit_bytes: int) -> EncodedImage:
    """As JPEG; the texts are left out where they are too long for it, or the file would be larger than the limit."""

    def encode(exif: bytes) -> bytes:
        profile = image.info.get("icc_profile")
        # Into a real file, because into memory Pillow encodes in one call that holds the GIL (over 100 ms at 4K).
        with tempfile.TemporaryFile() as out:
            image.save(out, "JPEG", quality=quality, optimize=True, progressive=True, exif=exif, icc_profile=profile)
            out.seek(0)
            return out.read()

    exif = exif_of(texts)
    data = _with_exif(encode, exif if len(exif) <= _JPEG_MAX_EXIF_BYTES else b"", limit_bytes)
    return EncodedImage(data, "image/jpeg", *image.size, f"Encoded as JPEG (quality {quality})")


def encode_animation(image: Image.Image, size: tuple[int, int], max_pixels: int) -> EncodedImage:
    """All frames (at most 2,000) as an animated WebP of that size (width, height in pixels), without texts.

    Raises:
        TooManyPixels: A frame is larger than `max_pixels`; the frames of a GIF may differ in size.

    """
    frames: list[Image.Image] = []
    durations: list[int] = []
    for frame in ImageSequence.Iterator(image):
        check_pixels(frame, max_pixels)
        frames.append(resized(to_eight_bit(frame), size))
        durations.append(round(float(frame.info.get("duration") or _DEFAULT_FRAME_MILLISECONDS)))
        if len(frames) == _MAX_FRAMES:
            break
    out = io.BytesIO()
    frames[0].save(
        out,
        "WEBP",
        save_all=True,
        append_images=frames[1:],
        duration=durations,
        loop=int(image.info.get("loop") or 0),
        quality=ANIMATION_QUALITY,
        method=2,
    )
    description = f"Encoded as animated WebP (quality {ANIMATION_QUALITY})"
    return EncodedImage(out.getvalue(), "image/webp", *size, description)


def _with_exif(encode: Callable[[bytes], bytes], exif: bytes, limit_bytes: int) -> bytes:
    data = encode(b"")
    if exif and len(data) + len(exif) + _EXIF_OVERHEAD_BYTES <= limit_bytes:
        data = encode(exif)
    return data
