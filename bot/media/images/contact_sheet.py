"""A contact sheet: one image that shows many, numbered, as a page of the gallery does."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from bot.media.errors import BadMedia
from bot.media.images.color_modes import without_alpha
from bot.media.images.thumbnails import load_thumbnail

BACKGROUND = (43, 45, 49)
_EMPTY_CELL = (56, 58, 64)
_LABEL = (88, 101, 242)
TEXT = (255, 255, 255)
GAP = 8
_LABEL_HEIGHT = 26


def contact_sheet(
    paths: Sequence[Path | None],
    numbers: Sequence[int] | None = None,
    *,
    columns: int = 5,
    cell: int = 200,
    max_pixels: int,
) -> bytes:
    """A JPEG of numbered images in rows.

    An image that is None (audio, a lost file), cannot be opened or has too many pixels shows as an empty cell with its
    number, so that one broken file does not spoil the sheet.

    Args:
        paths: The image files in reading order. Thumbnails are fastest, but any image will do.
        numbers: What to write on each image; None: 1, 2, 3, ...
        columns: The most images side by side; fewer images make fewer columns.
        cell: The side of a cell, in pixels.
        max_pixels: The largest width times height of an image that is opened.

    Raises:
        ValueError: There is nothing to show, or not one number for each image.

    """
    labels = list(numbers) if numbers is not None else list(range(1, len(paths) + 1))
    if not paths or len(labels) != len(paths):
        raise ValueError("a contact sheet needs pictures, and one number for each")
    cells = [(thumbnail_or_none(path, cell, max_pixels), str(label)) for path, label in zip(paths, labels, strict=True)]
    out = io.BytesIO()
    _draw_sheet(cells, min(columns, len(cells)), cell).save(out, "JPEG", quality=85)
    return out.getvalue()


def _draw_sheet(cells: Sequence[tuple[Image.Image | None, str]], columns: int, size: int) -> Image.Image:
    rows = -(-len(cells) // columns)
    pitch = size + GAP
    sheet = Image.new("RGB", (columns * pitch + GAP, rows * pitch + GAP), BACKGROUND)
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(18)
    for index, (thumbnail, label) in enumerate(cells):
        row, column = divmod(index, columns)
        left, top = GAP + column * pitch, GAP + row * pitch
        draw_cell(sheet, draw, thumbnail, (left, top, left + size, top + size))
        draw_number(draw, font, label, (left, top))
    return sheet


def thumbnail_or_none(path: Path | None, size: int, max_pixels: int) -> Image.Image | None:
    """The image inside a square of `size` pixels, without transparency; None if it cannot be opened."""
    if path is None:
        return None
    try:
        return without_alpha(load_thumbnail(path, size, max_pixels=max_pixels), BACKGROUND)
    except (BadMedia, OSError):
        return None


def draw_cell(
    sheet: Image.Image, draw: ImageDraw.ImageDraw, thumbnail: Image.Image | None, box: tuple[int, int, int, int]
) -> None:
    """Paste the thumbnail into the middle of the box (left, top, right, bottom), or fill the box."""
    if thumbnail is None:
        draw.rectangle((box[0], box[1], box[2] - 1, box[3] - 1), fill=_EMPTY_CELL)
        return
    left = box[0] + (box[2] - box[0] - thumbnail.width) // 2
    top = box[1] + (box[3] - box[1] - thumbnail.height) // 2
    sheet.paste(thumbnail, (left, top))


def draw_number(
    draw: ImageDraw.ImageDraw, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, text: str, at: tuple[int, int]
) -> None:
    """Write the text on a plate in the upper left corner of the cell that begins at `at` (left, top)."""
    width = max(_LABEL_HEIGHT, round(draw.textlength(text, font)) + 12)
    draw.rounded_rectangle((at[0] + 4, at[1] + 4, at[0] + 4 + width, at[1] + 4 + _LABEL_HEIGHT), 6, fill=_LABEL)
    draw.text((at[0] + 4 + width / 2, at[1] + 4 + _LABEL_HEIGHT / 2), text, fill=TEXT, font=font, anchor="mm")
