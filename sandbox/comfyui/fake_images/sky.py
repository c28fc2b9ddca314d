"""Sky, clouds, rain, snow and fog."""

from __future__ import annotations

from PIL import ImageFilter

from sandbox.comfyui.fake_images.canvas import Canvas
from sandbox.comfyui.fake_images.palettes import Palette, mix


def sky(canvas: Canvas, palette: Palette, horizon: float, *, cloudy: float) -> None:
    """A gradient with sun or moon, stars at night, and clouds; `cloudy` is from 0 to 1."""
    canvas.gradient(palette.sky, 0, min(1.0, horizon + 0.02))
    rng = canvas.rng
    if palette.night:
        light = mix(palette.sky[0], (255, 255, 245), 0.8)
        for _ in range(260):
            size = rng.choice([0.0008, 0.0012, 0.002])
            canvas.ellipse((rng.random(), rng.random() ** 1.5 * horizon), size, size, light)
    sun = (rng.uniform(0.2, 0.8), horizon * palette.sun_height)
    canvas.draw_glow(sun, 0.75, mix(palette.sky[2], palette.sun, 0.5), 0.75)
    canvas.draw_glow(sun, 0.22, palette.sun, 0.9)
    canvas.ellipse(sun, 0.045, 0.045, palette.sun)
    if palette.night:
        shade = mix(palette.sun, palette.sky[1], 0.25)
        for x, y, size in ((-0.012, -0.008, 0.011), (0.014, 0.004, 0.008), (-0.002, 0.02, 0.006)):
            left, top = canvas.around(sun, x, y)
            canvas.ellipse((left / canvas.width, top / canvas.height), size, size, shade)
    _clouds(canvas, palette, horizon, cloudy)


def _clouds(canvas: Canvas, palette: Palette, horizon: float, cloudy: float) -> None:
    mask, brush, _ = canvas.soft_mask()
    width, height = mask.size
    for _ in range(round(3 + 9 * cloudy)):
        x, y = canvas.rng.random() * width, canvas.rng.uniform(0.08, 0.85) * horizon * height
        length, thick = canvas.rng.uniform(0.1, 0.34) * width, canvas.rng.uniform(0.008, 0.028) * height
        for _ in range(9):
            dx, dy = canvas.rng.gauss(0, 0.33) * length, canvas.rng.gauss(0, 1) * thick
            reach = length * canvas.rng.uniform(0.12, 0.35)
            shade = canvas.rng.randint(60, 150)
            brush.ellipse((x + dx - reach, y + dy - thick, x + dx + reach, y + dy + thick), fill=shade)
    lit = mix(palette.sky[2], palette.sun, 0.35) if not palette.night else mix(palette.sky[1], palette.sky[2], 0.8)
    canvas.blend_color(mask.filter(ImageFilter.GaussianBlur(3)), lit)


def rain(canvas: Canvas, palette: Palette) -> None:
    """Slanting strokes of rain."""
    for _ in range(420):
        x, y, length = canvas.rng.random(), canvas.rng.random(), canvas.rng.uniform(0.015, 0.05)
        canvas.line([(x, y), (x - length * 0.3, y + length)], mix(palette.sky[2], (235, 240, 245), 0.5), 0.0011)


def snowfall(canvas: Canvas, palette: Palette) -> None:
    """Snowflakes."""
    del palette
    for _ in range(380):
        size = canvas.rng.choice([0.0012, 0.0018, 0.0026, 0.004])
        canvas.ellipse((canvas.rng.random(), canvas.rng.random()), size, size, (250, 250, 255))


def fog(canvas: Canvas, palette: Palette) -> None:
    """Bands of mist over the lower half."""
    mask, brush, _ = canvas.soft_mask()
    for _ in range(7):
        y = canvas.rng.uniform(0.4, 0.95) * mask.height
        brush.rectangle((0, y, mask.width, y + mask.height * 0.06), fill=canvas.rng.randint(60, 130))
    canvas.blend_color(mask.filter(ImageFilter.GaussianBlur(12)), palette.sky[2])
