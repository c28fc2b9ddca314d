"""Pillow functions whose types are incomplete without numpy."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image


def resize(
    picture: Image.Image, size: tuple[int, int], method: Image.Resampling = Image.Resampling.LANCZOS
) -> Image.Image:
    """A picture in another size, of at least 1 x 1."""
    wanted = (max(1, size[0]), max(1, size[1]))
    return picture.resize(wanted, method)  # pyright: ignore[reportUnknownMemberType]


def mapped(picture: Image.Image, table: Sequence[int]) -> Image.Image:
    """A picture with each of 256 values replaced by that of the table."""
    return picture.point(table)  # pyright: ignore[reportUnknownMemberType]
