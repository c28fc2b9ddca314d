"""Preparing a person's picture for a workflow: turned by its EXIF, without metadata, with limited pixels, as PNG."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from pathlib import Path

from PIL import ImageOps

from bot.media.images.color_modes import resized, to_eight_bit
from bot.media.images.opening import is_animated, open_image


@dataclass(frozen=True, slots=True)
class InputPicture:
    """A PNG file with 8 bits a channel, RGB or RGBA. `note` says what was changed; None: nothing that one sees."""

    data: bytes
    width: int
    height: int
    note: str | None = None


def prepare_input_picture(path: Path, *, max_pixels: int, max_input_pixels: int) -> InputPicture:
    """Return the picture as ComfyUI's loaders read it. Of an animation, the first frame is taken.

    Blocking: call it through `asyncio.to_thread`.

    Args:
        path: The file; its name plays no part.
        max_pixels: Larger pictures are refused before they are decoded.
        max_input_pixels: Larger pictures are made smaller, with their aspect ratio kept.

    Raises:
        UnsupportedMedia, TooManyPixels, BadMedia: As from `open_image`.

    """
    with open_image(path, max_pixels=max_pixels) as image:
        notes = ["Only the first frame of the animation is used."] if is_animated(image) else []
        image.seek(0)
        image.load()
        turned = ImageOps.exif_transpose(image)
        picture = to_eight_bit(turned)
        size = picture.size
        scale = math.sqrt(max_input_pixels / (size[0] * size[1]))
        if scale < 1:
            smaller = (max(1, int(size[0] * scale)), max(1, int(size[1] * scale)))
            picture = resized(picture, smaller)
            notes.append(f"The picture was scaled from {size[0]} x {size[1]} to {smaller[0]} x {smaller[1]}.")
        picture.info.clear()
        buffer = io.BytesIO()
        picture.save(buffer, format="PNG", compress_level=1)
    return InputPicture(buffer.getvalue(), *picture.size, note=" ".join(notes) or None)
