"""Making an image small enough to post: as better packed PNG, as WebP, as JPEG, then with fewer pixels."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageOps

from bot.errors import OutputTooLarge
from bot.media.errors import UnsupportedMedia
from bot.media.images.color_modes import is_opaque, resized, to_eight_bit
from bot.media.images.embedded_graph import read_embedded_texts
from bot.media.images.encoding import (
    JPEG_MAX_SIDE,
    WEBP_MAX_SIDE,
    EncodedImage,
    encode_animation,
    encode_jpeg,
    encode_png,
    encode_webp,
)
from bot.media.images.metadata_stripping import strip_metadata
from bot.media.images.opening import is_animated, media_type_of, open_image
from bot.media.media_types import SUFFIXES

_WORTH_PNG = 1.4
"""A PNG that is more than this many times too large is not tried again: packing it better does not gain so much."""

_WEBP_QUALITIES = (92, 80)
_JPEG_QUALITY = 72
_SCALED_QUALITY = 85
_SMALLEST_SIDE = 16
_ANIMATION_SCALE_STEP = 0.7


@dataclass(frozen=True)
class ShrunkImage:
    """An image to post. `note` tells people what was changed; None if `data` is the file byte for byte."""

    data: bytes
    suffix: str
    media_type: str
    width: int
    height: int
    note: str | None = None


def shrink_image(path: Path, limit_bytes: int, *, keep_metadata: bool = True, max_pixels: int) -> ShrunkImage:
    """The image in at most `limit_bytes`, changed as little as possible.

    What is tried, in order: the file as it is; better packed PNG; WebP; JPEG (for images without transparency); WebP
    with fewer pixels. An animation stays an animation, as WebP. ComfyUI's graph is kept where it fits, unless
    `keep_metadata` is off.

    Raises:
        TooManyPixels: The image has more than `max_pixels`.
        BadMedia: The file is not an image that can be read.
        OutputTooLarge: It does not fit even at 16 pixels.

    """
    with open_image(path, max_pixels=max_pixels) as image:
        unchanged = _without_encoding(path, image, limit_bytes, keep_metadata=keep_metadata, max_pixels=max_pixels)
        if unchanged is not None:
            return unchanged
        original_size = image.size
        if is_animated(image):
            candidates = _animations(image, max_pixels)
        else:
            texts = read_embedded_texts(image) if keep_metadata else {}
            candidates = _still_images(image, texts, limit_bytes, path.stat().st_size)
        for encoded in candidates:
            if len(encoded.data) <= limit_bytes:
                return _result(encoded, original_size)
    raise OutputTooLarge


def _without_encoding(
    path: Path, image: Image.Image, limit: int, *, keep_metadata: bool, max_pixels: int
) -> ShrunkImage | None:
    media_type = media_type_of(image)
    if keep_metadata:
        data = path.read_bytes() if path.stat().st_size <= limit else None
    else:
        try:
            data = strip_metadata(path, max_pixels=max_pixels)
        except UnsupportedMedia:  # encoding it again leaves the metadata out as well
            data = None
    if data is None or len(data) > limit:
        return None
    return ShrunkImage(data, SUFFIXES[media_type], media_type, image.width, image.height)


def _result(encoded: EncodedImage, original: tuple[int, int]) -> ShrunkImage:
    size = (encoded.width, encoded.height)
    note = encoded.description
    if size not in (original, original[::-1]):  # EXIF may have asked for a rotation
        note += f" and scaled from {original[0]} x {original[1]} to {size[0]} x {size[1]}"
    note += " to fit the size limit here."
    return ShrunkImage(encoded.data, SUFFIXES[encoded.media_type], encoded.media_type, *size, note)


def _still_images(image: Image.Image, texts: Mapping[str, str], limit: int, file_size: int) -> Iterator[EncodedImage]:
    """Ever smaller encodings of an image that is not animated. Rotates it as EXIF asks."""
    lossless = image.format in {"PNG", "BMP", "TIFF"}
    ImageOps.exif_transpose(image, in_place=True)
    if lossless and file_size <= limit * _WORTH_PNG:
        yield encode_png(image, texts)
    image = to_eight_bit(image)
    if image.mode == "RGBA" and is_opaque(image):
        image = image.convert("RGB")
    sizes: list[int] = []
    for encoded in _full_size(image, texts, limit):
        sizes.append(len(encoded.data))
        yield encoded
    yield from _scaled(image, texts, limit, min(sizes, default=limit * 4))


def _full_size(image: Image.Image, texts: Mapping[str, str], limit: int) -> Iterator[EncodedImage]:
    if max(image.size) <= WEBP_MAX_SIDE:
        for quality in _WEBP_QUALITIES:
            yield encode_webp(image, quality, texts, limit)
    if image.mode == "RGB" and max(image.size) <= JPEG_MAX_SIDE:
        yield encode_jpeg(image, _JPEG_QUALITY, texts, limit)


def _scaled(image: Image.Image, texts: Mapping[str, str], limit: int, encoded_bytes: int) -> Iterator[EncodedImage]:
    """With ever fewer pixels. Bytes are about proportional to pixels, and each step aims a little below the limit."""
    scale = min(1.0, WEBP_MAX_SIDE / max(image.size))
    while True:
        scale *= min(0.9, math.sqrt(limit / encoded_bytes) * 0.95)
        size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
        if max(size) < _SMALLEST_SIDE:
            return
        encoded = encode_webp(resized(image, size), _SCALED_QUALITY, texts, limit)
        encoded_bytes = len(encoded.data)
        yield encoded


def _animations(image: Image.Image, max_pixels: int) -> Iterator[EncodedImage]:
    """The animation with ever fewer pixels, at its own size first."""
    scale = 1.0
    while max(image.size) * scale >= _SMALLEST_SIDE:
        size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
        yield encode_animation(image, size, max_pixels)
        scale *= _ANIMATION_SCALE_STEP
