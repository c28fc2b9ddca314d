"""Opening image files from untrusted sources."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pi_heif import register_heif_opener  # pyright: ignore[reportUnknownVariableType] - **kwargs without types
from PIL import Image, UnidentifiedImageError

from bot.media.errors import BadMedia, TooManyPixels, UnsupportedMedia

_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "AVIF", "BMP", "TIFF", "HEIF")
"""The formats that Pillow may try. Its others are rare, or start programs (EPS)."""

_MEDIA_TYPES = {
    "PNG": "image/png",
    "JPEG": "image/jpeg",
    "MPO": "image/jpeg",  # a JPEG of a phone, with further images after the first
    "WEBP": "image/webp",
    "GIF": "image/gif",
    "AVIF": "image/avif",
    "BMP": "image/bmp",
    "TIFF": "image/tiff",
    "HEIF": "image/heic",
}

_UNSUPPORTED_SIGNATURES = {
    b"\x76\x2f\x31\x01": "OpenEXR",
    b"#?RADIANCE": "Radiance HDR",
    b"8BPS": "Photoshop",
    b"<svg": "SVG",
    b"\xff\x0a": "JPEG XL",
    b"\x00\x00\x00\x0cJXL ": "JPEG XL",
}
"""First bytes and names of formats that ComfyUI nodes save or people send, and that Pillow does not open."""

_DECODING_ERRORS = (
    UnidentifiedImageError,
    OSError,  # truncated files
    ValueError,
    SyntaxError,  # bad PNG chunks
    EOFError,
    IndexError,
    struct.error,
    zlib.error,
)
"""What Pillow's plugins raise for damaged files."""


@dataclass(frozen=True)
class ImageInfo:
    """What an image is. `width` and `height` in pixels, as stored (before any rotation that EXIF asks for)."""

    media_type: str
    width: int
    height: int
    animated: bool


@contextmanager
def open_image(path: Path, *, max_pixels: int) -> Generator[Image.Image, None, None]:
    """Open an image, without decoding its pixels yet.

    What Pillow raises for damaged files inside the `with` block is translated too.

    Raises:
        UnsupportedMedia: A known format that Pillow does not open.
        TooManyPixels: Width times height is above `max_pixels`.
        BadMedia: The file is empty, cut off, or not an image.
        FileNotFoundError, PermissionError: It cannot be read.

    """
    _raise_limit_of_pillow(max_pixels)
    _read_heif()
    with path.open("rb") as file:
        head = file.read(16)
        if not head:
            raise BadMedia("That file is empty.")
        try:
            with Image.open(file, formats=_FORMATS) as image:
                check_pixels(image, max_pixels)
                yield image
        except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
            raise TooManyPixels from error
        except _DECODING_ERRORS as error:
            raise _translate(head, error) from error


def check_pixels(image: Image.Image, max_pixels: int) -> None:
    """Raise for an image, or the current frame of one, that is too large to decode.

    Raises:
        TooManyPixels: Width times height is above `max_pixels`.

    """
    if image.width * image.height > max_pixels:
        raise TooManyPixels(image.width, image.height)


def media_type_of(image: Image.Image) -> str:
    """The media type of an image from `open_image`."""
    return _MEDIA_TYPES[image.format or ""]


def is_animated(image: Image.Image) -> bool:
    """The image has several frames that are shown in turn. The further images of a phone's JPEG do not count."""
    return bool(getattr(image, "is_animated", False)) and image.format in {"PNG", "WEBP", "GIF", "AVIF"}


def inspect_image(path: Path, *, max_pixels: int) -> ImageInfo:
    """Decode an image wholly and tell what it is; of an animation, its first frame. The file's name plays no part.

    Raises:
        UnsupportedMedia: A known format that cannot be decoded here (EXR, HDR, ...).
        TooManyPixels: Width times height is above `max_pixels`.
        BadMedia: The file is empty, cut off, or not an image (for example HTML that is named `.png`).

    """
    with open_image(path, max_pixels=max_pixels) as image:
        image.load()
        return ImageInfo(media_type_of(image), image.width, image.height, is_animated(image))


def _raise_limit_of_pillow(max_pixels: int) -> None:
    """Pillow has a limit for the whole process, at which it warns and at twice of which it refuses an image.

    It is never lowered below Pillow's default, because Pillow applies it to buffers inside some formats as well.
    """
    limit = Image.MAX_IMAGE_PIXELS
    if limit is not None and limit < max_pixels:
        Image.MAX_IMAGE_PIXELS = max_pixels


@cache
def _read_heif() -> None:
    """Pictures of iPhones (HEIC): Pillow reads them by a plugin, which turns them by their EXIF itself."""
    register_heif_opener(thumbnails=False)


def _translate(head: bytes, error: Exception) -> BadMedia:
    for signature, name in _UNSUPPORTED_SIGNATURES.items():
        if head.startswith(signature):
            return UnsupportedMedia(f"{name} pictures cannot be opened here.")
    if isinstance(error, UnidentifiedImageError):
        return BadMedia("That file is not a picture.")
    return BadMedia("That picture is damaged or cut off.")
