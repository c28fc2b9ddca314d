"""Landscapes: mountains, sea, lake, forest, city, meadow and desert."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from itertools import pairwise

from PIL import ImageFilter

from sandbox.comfyui.fake_images.canvas import Canvas
from sandbox.comfyui.fake_images.palettes import Palette, mix

Background = Callable[[Canvas, Palette, float], None]
"""Draws a landscape below the sky; the last argument is the height of the horizon (0 top, 1 bottom)."""


def mountains(canvas: Canvas, palette: Palette, horizon: float) -> None:
    """Three mountain ranges and a meadow."""
    for number, (height, haze) in enumerate(((0.3, 0.72), (0.22, 0.45), (0.13, 0.2))):
        line = canvas.ridge(horizon + 0.03 * number, height, 0.52)
        canvas.land(line, mix(palette.land, palette.sky[2], haze))
        if number == 0:
            _snow_caps(canvas, line, horizon, palette)
    canvas.land(canvas.ridge(horizon + 0.14, 0.05, 0.35), mix(palette.land, palette.dark, 0.35))
    grass(canvas, palette, horizon + 0.16)


def _snow_caps(canvas: Canvas, line: list[tuple[float, float]], horizon: float, palette: Palette) -> None:
    top = min(y for _, y in line)
    limit = top + (horizon - top) * 0.4
    for (x1, y1), (x2, y2) in pairwise(line):
        if max(y1, y2) < limit:
            deep = canvas.rng.uniform(0.3, 0.8)
            points = [(x1, y1), (x2, y2), (x2, y2 + (limit - y2) * deep), (x1, y1 + (limit - y1) * deep)]
            canvas.polygon(points, mix(palette.sky[2], (255, 255, 255), 0.6))


def sea(canvas: Canvas, palette: Palette, horizon: float) -> None:
    """Water that mirrors the sky, and a distant coast."""
    coast = canvas.ridge(horizon + 0.004, 0.06, 0.5)
    canvas.polygon([*coast, (1, horizon + 0.01), (0, horizon + 0.01)], mix(palette.land, palette.sky[2], 0.5))
    canvas.mirror(horizon, mix(palette.sky[0], palette.dark, 0.4), 0.45)
    for _ in range(90):
        y = horizon + (1 - horizon) * canvas.rng.random() ** 0.8
        x, length = canvas.rng.random(), 0.004 + 0.05 * (y - horizon)
        canvas.line([(x, y), (x + length, y)], mix(palette.sky[2], palette.sun, 0.4), 0.0012)


def lake(canvas: Canvas, palette: Palette, horizon: float) -> None:
    """Mountains mirrored in a lake."""
    for height, haze in ((0.28, 0.6), (0.16, 0.25)):
        line = canvas.ridge(horizon, height, 0.5)
        canvas.polygon([*line, (1, horizon), (0, horizon)], mix(palette.land, palette.sky[2], haze))
    _row_of_firs(canvas, palette, horizon, count=60, size=0.05, shade=0.55)
    canvas.mirror(horizon, mix(palette.sky[0], palette.dark, 0.2), 0.25)


def forest(canvas: Canvas, palette: Palette, horizon: float) -> None:
    """Four rows of firs with mist between them."""
    canvas.land(canvas.ridge(horizon, 0.16, 0.5), mix(palette.land, palette.sky[2], 0.55))
    for number in range(4):
        base = horizon + 0.06 + number * 0.1
        shade = 0.15 + number * 0.25
        canvas.land(canvas.ridge(base, 0.03, 0.4), mix(palette.land, palette.dark, shade))
        _row_of_firs(canvas, palette, base, count=34 - number * 6, size=0.1 + 0.06 * number, shade=shade)
        mask, brush, _ = canvas.soft_mask()
        y = base * mask.height
        brush.rectangle((0, y - 4, mask.width, y + 6), fill=70)
        canvas.blend_color(mask.filter(ImageFilter.GaussianBlur(7)), palette.sky[2])
    grass(canvas, palette, 0.93)


def _row_of_firs(canvas: Canvas, palette: Palette, base: float, *, count: int, size: float, shade: float) -> None:
    for _ in range(count):
        foot = (canvas.rng.uniform(-0.02, 1.02), base + canvas.rng.uniform(-0.004, 0.02))
        tall = size * canvas.rng.uniform(0.6, 1.2)
        fir(canvas, foot, tall, mix(palette.land, palette.dark, min(1.0, shade + canvas.rng.uniform(-0.1, 0.1))))


def fir(canvas: Canvas, foot: tuple[float, float], tall: float, colour: tuple[int, int, int]) -> None:
    """One fir; `tall` is its height in units."""
    points: list[tuple[float, float]] = [(0, -tall)]
    for level in range(1, 6):
        reach, y = tall * 0.05 * level + tall * 0.03, -tall * (1 - level / 5.4)
        points += [(reach, y), (reach * 0.55, y - tall * 0.015)]
    points += [(tall * 0.03, -tall * 0.06), (tall * 0.03, 0)]
    mirrored = [(-x, y) for x, y in reversed(points)]
    canvas.shape(foot, [*points, *mirrored], colour)


def city(canvas: Canvas, palette: Palette, horizon: float) -> None:
    """Three rows of towers with lit windows, and a wet street that mirrors them."""
    base = horizon + 0.16
    for row in range(3):
        colour = mix(mix(palette.land, palette.dark, 0.3 + 0.3 * row), palette.sky[2], 0.45 - 0.2 * row)
        x = -0.03
        while x < 1:
            wide = canvas.rng.uniform(0.04, 0.1) * (1 + 0.3 * row)
            top = base - canvas.rng.uniform(0.16, 0.5 - 0.1 * row)
            canvas.polygon([(x, top), (x + wide, top), (x + wide, base), (x, base)], colour)
            if canvas.rng.random() < 0.3:
                canvas.line([(x + wide / 2, top), (x + wide / 2, top - 0.05)], colour, 0.003)
            _windows(canvas, palette, (x, top, x + wide, base), 0.5 if palette.night else 0.18)
            x += wide + canvas.rng.uniform(0, 0.015)
    canvas.mirror(base, mix(palette.dark, palette.sky[1], 0.25), 0.55)


def _windows(canvas: Canvas, palette: Palette, box: tuple[float, float, float, float], lit: float) -> None:
    left, top, right, bottom = box
    columns, rows = max(2, round((right - left) / 0.014)), max(3, round((bottom - top) / 0.02))
    for column in range(columns):
        for row in range(rows):
            if canvas.rng.random() < lit:
                x = left + (column + 0.3) * (right - left) / columns
                y = top + (row + 0.35) * (bottom - top) / rows
                colour = palette.accent if canvas.rng.random() < 0.08 else palette.lit
                canvas.polygon([(x, y), (x + 0.005, y), (x + 0.005, y + 0.008), (x, y + 0.008)], colour)


def meadow(canvas: Canvas, palette: Palette, horizon: float) -> None:
    """Hills with flowers, which are larger in the foreground."""
    canvas.land(canvas.ridge(horizon, 0.12, 0.4), mix(palette.land, palette.sky[2], 0.5))
    canvas.land(canvas.ridge(horizon + 0.07, 0.08, 0.35), mix(palette.land, palette.sky[2], 0.2))
    canvas.land(canvas.ridge(horizon + 0.15, 0.05, 0.3), palette.land)
    grass(canvas, palette, horizon + 0.22)
    colours = [palette.accent, mix(palette.accent, (255, 255, 255), 0.5), palette.lit, (246, 206, 84)]
    flowers = sorted(horizon + 0.16 + (0.84 - horizon) * canvas.rng.random() ** 1.3 for _ in range(230))
    for y in flowers:
        near = (y - horizon) / (1 - horizon)
        _flower(canvas, (canvas.rng.random(), y), 0.003 + 0.019 * near**2, canvas.rng.choice(colours), palette)


def _flower(
    canvas: Canvas, center: tuple[float, float], size: float, colour: tuple[int, int, int], palette: Palette
) -> None:
    canvas.line([center, (center[0] + 0.004, center[1] + size * 4)], mix(palette.land, palette.dark, 0.6), size * 0.25)
    start = canvas.rng.random()
    for petal in range(5):
        angle = (petal / 5 + start) * math.tau
        x, y = canvas.around(center, math.cos(angle) * size * 0.6, math.sin(angle) * size * 0.5)
        canvas.ellipse((x / canvas.width, y / canvas.height), size * 0.55, size * 0.45, colour)
    canvas.ellipse(center, size * 0.3, size * 0.26, (250, 214, 96))


def desert(canvas: Canvas, palette: Palette, horizon: float) -> None:
    """Dunes with a lit and a dark side."""
    for number in range(5):
        base = horizon + 0.02 + number * 0.12
        line = canvas.ridge(base, 0.07 + 0.03 * number, 0.32)
        canvas.land(line, mix(palette.land, palette.sky[2], 0.5 - 0.1 * number))
        crest = min(line, key=lambda point: point[1])
        shade = mix(palette.land, palette.dark, 0.15 + 0.1 * number)
        canvas.polygon([crest, *[point for point in line if point[0] > crest[0]], (1, 1), (crest[0] + 0.1, 1)], shade)


def grass(canvas: Canvas, palette: Palette, top: float) -> None:
    """Blades of grass in the foreground, from `top` to the lower edge."""
    for _ in range(420):
        y = top + (1.02 - top) * canvas.rng.random() ** 0.6
        x, tall = canvas.rng.random(), 0.012 + 0.05 * max(0.0, y - top)
        colour = mix(palette.dark, palette.land, canvas.rng.uniform(0.1, 0.7))
        canvas.line([(x, y), (x + canvas.rng.uniform(-0.01, 0.01), y - tall)], colour, 0.0016)


BACKGROUNDS: Mapping[str, Background] = {
    "sea": sea, "ocean": sea, "beach": sea, "coast": sea, "lighthouse": sea, "harbor": sea, "harbour": sea,
    "boat": sea, "ship": sea, "sailboat": sea, "island": sea, "waves": sea,
    "lake": lake, "river": lake, "pond": lake, "reflection": lake,
    "forest": forest, "woods": forest, "trees": forest, "cabin": forest, "fox": forest, "jungle": forest,
    "city": city, "street": city, "skyline": city, "neon": city, "cyberpunk": city, "town": city, "tower": city,
    "mountain": mountains, "mountains": mountains, "alps": mountains, "castle": mountains, "valley": mountains,
    "hills": mountains, "volcano": mountains, "dragon": mountains,
    "meadow": meadow, "flower": meadow, "flowers": meadow, "garden": meadow, "field": meadow, "poppies": meadow,
    "spring": meadow, "sunflowers": meadow, "park": meadow,
    "desert": desert, "dune": desert, "dunes": desert, "canyon": desert, "sand": desert, "mars": desert,
}  # fmt: skip
"""Word of the prompt -> landscape."""
