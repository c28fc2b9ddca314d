"""One picture of many: a gallery's page."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from bot.media.errors import BadMedia
from bot.media.images.pixels import without_alpha
from bot.media.images.thumbnails import thumbnail_of

_BACKGROUND = (43, 45, 49)
_EMPTY = (56, 58, 64)
_LABEL = (88, 101, 242)
_TEXT = (255, 255, 255)
_GAP = 8
_LABEL_HEIGHT = 26


def contact_sheet(
    thumbnails: Sequence[Path | None], numbers: Sequence[int] | None = None, *, columns: int = 5, cell: int = 200
) -> bytes:
    """A JPEG of numbered pictures in rows, `cell` pixels a side each; no more columns than pictures.

    A picture that is None (sound, a lost file) or cannot be opened shows as an empty cell with its number: one broken
    file does not cost the page.

    Args:
        thumbnails: The files, in reading order; thumbnails are fastest but any picture serves.
        numbers: What to write on each; 1, 2, 3 ... where left out.
        columns: At most so many side by side.
        cell: Pixels.

    Raises:
        ValueError: Nothing to show, or as many numbers as pictures are not given.

    """
    labels = list(numbers) if numbers is not None else list(range(1, len(thumbnails) + 1))
    if not thumbnails or len(labels) != len(thumbnails):
        raise ValueError("a contact sheet needs pictures, and one number for each")
    across = min(columns, len(thumbnails))
    down = -(-len(thumbnails) // across)
    pitch = cell + _GAP
    sheet = Image.new("RGB", (across * pitch + _GAP, down * pitch + _GAP), _BACKGROUND)
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(18)
    for index, (path, label) in enumerate(zip(thumbnails, labels, strict=True)):
        row, column = divmod(index, across)
        left, top = _GAP + column * pitch, _GAP + row * pitch
        _paste(sheet, draw, path, (left, top, left + cell, top + cell))
        _number(draw, font, str(label), (left, top))
    out = io.BytesIO()
    sheet.save(out, "JPEG", quality=85)
    return out.getvalue()


def _paste(sheet: Image.Image, draw: ImageDraw.ImageDraw, path: Path | None, box: tuple[int, int, int, int]) -> None:
    small = _open(path, box[2] - box[0])
    if small is None:
        draw.rectangle((box[0], box[1], box[2] - 1, box[3] - 1), fill=_EMPTY)
        return
    left = box[0] + (box[2] - box[0] - small.width) // 2
    top = box[1] + (box[3] - box[1] - small.height) // 2
    sheet.paste(small, (left, top))


def _open(path: Path | None, size: int) -> Image.Image | None:
    if path is None:
        return None
    try:
        return without_alpha(thumbnail_of(path, size), _BACKGROUND)
    except (BadMedia, OSError):
        return None


def _number(
    draw: ImageDraw.ImageDraw, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, text: str, at: tuple[int, int]
) -> None:
    width = max(_LABEL_HEIGHT, round(draw.textlength(text, font)) + 12)
    draw.rounded_rectangle((at[0] + 4, at[1] + 4, at[0] + 4 + width, at[1] + 4 + _LABEL_HEIGHT), 6, fill=_LABEL)
    draw.text((at[0] + 4 + width / 2, at[1] + 4 + _LABEL_HEIGHT / 2), text, fill=_TEXT, font=font, anchor="mm")
