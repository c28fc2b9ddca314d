"""Bringing any picture Pillow opens to 8 bits a channel, and colours to where an encoder takes them."""

from __future__ import annotations

from typing import Literal

from PIL import Image


def to_eight_bit(image: Image.Image) -> Image.Image:
    """The picture as RGB, or RGBA where anything in it is transparent.

    16-bit and float greys (depth maps) are scaled, not clipped: Pillow's own conversion would turn them white.
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


def resized(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """The picture at another size, in good quality."""
    return image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)  # pyright: ignore[reportUnknownMemberType]


def without_alpha(image: Image.Image, background: tuple[int, int, int] = (255, 255, 255)) -> Image.Image:
    """The picture as RGB; what was transparent shows `background`."""
    if image.mode == "RGB":
        return image
    rgba = image.convert("RGBA")
    flat = Image.new("RGB", rgba.size, background)
    flat.paste(rgba, mask=rgba.getchannel("A"))
    return flat


def is_opaque(image: Image.Image) -> bool:
    """Nothing of an RGB or RGBA picture is see-through."""
    if image.mode != "RGBA":
        return True
    low, _ = image.getchannel("A").getextrema()
    return low == 255
