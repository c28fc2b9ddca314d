"""A contact sheet with labelled rows and columns, whose empty cells say why they are empty."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from PIL import Image, ImageDraw, ImageFont

from bot.media.images.contact_sheet import BACKGROUND, GAP, TEXT, draw_cell, draw_number, thumbnail_or_none

_MUTED: Final = (181, 186, 193)
_HEADER_HEIGHT: Final = 30
_ROW_LABEL_WIDTH: Final = 150
_FONT_SIZE: Final = 16
_LONGEST_CAPTION: Final = 60


@dataclass(frozen=True)
class SheetCell:
    """One picture of a sheet.

    Attributes:
        label: Its number.
        path: The image file; None: there is none (yet).
        caption: What an empty cell says.

    """

    label: str
    path: Path | None = None
    caption: str = ""


def labelled_sheet(
    cells: Sequence[SheetCell],
    *,
    columns: Sequence[str] = (),
    rows: Sequence[str] = (),
    column_count: int = 5,
    cell: int = 200,
    max_pixels: int,
) -> bytes:
    """A JPEG of numbered images in rows.

    An image that cannot be opened or has too many pixels shows as an empty cell.

    Args:
        cells: In reading order.
        columns: What stands above each column; empty: nothing.
        rows: What stands before each row; empty: nothing.
        column_count: The most images side by side, where there are no labels above them.
        cell: The side of a cell, in pixels.
        max_pixels: The largest width times height of an image that is opened.

    Raises:
        ValueError: There is nothing to show.

    """
    if not cells:
        raise ValueError("a contact sheet needs cells")
    width = len(columns) or min(column_count, len(cells))
    left = _ROW_LABEL_WIDTH if rows else 0
    top = _HEADER_HEIGHT if columns else 0
    pitch = cell + GAP
    lines = -(-len(cells) // width)
    sheet = Image.new("RGB", (left + width * pitch + GAP, top + lines * pitch + GAP), BACKGROUND)
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(_FONT_SIZE)
    for number, text in enumerate(columns):
        _write(draw, font, text, (left + GAP + number * pitch + cell // 2, GAP + top // 2), cell)
    for number, text in enumerate(rows[:lines]):
        _write(draw, font, text, (GAP + left // 2, top + GAP + number * pitch + cell // 2), left - GAP)
    for index, one in enumerate(cells):
        row, column = divmod(index, width)
        corner = (left + GAP + column * pitch, top + GAP + row * pitch)
        _draw(sheet, draw, font, one, corner, cell, max_pixels)
    out = io.BytesIO()
    sheet.save(out, "JPEG", quality=85)
    return out.getvalue()


def _draw(  # noqa: PLR0917 - where and what is drawn
    sheet: Image.Image,
    draw: ImageDraw.ImageDraw,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
    one: SheetCell,
    corner: tuple[int, int],
    size: int,
    max_pixels: int,
) -> None:
    thumbnail = thumbnail_or_none(one.path, size, max_pixels)
    draw_cell(sheet, draw, thumbnail, (*corner, corner[0] + size, corner[1] + size))
    if thumbnail is None and one.caption:
        middle = (corner[0] + size // 2, corner[1] + size // 2)
        _write(draw, font, one.caption, middle, size - 2 * GAP, colour=_MUTED)
    draw_number(draw, font, one.label, corner)


def _write(  # noqa: PLR0917 - where and what is written
    draw: ImageDraw.ImageDraw,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
    text: str,
    middle: tuple[int, int],
    width: int,
    colour: tuple[int, int, int] = TEXT,
) -> None:
    """Write around a point, in as many lines as the width asks for; what the font lacks shows as question marks."""
    known = text[:_LONGEST_CAPTION].encode("latin-1", "replace").decode("latin-1")
    lines: list[str] = []
    for word in known.replace(", ", ",\n").split("\n"):
        lines += _fitted(draw, font, word, width)
    draw.multiline_text(middle, "\n".join(lines), fill=colour, font=font, anchor="mm", align="center", spacing=4)


def _fitted(
    draw: ImageDraw.ImageDraw, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, text: str, width: int
) -> list[str]:
    """The text in lines that are no wider than `width`, broken anywhere."""
    lines, current = list[str](), ""
    for letter in text:
        if current and draw.textlength(current + letter, font) > width:
            lines.append(current)
            current = ""
        current += letter
    return [*lines, current]
