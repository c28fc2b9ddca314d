"""The picture that carries a shared workflow: an example drawn with it, or a plate with its name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from PIL import Image, ImageDraw, ImageFont

from bot.media.errors import BadMedia
from bot.media.images.color_modes import without_alpha
from bot.media.images.contact_sheet import BACKGROUND, TEXT
from bot.media.images.encoding import encode_png
from bot.media.images.thumbnails import load_thumbnail

_SIDE: Final = 768
_PLATE: Final = (768, 256)
_FONT_SIZE: Final = 40
_LONGEST_NAME: Final = 30


def shared_picture(example: Path | None, name: str, texts: Mapping[str, str], *, max_pixels: int) -> bytes:
    """Return a PNG with these texts and nothing else of the example but its pixels. Blocking.

    Args:
        example: A picture file; a plate with the name takes its place where it is None or cannot be read.
        name: What stands on the plate.
        texts: Text chunks by their keywords, in ASCII.
        max_pixels: The largest width times height of an example that is opened.

    """
    picture = _example(example, max_pixels) or _plate(name)
    # A new image, since Pillow would write the old one's text chunks and colour profile again.
    clean = Image.new("RGB", picture.size)
    clean.paste(picture)
    return encode_png(clean, texts).data


def _example(path: Path | None, max_pixels: int) -> Image.Image | None:
    if path is None:
        return None
    try:
        return without_alpha(load_thumbnail(path, _SIDE, max_pixels=max_pixels))
    except (BadMedia, OSError):  # removed meanwhile
        return None


def _plate(name: str) -> Image.Image:
    plate = Image.new("RGB", _PLATE, BACKGROUND)
    shown = "".join(letter if " " <= letter < "\x7f" else "?" for letter in name[:_LONGEST_NAME])
    font = ImageFont.load_default(_FONT_SIZE)
    ImageDraw.Draw(plate).text((_PLATE[0] // 2, _PLATE[1] // 2), shown, font=font, fill=TEXT, anchor="mm")
    return plate
