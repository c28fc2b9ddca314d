"""Masks: which part of a picture is to be changed. Grey pictures, 255 where it is changed wholly, 0 where it stays.

All functions block: call them through `asyncio.to_thread`.
"""

from __future__ import annotations

import io
from collections.abc import Collection
from pathlib import Path

from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageOps

from bot.media.images.color_modes import is_opaque, resized, to_eight_bit
from bot.media.images.opening import open_image

_SOFT_PART = 16
"""The edge of a region is soft over a sixteenth of a cell, twice."""


def cell_box(size: tuple[int, int], grid: int, cell: int) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of a cell, right and bottom not included; cells count from 0 in reading order.

    Args:
        size: Width and height of the picture, in pixels.
        grid: How many cells stand beside each other, and below each other.
        cell: Which one.

    """
    row, column = divmod(cell, grid)
    width, height = size
    return (
        column * width // grid,
        row * height // grid,
        (column + 1) * width // grid,
        (row + 1) * height // grid,
    )


def region_mask(size: tuple[int, int], grid: int, cells: Collection[int]) -> Image.Image:
    """Return the mask of some cells of a picture. Its edge is soft inwards: outside the cells it is 0 everywhere.

    The edges of the picture itself are not softened.

    Args:
        size: Width and height of the picture, in pixels.
        grid: How many cells stand beside each other, and below each other.
        cells: The cells to change, from 0 in reading order.

    """
    inside = Image.new("L", size, 0)
    soft = max(1, min(size) // grid // _SOFT_PART)
    shrunk = inside.copy()
    draw, draw_shrunk = ImageDraw.Draw(inside), ImageDraw.Draw(shrunk)
    for cell in cells:
        left, top, right, bottom = cell_box(size, grid, cell)
        draw.rectangle((left, top, right - 1, bottom - 1), fill=255)
        draw_shrunk.rectangle((left, top, right - 1, bottom - 1), fill=255)
    for cell in set(range(grid * grid)) - set(cells):
        left, top, right, bottom = cell_box(size, grid, cell)
        draw_shrunk.rectangle((left - soft, top - soft, right - 1 + soft, bottom - 1 + soft), fill=0)
    return ImageChops.darker(inside, shrunk.filter(ImageFilter.GaussianBlur(soft / 2)))


def read_mask(path: Path, size: tuple[int, int], *, max_pixels: int) -> Image.Image:
    """Return the mask that a person has drawn: what is transparent in it, or if nothing is, what is white.

    Args:
        path: The file; its name plays no part.
        size: Width and height of the picture that it belongs to; the mask is scaled to them.
        max_pixels: Larger files are refused before they are decoded.

    Raises:
        UnsupportedMedia, TooManyPixels, BadMedia: As from `open_image`.

    """
    with open_image(path, max_pixels=max_pixels) as image:
        image.seek(0)
        image.load()
        drawn = to_eight_bit(ImageOps.exif_transpose(image))
    mask = drawn.convert("L") if is_opaque(drawn) else ImageChops.invert(drawn.getchannel("A"))
    # Lanczos would make faint waves beside each edge, where nothing shall change.
    return mask if mask.size == size else resized(mask, size, Image.Resampling.BILINEAR)


def changes_nothing(mask: Image.Image) -> bool:
    """Whether the mask is 0 everywhere."""
    return mask.getbbox() is None


def mask_file(mask: Image.Image) -> bytes:
    """Return the mask as a PNG that every node of ComfyUI reads alike.

    White is what changes in its red, green and blue; and because ComfyUI takes the transparency of a loaded picture for
    its mask, what changes is transparent as well.
    """
    return png_file(Image.merge("RGBA", (mask, mask, mask, ImageChops.invert(mask))))


def with_mask(picture: Image.Image, mask: Image.Image) -> bytes:
    """Return the picture as a PNG that is transparent where it changes, with its colours kept below."""
    marked = picture.convert("RGB").convert("RGBA")
    marked.putalpha(ImageChops.invert(mask))
    return png_file(marked)


def png_file(image: Image.Image) -> bytes:
    """Return the picture as a PNG without metadata."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()
