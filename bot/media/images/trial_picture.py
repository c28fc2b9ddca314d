"""The picture that a workflow starts from when it is tried: a sky, a hill and a house."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image, ImageDraw

from bot.file_hash import sha256_of_file
from bot.media.atomic_write import write_atomically

_SIDE = 512
_SKY = (250, 190, 140), (70, 80, 140)
_HILL = (60, 90, 60)
_WALL, _ROOF = (235, 225, 205), (150, 50, 40)


def write_trial_picture(path: Path) -> str:
    """Write the picture as PNG unless it is there, and return its SHA-256 (hex). Blocking.

    Raises:
        OSError: It cannot be written.

    """
    if not path.is_file():
        encoded = io.BytesIO()
        _picture().save(encoded, "PNG")
        write_atomically(path, encoded.getvalue())
    return sha256_of_file(path)


def _picture() -> Image.Image:
    picture = Image.new("RGB", (_SIDE, _SIDE))
    draw = ImageDraw.Draw(picture)
    low, high = _SKY
    for y in range(_SIDE):
        share = y / _SIDE
        colour = tuple(round(b + (a - b) * share) for a, b in zip(low, high, strict=True))
        draw.line([(0, y), (_SIDE, y)], fill=colour)
    draw.ellipse([-100, 330, _SIDE + 100, 900], fill=_HILL)
    draw.rectangle([200, 260, 310, 360], fill=_WALL)
    draw.polygon([(185, 260), (255, 200), (325, 260)], fill=_ROOF)
    return picture
