"""A picture with a grid of numbered cells over it, on which the chosen ones are marked."""

from __future__ import annotations

import io
from collections.abc import Collection
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from bot.media.images.color_modes import without_alpha
from bot.media.images.contact_sheet import draw_number
from bot.media.images.masks import cell_box
from bot.media.images.thumbnails import load_thumbnail

_SIDE = 768
_MARK = (255, 64, 129)
_LINE = (255, 255, 255)
_STRENGTH = 0.45
"""How much of a chosen cell is the colour of the mark."""


def region_view(path: Path, grid: int, cells: Collection[int], *, max_pixels: int) -> bytes:
    """Return a JPEG of the picture with the grid. Blocking: call it through `asyncio.to_thread`.

    Args:
        path: The picture.
        grid: How many cells stand beside each other, and below each other.
        cells: The chosen cells, from 0 in reading order; on the picture they are numbered from 1.
        max_pixels: Larger pictures are refused.

    Raises:
        TooManyPixels, BadMedia: The picture cannot be opened.
        OSError: The file cannot be read.

    """
    picture = without_alpha(load_thumbnail(path, _SIDE, max_pixels=max_pixels))
    marked = Image.blend(picture, Image.new("RGB", picture.size, _MARK), _STRENGTH)
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(18)
    for cell in sorted(cells):
        box = cell_box(picture.size, grid, cell)
        picture.paste(marked.crop(box), box[:2])
    for cell in range(grid * grid):
        left, top, right, bottom = cell_box(picture.size, grid, cell)
        draw.rectangle((left, top, right - 1, bottom - 1), outline=_LINE, width=1)
        draw_number(draw, font, str(cell + 1), (left, top))
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=85)
    return out.getvalue()
