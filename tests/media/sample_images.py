"""Image files made for the tests."""

from __future__ import annotations

import io
import json
import struct
import zlib
from pathlib import Path

from PIL import Image, ImageChops, PngImagePlugin

MAX_PIXELS = 150_000_000
"""The default of `media.max_pixels`."""

GRAPH = json.dumps({"3": {"class_type": "KSampler", "inputs": {"seed": 5}}})


def noise(width: int, height: int, mode: str = "RGB") -> Image.Image:
    return Image.effect_noise((width, height), 70).convert(mode)


def comfy_png(path: Path, width: int = 320, height: int = 240, mode: str = "RGB") -> Path:
    """An image as ComfyUI's SaveImage writes it, with text chunks `prompt` and `workflow`."""
    text = PngImagePlugin.PngInfo()
    text.add_text("prompt", GRAPH)
    text.add_text("workflow", '{"nodes": "\N{SNOWMAN}"}')
    noise(width, height, mode).save(path, pnginfo=text)
    return path


def png_claiming(width: int, height: int) -> bytes:
    """A file of some hundred bytes whose header claims an image of that size."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")
    )


def pixel(image: Image.Image, x: int, y: int) -> tuple[int, int, int]:
    """Red, green and blue of a pixel, 0 to 255."""
    data = image.convert("RGB").crop((x, y, x + 1, y + 1)).tobytes()
    return data[0], data[1], data[2]


def difference(one: Image.Image, other: Image.Image) -> int:
    """The largest difference of a channel of a pixel of two RGB images."""
    return max(ImageChops.difference(one.convert("RGB"), other.convert("RGB")).tobytes())


def opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image
