"""Opening picture files whose bytes nobody vouches for."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from bot.media.errors import BadMedia, UnsupportedMedia

MAX_PIXELS = 89_478_485
"""Width times height beyond which a picture is not decoded: Pillow's own warning limit, 256 MiB of RGB."""

_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "AVIF", "BMP", "TIFF")
"""What we let Pillow try. The rest of its list is exotic, or starts programs (EPS)."""

_MEDIA_TYPES = {
    "PNG": "image/png",
    "JPEG": "image/jpeg",
    "MPO": "image/jpeg",  # a phone's JPEG with further pictures behind the first
    "WEBP": "image/webp",
    "GIF": "image/gif",
    "AVIF": "image/avif",
    "BMP": "image/bmp",
    "TIFF": "image/tiff",
}

_KNOWN_BUT_CLOSED = {
    b"\x76\x2f\x31\x01": "OpenEXR",
    b"#?RADIANCE": "Radiance HDR",
    b"8BPS": "Photoshop",
    b"<svg": "SVG",
    b"\xff\x0a": "JPEG XL",
    b"\x00\x00\x00\x0cJXL ": "JPEG XL",
}
"""First bytes -> name, of kinds that ComfyUI nodes save or people send and that Pillow does not open."""

_BROKEN = (UnidentifiedImageError, OSError, ValueError, SyntaxError, EOFError, IndexError, struct.error, zlib.error)
"""What Pillow's plugins raise on bad bytes. Truncated files are `OSError`, bad PNG chunks are `SyntaxError`."""

_BOMB = (Image.DecompressionBombError, Image.DecompressionBombWarning)


@dataclass(frozen=True)
class ImageInfo:
    """What a picture's bytes say it is. `width` and `height` in pixels, as stored (before any EXIF rotation)."""

    media_type: str
    width: int
    height: int
    animated: bool


@contextmanager
def open_image(path: Path) -> Generator[Image.Image, None, None]:
    """Open a picture with every guard in place; nothing that the body raises on bad bytes leaves it untranslated.

    Raises:
        UnsupportedMedia: A known kind that Pillow does not open.
        BadMedia: Empty, cut off, beyond `MAX_PIXELS`, or no picture.
        FileNotFoundError, PermissionError: As the operating system says.

    """
    with path.open("rb") as file:
        head = file.read(16)
        if not head:
            raise BadMedia("That file is empty.")
        try:
            with Image.open(file, formats=_FORMATS) as image:
                if image.width * image.height > MAX_PIXELS:
                    raise BadMedia(f"That picture is too large to open ({image.width} x {image.height}).")
                yield image
        except _BOMB as error:
            raise BadMedia("That picture is too large to open.") from error
        except _BROKEN as error:
            raise _explain(head, error) from error


def media_type_of(image: Image.Image) -> str:
    """The media type of an image from `open_image`, by its bytes."""
    return _MEDIA_TYPES[image.format or ""]


def is_animated(image: Image.Image) -> bool:
    """More than one frame to be shown in turn (the further pictures of a phone's JPEG are not)."""
    return bool(getattr(image, "is_animated", False)) and image.format in {"PNG", "WEBP", "GIF", "AVIF"}


def inspect_image(path: Path) -> ImageInfo:
    """Decode a picture once, wholly, and say what it is; the name of the file plays no part.

    Of an animation the first frame is decoded.

    Raises:
        UnsupportedMedia: A known kind that cannot be decoded here (EXR, HDR, ...): treat it as an ordinary file.
        BadMedia: Empty, cut off, a decompression bomb, or not a picture at all (such as HTML named `.png`).

    """
    with open_image(path) as image:
        image.load()
        return ImageInfo(media_type_of(image), image.width, image.height, is_animated(image))


def _explain(head: bytes, error: Exception) -> BadMedia:
    for magic, name in _KNOWN_BUT_CLOSED.items():
        if head.startswith(magic):
            return UnsupportedMedia(f"{name} pictures cannot be opened here.")
    if isinstance(error, UnidentifiedImageError):
        return BadMedia("That file is not a picture.")
    return BadMedia("That picture is damaged or cut off.")
