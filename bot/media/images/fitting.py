"""Making a picture small enough to post: PNG, then WebP, then JPEG, then fewer pixels."""

from __future__ import annotations

import io
import json
import math
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from PIL import ExifTags, Image, ImageOps, ImageSequence, PngImagePlugin

from bot.errors import OutputTooLarge
from bot.media.errors import UnsupportedMedia
from bot.media.images.metadata import strip_metadata
from bot.media.images.pixels import is_opaque, resized, to_eight_bit
from bot.media.images.reading import is_animated, media_type_of, open_image

_SUFFIXES = {
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "image/webp": ".webp",
    "image/gif": ".gif",
    "image/avif": ".avif",
    "image/bmp": ".bmp",
    "image/tiff": ".tif",
}

_WORTH_PNG = 1.4
"""A PNG more than this many times too large does not come down to the limit by packing it better."""

_WEBP_QUALITIES = (92, 80)
_JPEG_QUALITY = 72
_SCALED_QUALITY = 85
_WEBP_SIDE = 16_383
_JPEG_SIDE = 65_535
_JPEG_METADATA = 60_000
"""A JPEG segment holds 65,533 bytes."""
_SMALLEST_SIDE = 16
_MAX_FRAMES = 2_000


@dataclass(frozen=True)
class FittedImage:
    """A picture to post. `note` says what was done to it, None if it is byte for byte the file."""

    data: bytes
    suffix: str
    media_type: str
    width: int
    height: int
    note: str | None = None


@dataclass(frozen=True)
class _Encoding:
    data: bytes
    suffix: str
    media_type: str
    what: str


def fit_image(path: Path, limit_bytes: int, *, keep_metadata: bool = True) -> FittedImage:
    """The picture in at most `limit_bytes`, changed as little as that takes.

    In order: the file as it is; packed better as PNG; WebP; JPEG (where nothing is transparent); WebP with fewer
    pixels. An animation stays one, as WebP. ComfyUI's graph travels along while it fits (in WebP and JPEG as ComfyUI
    itself writes it: EXIF `Model` is the prompt, `Make` the workflow) unless `keep_metadata` is off.

    Raises:
        BadMedia: The file is no readable picture.
        OutputTooLarge: It does not fit even at 16 pixels.

    """
    with open_image(path) as image:
        unchanged = _as_it_is(path, image, limit_bytes, keep_metadata=keep_metadata)
        if unchanged is not None:
            return unchanged
        original = image.size
        text = _text_of(image) if keep_metadata else {}
        encodings = _animations(image) if is_animated(image) else _stills(image, text, limit_bytes, path.stat().st_size)
        for encoding, size in encodings:
            if len(encoding.data) <= limit_bytes:
                return FittedImage(
                    encoding.data, encoding.suffix, encoding.media_type, *size, _note(encoding, original, size)
                )
    raise OutputTooLarge


def _as_it_is(path: Path, image: Image.Image, limit: int, *, keep_metadata: bool) -> FittedImage | None:
    media_type = media_type_of(image)
    if keep_metadata:
        data = path.read_bytes() if path.stat().st_size <= limit else None
    else:
        try:
            data = strip_metadata(path)
        except UnsupportedMedia:  # encoded anew it has none
            data = None
    if data is None or len(data) > limit:
        return None
    return FittedImage(data, _SUFFIXES[media_type], media_type, image.width, image.height)


def _stills(
    image: Image.Image, text: Mapping[str, str], limit: int, size: int
) -> Iterator[tuple[_Encoding, tuple[int, int]]]:
    lossless = image.format in {"PNG", "BMP", "TIFF"}
    ImageOps.exif_transpose(image, in_place=True)
    if lossless and size <= limit * _WORTH_PNG:
        yield _png(image, text), image.size
    picture = to_eight_bit(image)
    if picture.mode == "RGBA" and is_opaque(picture):
        picture = picture.convert("RGB")
    sizes: list[int] = []
    for encoding in _whole(picture, text, limit):
        sizes.append(len(encoding.data))
        yield encoding, picture.size
    yield from _scaled(picture, text, limit, min(sizes, default=limit * 4))


def _whole(picture: Image.Image, text: Mapping[str, str], limit: int) -> Iterator[_Encoding]:
    if max(picture.size) <= _WEBP_SIDE:
        for quality in _WEBP_QUALITIES:
            yield _webp(picture, quality, text, limit)
    if picture.mode == "RGB" and max(picture.size) <= _JPEG_SIDE:
        yield _jpeg(picture, text, limit)


def _scaled(
    picture: Image.Image, text: Mapping[str, str], limit: int, encoded: int
) -> Iterator[tuple[_Encoding, tuple[int, int]]]:
    """Ever fewer pixels. Bytes go about with the area; each step aims a little below the limit."""
    scale = min(1.0, _WEBP_SIDE / max(picture.size))
    while True:
        scale *= min(0.9, math.sqrt(limit / encoded) * 0.95)
        size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
        if max(size) < _SMALLEST_SIDE:
            return
        small = resized(picture, size)
        encoding = _webp(small, _SCALED_QUALITY, text, limit)
        encoded = len(encoding.data)
        yield encoding, size


def _animations(image: Image.Image) -> Iterator[tuple[_Encoding, tuple[int, int]]]:
    scale = 1.0
    while max(image.size) * scale >= _SMALLEST_SIDE:
        size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
        yield _animated_webp(image, size), size
        scale *= 0.7


def _png(image: Image.Image, text: Mapping[str, str]) -> _Encoding:
    chunks = PngImagePlugin.PngInfo()
    for key, value in text.items():
        chunks.add_text(key, value)
    if image.mode not in {"1", "L", "LA", "I;16", "P", "RGB", "RGBA"}:
        image = to_eight_bit(image)
    out = io.BytesIO()
    image.save(out, "PNG", optimize=True, pnginfo=chunks, icc_profile=image.info.get("icc_profile"))
    return _Encoding(out.getvalue(), ".png", "image/png", "Packed better as PNG")


def _webp(image: Image.Image, quality: int, text: Mapping[str, str], limit: int) -> _Encoding:
    def encode(exif: bytes) -> bytes:
        out = io.BytesIO()
        image.save(out, "WEBP", quality=quality, method=3, exif=exif, icc_profile=image.info.get("icc_profile", b""))
        return out.getvalue()

    data = encode(b"")
    exif = _exif_of(text)
    if exif and len(data) + len(exif) + 64 <= limit:
        data = encode(exif)
    return _Encoding(data, ".webp", "image/webp", f"Encoded as WebP (quality {quality})")


def _jpeg(image: Image.Image, text: Mapping[str, str], limit: int) -> _Encoding:
    def encode(exif: bytes) -> bytes:
        profile = image.info.get("icc_profile")
        # A real file: into memory Pillow encodes in one call that holds the GIL (over 100 ms at 4K).
        with tempfile.TemporaryFile() as out:
            image.save(
                out, "JPEG", quality=_JPEG_QUALITY, optimize=True, progressive=True, exif=exif, icc_profile=profile
            )
            out.seek(0)
            return out.read()

    data = encode(b"")
    exif = _exif_of(text)
    if exif and len(exif) <= _JPEG_METADATA and len(data) + len(exif) + 64 <= limit:
        data = encode(exif)
    return _Encoding(data, ".jpg", "image/jpeg", f"Encoded as JPEG (quality {_JPEG_QUALITY})")


def _animated_webp(image: Image.Image, size: tuple[int, int]) -> _Encoding:
    frames: list[Image.Image] = []
    durations: list[int] = []
    for frame in ImageSequence.Iterator(image):
        frames.append(resized(to_eight_bit(frame), size))
        durations.append(round(float(frame.info.get("duration") or 100)))
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
        quality=_SCALED_QUALITY,
        method=2,
    )
    return _Encoding(out.getvalue(), ".webp", "image/webp", f"Encoded as animated WebP (quality {_SCALED_QUALITY})")


def _text_of(image: Image.Image) -> dict[str, str]:
    """The texts in the file: PNG chunks by key, or `prompt` and `workflow` where ComfyUI's WebP keeps them."""
    if isinstance(image, PngImagePlugin.PngImageFile):
        return {key: str(value) for key, value in image.text.items()}
    found: dict[str, str] = {}
    exif = image.getexif()
    for tag in (ExifTags.Base.Model, ExifTags.Base.Make):
        key, colon, value = str(exif.get(tag, "")).partition(":")
        if colon and _ascii_json(value):
            found[key] = value
    return found


def _ascii_json(text: str) -> str | None:
    """The same JSON in ASCII, which is all that EXIF holds; None where the text is no JSON."""
    try:
        return json.dumps(json.loads(text))
    except ValueError:
        return None


def _exif_of(text: Mapping[str, str]) -> bytes:
    exif = Image.Exif()
    for key, tag in (("prompt", ExifTags.Base.Model), ("workflow", ExifTags.Base.Make)):
        if (value := _ascii_json(text.get(key, ""))) is not None:
            exif[tag] = f"{key}:{value}"
    return exif.tobytes() if len(exif) else b""


def _note(encoding: _Encoding, original: tuple[int, int], size: tuple[int, int]) -> str:
    if size in (original, original[::-1]):
        return f"{encoding.what} to fit the size limit here."
    scaled = f"scaled from {original[0]} x {original[1]} to {size[0]} x {size[1]}"
    return f"{encoding.what} and {scaled} to fit the size limit here."
