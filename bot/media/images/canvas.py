"""A larger canvas around a picture, to be filled by a model. All functions block: call them in a thread."""

from __future__ import annotations

from enum import StrEnum

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from bot.media.images.color_modes import resized

_STEP = 16
"""Sides that grow become multiples of this, as every VAE takes them."""
_OVERLAP_PART = 16
"""A sixteenth of the shorter side of the picture is drawn over, so that no seam is seen."""


class Direction(StrEnum):
    """To which side a picture grows."""

    LEFT = "left"
    RIGHT = "right"
    UP = "up"
    DOWN = "down"
    ALL = "all"


Margins = tuple[int, int, int, int]
"""Pixels that are added at the left, top, right and bottom."""


def margins(size: tuple[int, int], direction: Direction, percent: int) -> Margins:
    """Return how much is added where.

    Args:
        size: Width and height of the picture, in pixels.
        direction: To which side it grows; `ALL`: to all four.
        percent: How much, of its own width or height at each side.

    """
    horizontal = _added(size[0], percent, both=direction is Direction.ALL)
    vertical = _added(size[1], percent, both=direction is Direction.ALL)
    match direction:
        case Direction.LEFT:
            return horizontal, 0, 0, 0
        case Direction.RIGHT:
            return 0, 0, horizontal, 0
        case Direction.UP:
            return 0, vertical, 0, 0
        case Direction.DOWN:
            return 0, 0, 0, vertical
        case Direction.ALL:
            left, top = horizontal // 2, vertical // 2
            return left, top, horizontal - left, vertical - top


def grown_size(size: tuple[int, int], added: Margins) -> tuple[int, int]:
    """Return the size of the canvas."""
    left, top, right, bottom = added
    return size[0] + left + right, size[1] + top + bottom


def grown_canvas(picture: Image.Image, added: Margins) -> tuple[Image.Image, Image.Image]:
    """Return the picture on a larger canvas, and the mask of what is to be drawn: 255 where there was nothing.

    The new part has the colours of the nearest edge, blurred, from which a model goes on better than from grey. The
    mask reaches softly into the picture from the sides where it grows; everything else stays.

    Args:
        picture: The picture.
        added: As from `margins`.

    """
    picture = picture.convert("RGB")
    canvas = _stretched(picture, added).filter(ImageFilter.GaussianBlur(max(1, max(added) // 8)))
    left, top, *_ = added
    canvas.paste(picture, (left, top))
    width, height = picture.size
    overlap = max(2, min(width, height) // _OVERLAP_PART)
    mask = Image.new("L", canvas.size, 255)
    ImageDraw.Draw(mask).rectangle(_kept(picture.size, added, overlap // 2), fill=0)
    mask = mask.filter(ImageFilter.GaussianBlur(overlap / 5))
    limit = Image.new("L", canvas.size, 255)
    ImageDraw.Draw(limit).rectangle(_kept(picture.size, added, overlap), fill=0)
    mask = ImageChops.darker(mask, limit)
    new = Image.new("L", canvas.size, 255)
    ImageDraw.Draw(new).rectangle((left, top, left + width - 1, top + height - 1), fill=0)
    return canvas, ImageChops.lighter(mask, new)


def _added(side: int, percent: int, *, both: bool) -> int:
    wanted = side * percent * (2 if both else 1) // 100
    return -(-(side + max(wanted, 1)) // _STEP) * _STEP - side


def _kept(size: tuple[int, int], added: Margins, overlap: int) -> Margins:
    """The part of the canvas that stays, without `overlap` pixels at the sides where it grows."""
    left, top, right, bottom = added
    return (
        left + (overlap if left else 0),
        top + (overlap if top else 0),
        left + size[0] - 1 - (overlap if right else 0),
        top + size[1] - 1 - (overlap if bottom else 0),
    )


def _stretched(picture: Image.Image, added: Margins) -> Image.Image:
    """The picture with its outermost pixels repeated over the canvas."""
    left, top, right, bottom = added
    width, height = picture.size
    canvas = Image.new("RGB", grown_size(picture.size, added))
    canvas.paste(picture, (left, top))
    if left:
        canvas.paste(resized(picture.crop((0, 0, 1, height)), (left, height)), (0, top))
    if right:
        canvas.paste(resized(picture.crop((width - 1, 0, width, height)), (right, height)), (left + width, top))
    if top:
        canvas.paste(resized(canvas.crop((0, top, canvas.width, top + 1)), (canvas.width, top)), (0, 0))
    if bottom:
        edge = top + height
        row = canvas.crop((0, edge - 1, canvas.width, edge))
        canvas.paste(resized(row, (canvas.width, bottom)), (0, edge))
    return canvas
