"""Converting images between Pillow's color modes, and resizing them."""

from __future__ import annotations

from typing import Literal

from PIL import Image


def to_eight_bit(image: Image.Image) -> Image.Image:
    """The image as RGB with 8 bits a channel, or as RGBA where it has transparency.

    16-bit and float grey images (depth maps) are scaled; Pillow's own conversion would clip them to white.
    """
    if image.mode.startswith("I;16"):
        image = image.convert("I")
    if image.mode == "I":
        image = _multiplied(image, 1 / 256).convert("L")
    elif image.mode == "F":
        image = _multiplied(image, 255).convert("L")
    mode: Literal["RGB", "RGBA"] = "RGBA" if image.has_transparency_data else "RGB"
    return image if image.mode == mode else image.convert(mode)


def _multiplied(image: Image.Image, factor: float) -> Image.Image:
    # Pillow's stub names numpy, which is not installed.
    return image.point(lambda value: value * factor)  # pyright: ignore[reportUnknownMemberType]


def resized(
    image: Image.Image, size: tuple[int, int], method: Image.Resampling = Image.Resampling.LANCZOS
) -> Image.Image:
    """The image at another size (width, height in pixels)."""
    return image.resize(size, method, reducing_gap=3.0)  # pyright: ignore[reportUnknownMemberType]


def without_alpha(image: Image.Image, background: tuple[int, int, int] = (255, 255, 255)) -> Image.Image:
    """The image as RGB, with `background` where it was transparent."""
    if image.mode == "RGB":
        return image
    rgba = image.convert("RGBA")
    flat = Image.new("RGB", rgba.size, background)
    flat.paste(rgba, mask=rgba.getchannel("A"))
    return flat


def is_opaque(image: Image.Image) -> bool:
    """An RGB or RGBA image has no transparent pixel."""
    if image.mode != "RGBA":
        return True
    low, _ = image.getchannel("A").getextrema()
    return low == 255
