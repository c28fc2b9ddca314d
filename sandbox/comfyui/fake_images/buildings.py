"""Subjects: lighthouse, boat, house, castle and tree."""

from __future__ import annotations

import math

from PIL import ImageFilter

from sandbox.comfyui.fake_images.canvas import Canvas, Point
from sandbox.comfyui.fake_images.palettes import RGB, Palette, mix


def lighthouse(canvas: Canvas, palette: Palette, horizon: float) -> None:
    """A lighthouse on a rock, with its beam."""
    origin = (canvas.rng.choice([0.28, 0.7]), horizon + 0.12)
    side = 1 if origin[0] < 0.5 else -1
    _beam(canvas, palette, origin, side)
    rock = [
        (-0.3, 0.14),
        (-0.22, 0.03),
        (-0.1, -0.02),
        (0.08, -0.03),
        (0.2, 0.05),
        (0.34, 0.15),
        (0.3, 0.6),
        (-0.3, 0.6),
    ]
    canvas.shape(origin, rock, mix(palette.dark, palette.land, 0.25))
    canvas.shape(origin, [(0.02, -0.03), (0.2, 0.05), (0.34, 0.15), (0.3, 0.6), (0.1, 0.6)], palette.dark)
    white = mix(palette.lit, (255, 255, 255), 0.3)
    for stripe in range(5):
        top, bottom = -0.42 + 0.082 * (stripe + 1), -0.42 + 0.082 * stripe
        wide_top, wide_bottom = 0.036 + 0.0072 * (stripe + 1), 0.036 + 0.0072 * stripe
        colour = palette.accent if stripe % 2 == 0 else white
        if palette.night:
            colour = mix(colour, palette.dark, 0.45)
        shape = [(-wide_bottom, bottom), (wide_bottom, bottom), (wide_top, top), (-wide_top, top)]
        canvas.shape(origin, shape, colour)
        shade = [(wide_bottom * 0.3, bottom), (wide_bottom, bottom), (wide_top, top), (wide_top * 0.3, top)]
        canvas.shape(origin, shade, mix(colour, palette.dark, 0.35))
    canvas.shape(origin, [(-0.052, -0.42), (0.052, -0.42), (0.052, -0.432), (-0.052, -0.432)], palette.dark)
    canvas.shape(origin, [(-0.026, -0.432), (0.026, -0.432), (0.026, -0.48), (-0.026, -0.48)], palette.lit)
    canvas.shape(origin, [(-0.036, -0.48), (0.036, -0.48), (0, -0.525)], palette.accent)
    x, y = canvas.around(origin, 0, -0.456)
    canvas.draw_glow((x / canvas.width, y / canvas.height), 0.16, palette.lit, 0.9)


def _beam(canvas: Canvas, palette: Palette, origin: tuple[float, float], side: int) -> None:
    mask, brush, share = canvas.soft_mask()
    x, y = canvas.around(origin, 0, -0.456)
    reach = 1.5 * canvas.unit * side
    spread = 0.16 * canvas.unit
    brush.polygon(
        [
            (x * share, y * share),
            ((x + reach) * share, (y - spread) * share),
            ((x + reach) * share, (y + spread) * share),
        ],
        fill=170 if palette.night else 150,
    )
    canvas.blend_color(mask.filter(ImageFilter.GaussianBlur(2.5)), palette.lit)


def boat(canvas: Canvas, palette: Palette, horizon: float) -> None:
    """A sailing boat."""
    origin = (canvas.rng.uniform(0.4, 0.6), horizon + 0.14)
    sail = mix(palette.lit, (255, 255, 255), 0.2)
    canvas.shape(origin, [(-0.004, -0.34), (0.004, -0.34), (0.004, 0), (-0.004, 0)], palette.dark)
    canvas.shape(origin, [(0.012, -0.33), (0.15, -0.04), (0.012, -0.03)], sail)
    canvas.shape(origin, [(-0.012, -0.27), (-0.11, -0.04), (-0.012, -0.03)], mix(sail, palette.accent, 0.35))
    hull = [(-0.16, -0.01), (0.18, -0.01), (0.12, 0.055), (-0.11, 0.055)]
    canvas.shape(origin, hull, mix(palette.accent, palette.dark, 0.4))


def house(canvas: Canvas, palette: Palette, horizon: float) -> None:
    """A cabin with lit windows."""
    origin = (canvas.rng.uniform(0.35, 0.65), horizon + 0.2)
    wall = mix(mix(palette.accent, palette.dark, 0.55), palette.land, 0.2)
    canvas.shape(origin, [(-0.13, 0), (0.13, 0), (0.13, -0.12), (-0.13, -0.12)], wall)
    canvas.shape(origin, [(0.06, -0.14), (0.09, -0.14), (0.09, -0.24), (0.06, -0.24)], palette.dark)
    canvas.shape(origin, [(-0.165, -0.11), (0.165, -0.11), (0, -0.24)], palette.dark)
    for x in (-0.085, 0.035):
        pane = [(x, -0.045), (x + 0.05, -0.045), (x + 0.05, -0.09), (x, -0.09)]
        canvas.shape(origin, pane, palette.lit)
        px, py = canvas.around(origin, x + 0.025, -0.066)
        canvas.draw_glow((px / canvas.width, py / canvas.height), 0.1, palette.lit, 0.5)
    canvas.shape(origin, [(-0.02, 0), (0.018, 0), (0.018, -0.075), (-0.02, -0.075)], palette.dark)


def castle(canvas: Canvas, palette: Palette, horizon: float) -> None:
    """A castle on a rock."""
    origin = (canvas.rng.uniform(0.4, 0.6), horizon + 0.12)
    stone = mix(palette.dark, palette.land, 0.35)
    canvas.shape(origin, [(-0.4, 0.5), (-0.2, 0.02), (0.2, 0.02), (0.4, 0.5)], mix(palette.dark, palette.land, 0.15))
    for x, wide, tall in ((-0.15, 0.04, 0.22), (-0.05, 0.055, 0.34), (0.07, 0.045, 0.27), (0.16, 0.035, 0.18)):
        tower = [(x - wide, 0.03), (x + wide, 0.03), (x + wide, -tall), (x - wide, -tall)]
        canvas.shape(origin, tower, stone)
        roof = [(x - wide * 1.25, -tall), (x + wide * 1.25, -tall), (x, -tall - wide * 2.4)]
        canvas.shape(origin, roof, mix(palette.accent, palette.dark, 0.45))
        window = [
            (x - 0.008, -tall + 0.05),
            (x + 0.008, -tall + 0.05),
            (x + 0.008, -tall + 0.08),
            (x - 0.008, -tall + 0.08),
        ]
        canvas.shape(origin, window, palette.lit)
    canvas.shape(origin, [(-0.19, 0.03), (0.19, 0.03), (0.19, -0.1), (-0.19, -0.1)], mix(stone, palette.dark, 0.3))


def tree(canvas: Canvas, palette: Palette, horizon: float) -> None:
    """A tree, by recursive branching."""
    origin = canvas.at(canvas.rng.uniform(0.3, 0.7), horizon + 0.26)
    leaf = mix(palette.accent, palette.land, 0.12)
    tips: list[tuple[float, float]] = []
    _branch(canvas, origin, -math.pi / 2, depth=8, colour=palette.dark, tips=tips)
    for x, y in tips:
        size = canvas.rng.uniform(0.006, 0.02) * canvas.unit
        shade = mix(leaf, palette.sun if canvas.rng.random() < 0.3 else palette.dark, canvas.rng.uniform(0, 0.45))
        canvas.draw.ellipse((x - size, y - size, x + size, y + size), fill=shade)


def _branch(
    canvas: Canvas, start: Point, angle: float, *, depth: int, colour: RGB, tips: list[Point], length: float = 0.15
) -> None:
    reach = length * canvas.unit
    end = (start[0] + math.cos(angle) * reach, start[1] + math.sin(angle) * reach)
    canvas.draw.line([start, end], fill=colour, width=max(1, round(0.001 * 1.48**depth * canvas.unit)))
    if depth <= 3:
        tips.append(end)
    if depth == 0:
        return
    for turn in (-1, 1):
        bend = angle + turn * canvas.rng.uniform(0.2, 0.55)
        shorter = length * canvas.rng.uniform(0.68, 0.84)
        _branch(canvas, end, bend, depth=depth - 1, colour=colour, tips=tips, length=shorter)
