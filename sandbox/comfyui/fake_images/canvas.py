"""A drawing surface with relative coordinates, and the drawing functions of the fake images."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from itertools import pairwise

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from sandbox.comfyui.fake_images.palettes import RGB, mix
from sandbox.comfyui.pixels import mapped, resize

Point = tuple[float, float]


class Canvas:
    """A picture whose coordinates go from (0, 0) to (1, 1). Sizes are in units: shares of its shorter side.

    Args:
        size: Width and height in pixels.
        rng: Decides everything that is random.
        words: The words of the prompt, which decide on details of a subject.

    """

    def __init__(self, size: tuple[int, int], rng: random.Random, words: Sequence[str] = ()) -> None:
        self.width, self.height = size
        self.unit = min(size)
        self.rng = rng
        self.words = words
        """The words of the prompt."""
        self.image = Image.new("RGB", size)
        self.draw = ImageDraw.Draw(self.image)

    def at(self, x: float, y: float) -> Point:
        """A point in pixels."""
        return x * self.width, y * self.height

    def polygon(self, points: Sequence[Point], colour: RGB) -> None:
        """Draw a filled polygon."""
        self.draw.polygon([self.at(x, y) for x, y in points], fill=colour)

    def shape(self, center: Point, points: Sequence[Point], colour: RGB, scale: float = 1.0) -> None:
        """Draw a filled polygon whose points are in units around a centre, so that it keeps its proportions."""
        self.draw.polygon([self.around(center, x * scale, y * scale) for x, y in points], fill=colour)

    def around(self, center: Point, x: float, y: float) -> Point:
        """The point that is `x`, `y` units away from a centre, in pixels."""
        left, top = self.at(*center)
        return left + x * self.unit, top + y * self.unit

    def ellipse(self, center: Point, width: float, height: float, colour: RGB) -> None:
        """Draw a filled ellipse; `width` and `height` are its radii in units."""
        x, y = self.at(*center)
        x_radius, y_radius = width * self.unit, height * self.unit
        self.draw.ellipse((x - x_radius, y - y_radius, x + x_radius, y + y_radius), fill=colour)

    def line(self, points: Sequence[Point], colour: RGB, width: float) -> None:
        """Draw a line; `width` is in units."""
        self.draw.line([self.at(x, y) for x, y in points], fill=colour, width=max(1, round(width * self.unit)))

    def gradient(self, stops: Sequence[RGB], top: float, bottom: float) -> None:
        """Fill a band with a vertical gradient."""
        column = Image.new("RGB", (1, 64))
        for row in range(64):
            position = row / 63 * (len(stops) - 1)
            index = min(int(position), len(stops) - 2)
            column.putpixel((0, row), mix(stops[index], stops[index + 1], position - index))
        first, last = round(top * self.height), round(bottom * self.height)
        self.image.paste(resize(column, (self.width, last - first), Image.Resampling.BICUBIC), (0, first))

    def draw_glow(self, center: Point, radius: float, colour: RGB, strength: float = 1.0) -> None:
        """Draw light that fades with the distance from a centre; `radius` is in units."""
        side = max(2, round(radius * self.unit * 2))
        light = resize(Image.radial_gradient("L"), (side, side), Image.Resampling.BILINEAR)
        mask = mapped(light, [round((1 - min(1.0, value / 180)) ** 2 * 255 * strength) for value in range(256)])
        x, y = self.at(*center)
        self.image.paste(Image.new("RGB", (side, side), colour), (round(x - side / 2), round(y - side / 2)), mask)

    def blend_color(self, mask: Image.Image, colour: RGB) -> None:
        """Blend a colour over the picture through a mask of any size."""
        fitted = resize(mask, self.image.size, Image.Resampling.BICUBIC)
        self.image.paste(Image.new("RGB", self.image.size, colour), (0, 0), fitted)

    def soft_mask(self) -> tuple[Image.Image, ImageDraw.ImageDraw, float]:
        """A small black mask for clouds, beams and fog, a draw object for it, and its scale."""
        share = 256 / max(self.width, self.height)
        mask = Image.new("L", (max(8, round(self.width * share)), max(8, round(self.height * share))))
        return mask, ImageDraw.Draw(mask), share

    def ridge(self, base: float, height: float, roughness: float) -> list[Point]:
        """The outline of mountains by midpoint displacement, from left to right, at most `height` above `base`."""
        heights = [self.rng.random(), self.rng.random()]
        amplitude = 1.0
        for _ in range(7):
            amplitude *= roughness
            middles = [
                (left + right) / 2 + self.rng.uniform(-amplitude, amplitude) for left, right in pairwise(heights)
            ]
            heights = [each for pair in zip(heights, middles, strict=False) for each in pair] + [heights[-1]]
        low, high = min(heights), max(heights)
        return [
            (index / (len(heights) - 1), base - height * (each - low) / (high - low or 1))
            for index, each in enumerate(heights)
        ]

    def land(self, line: Sequence[Point], colour: RGB) -> None:
        """Fill everything below a line."""
        self.polygon([*line, (1, 1), (0, 1)], colour)

    def mirror(self, horizon: float, colour: RGB, share: float) -> None:
        """Draw water below the horizon: the picture above it, flipped, wavy and tinted."""
        edge = round(horizon * self.height)
        depth = self.height - edge
        above = self.image.crop((0, max(0, edge - depth), self.width, edge)).transpose(Image.Transpose.FLIP_TOP_BOTTOM)
        water = Image.blend(above, Image.new("RGB", above.size, colour), share)
        self.image.paste(resize(water, (self.width, depth), Image.Resampling.BICUBIC), (0, edge))
        row = edge
        while row < self.height:
            thick = max(1, round(self.unit * (0.001 + 0.012 * ((row - edge) / max(1, depth)))))
            strip = self.image.crop((0, row, self.width, min(self.height, row + thick)))
            shift = round(math.sin(row * 0.9) * thick * 2 + self.rng.uniform(-1, 1) * thick)
            self.image.paste(ImageChops.offset(strip, shift, 0), (0, row))
            row += thick

    def grain(self, strength: float) -> None:
        """Add film grain."""
        width, height = self.image.size
        small = (max(1, width // 2), max(1, height // 2))
        noise = Image.frombytes("L", small, self.rng.randbytes(small[0] * small[1]))
        noise = resize(noise, (width, height), Image.Resampling.BILINEAR)
        shifted = mapped(noise, [round(128 + (value - 128) * strength) for value in range(256)])
        grey = Image.merge("RGB", (shifted, shifted, shifted))
        self.replace(ImageChops.add(self.image, grey, scale=1, offset=-128))

    def vignette(self, strength: float) -> None:
        """Darken the corners."""
        light = mapped(Image.radial_gradient("L"), [round(max(0, value - 120) * strength) for value in range(256)])
        self.blend_color(light, (0, 0, 0))

    def blur(self, radius: float) -> None:
        """Blur the picture; `radius` is in units."""
        self.replace(self.image.filter(ImageFilter.GaussianBlur(radius * self.unit)))

    def replace(self, image: Image.Image) -> None:
        """Continue with another picture, which may have another size."""
        self.image = image
        self.width, self.height = image.size
        self.unit = min(image.size)
        self.draw = ImageDraw.Draw(image)
