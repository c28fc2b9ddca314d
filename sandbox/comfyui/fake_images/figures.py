"""Subjects: cat, person and robot."""

from __future__ import annotations

import math
from collections.abc import Mapping

from sandbox.comfyui.fake_images.canvas import Canvas
from sandbox.comfyui.fake_images.palettes import RGB, Palette, mix

_HAIR: Mapping[str, RGB] = {
    "blonde": (222, 186, 116), "blond": (222, 186, 116), "red": (164, 66, 36), "ginger": (186, 84, 40),
    "black": (26, 22, 28), "brown": (84, 54, 38), "brunette": (84, 54, 38), "silver": (196, 200, 208),
    "white": (226, 226, 224), "blue": (70, 104, 190), "pink": (226, 120, 170), "green": (70, 150, 110),
    "purple": (120, 76, 170), "auburn": (122, 54, 34),
}  # fmt: skip


def cat(canvas: Canvas, palette: Palette, horizon: float) -> None:
    """A sitting cat, from the front."""
    del horizon
    origin = (0.5, 0.93)
    fur = mix(palette.dark, palette.accent, 0.28)
    light = mix(fur, palette.lit, 0.2)
    tail = [(0.16 + 0.14 * math.sin(step / 5), 0.0 - 0.028 * step) for step in range(12)]
    for x, y in tail:
        px, py = canvas.around(origin, x, y - 0.03)
        canvas.ellipse((px / canvas.width, py / canvas.height), 0.03, 0.03, fur)
    _ellipse(canvas, origin, (0, -0.16), (0.19, 0.22), fur)
    _ellipse(canvas, origin, (0, -0.13), (0.085, 0.17), light)
    for x in (-0.07, 0.07):
        _ellipse(canvas, origin, (x, -0.01), (0.05, 0.03), light)
    _ellipse(canvas, origin, (0, -0.42), (0.135, 0.118), fur)
    for side in (-1, 1):
        canvas.shape(origin, [(side * 0.125, -0.44), (side * 0.112, -0.6), (side * 0.02, -0.52)], fur)
        canvas.shape(
            origin,
            [(side * 0.11, -0.47), (side * 0.104, -0.57), (side * 0.045, -0.515)],
            mix(fur, (230, 150, 150), 0.5),
        )
        _ellipse(canvas, origin, (side * 0.055, -0.43), (0.03, 0.027), (236, 206, 96))
        _ellipse(canvas, origin, (side * 0.055, -0.43), (0.008, 0.025), (16, 14, 18))
        _ellipse(canvas, origin, (side * 0.055 - 0.008, -0.44), (0.006, 0.006), (255, 255, 255))
        for whisker in (-0.02, 0, 0.02):
            start = canvas.around(origin, side * 0.04, -0.375)
            end = canvas.around(origin, side * 0.2, -0.385 + whisker * 2)
            canvas.draw.line(
                [start, end], fill=mix(palette.lit, (255, 255, 255), 0.4), width=max(1, canvas.unit // 500)
            )
    _ellipse(canvas, origin, (0, -0.36), (0.05, 0.034), light)
    canvas.shape(origin, [(-0.014, -0.392), (0.014, -0.392), (0, -0.374)], (214, 120, 124))


def person(canvas: Canvas, palette: Palette, horizon: float) -> None:
    """A portrait from the shoulders up. The words of the prompt decide on the hair."""
    del horizon
    hair, skin = _hair_and_skin(canvas, palette)
    origin = (0.5 + canvas.rng.uniform(-0.05, 0.05), 1.0)
    clothes = mix(palette.accent, palette.dark, 0.25)
    long_hair = canvas.rng.random() < (0.15 if {"man", "boy", "he", "beard", "short"} & set(canvas.words) else 0.8)
    if long_hair:
        _ellipse(canvas, origin, (0, -0.42), (0.215, 0.3), hair)
        canvas.shape(origin, [(-0.21, -0.45), (0.21, -0.45), (0.25, -0.05), (-0.25, -0.05)], hair)
    canvas.shape(origin, [(-0.07, -0.3), (0.07, -0.3), (0.085, -0.12), (-0.085, -0.12)], mix(skin, palette.dark, 0.25))
    shoulders = [(-0.09, -0.19), (0.09, -0.19), (0.27, -0.12), (0.34, 0.02), (-0.34, 0.02), (-0.27, -0.12)]
    canvas.shape(origin, shoulders, clothes)
    canvas.shape(origin, [(-0.09, -0.19), (0, -0.06), (0.09, -0.19)], skin)
    _ellipse(canvas, origin, (0, -0.45), (0.145, 0.185), skin)
    _ellipse(canvas, origin, (0.05, -0.44), (0.1, 0.16), mix(skin, palette.dark, 0.08))
    _face(canvas, origin, palette, hair, skin)
    _ellipse(canvas, origin, (0, -0.585), (0.16, 0.085), hair)
    part = canvas.rng.choice([-1, 1])
    canvas.shape(
        origin, [(0.02 * part, -0.66), (-0.165 * part, -0.56), (-0.165 * part, -0.42), (-0.1 * part, -0.53)], hair
    )
    canvas.shape(
        origin, [(0.02 * part, -0.66), (0.165 * part, -0.56), (0.165 * part, -0.4), (0.125 * part, -0.52)], hair
    )


def _hair_and_skin(canvas: Canvas, palette: Palette) -> tuple[RGB, RGB]:
    skins = [(244, 208, 178), (226, 178, 142), (190, 136, 100), (142, 94, 66), (98, 64, 48)]
    skin = mix(canvas.rng.choice(skins), palette.sky[2], 0.15)
    hair = canvas.rng.choice(list(_HAIR.values()))
    if "hair" in canvas.words:  # "shoulder-length dark red hair"
        before = canvas.words[max(0, canvas.words.index("hair") - 4) : canvas.words.index("hair")]
        hair = next((_HAIR[word] for word in reversed(before) if word in _HAIR), hair)
    return mix(hair, palette.dark, 0.15), mix(skin, palette.sky[1], 0.18) if palette.night else skin


def _face(canvas: Canvas, origin: tuple[float, float], palette: Palette, hair: RGB, skin: RGB) -> None:
    iris = canvas.rng.choice([(72, 110, 150), (84, 130, 88), (96, 66, 44), (110, 96, 70)])
    for side in (-1, 1):
        _ellipse(canvas, origin, (side * 0.056, -0.465), (0.03, 0.017), (246, 244, 240))
        _ellipse(canvas, origin, (side * 0.056, -0.465), (0.0155, 0.0165), iris)
        _ellipse(canvas, origin, (side * 0.056, -0.465), (0.0075, 0.0085), (18, 16, 20))
        _ellipse(canvas, origin, (side * 0.056 - 0.005, -0.471), (0.004, 0.004), (255, 255, 255))
        brow = [(side * 0.024, -0.505), (side * 0.06, -0.52), (side * 0.093, -0.503), (side * 0.06, -0.511)]
        canvas.shape(origin, brow, mix(hair, palette.dark, 0.3))
        _ellipse(canvas, origin, (side * 0.08, -0.405), (0.03, 0.02), mix(skin, (226, 110, 110), 0.22))
    canvas.shape(origin, [(-0.004, -0.46), (0.012, -0.408), (-0.014, -0.404)], mix(skin, palette.dark, 0.18))
    lips = mix((190, 84, 88), skin, 0.25)
    canvas.shape(
        origin, [(-0.04, -0.36), (-0.014, -0.371), (0, -0.366), (0.014, -0.371), (0.04, -0.36), (0, -0.342)], lips
    )


def robot(canvas: Canvas, palette: Palette, horizon: float) -> None:
    """A robot."""
    del horizon
    origin = (0.5, 0.95)
    metal, shade = mix((176, 186, 196), palette.sky[1], 0.3), mix((92, 100, 112), palette.dark, 0.3)
    canvas.shape(origin, [(-0.16, 0.05), (0.16, 0.05), (0.19, -0.26), (-0.19, -0.26)], metal)
    canvas.shape(origin, [(0.05, 0.05), (0.16, 0.05), (0.19, -0.26), (0.08, -0.26)], shade)
    canvas.shape(origin, [(-0.04, -0.25), (0.04, -0.25), (0.04, -0.31), (-0.04, -0.31)], shade)
    canvas.shape(origin, [(-0.15, -0.3), (0.15, -0.3), (0.13, -0.53), (-0.13, -0.53)], metal)
    canvas.shape(origin, [(-0.11, -0.34), (0.11, -0.34), (0.1, -0.48), (-0.1, -0.48)], palette.dark)
    for x in (-0.05, 0.05):
        _ellipse(canvas, origin, (x, -0.42), (0.024, 0.028), palette.lit)
        px, py = canvas.around(origin, x, -0.42)
        canvas.draw_glow((px / canvas.width, py / canvas.height), 0.09, palette.accent, 0.7)
    canvas.draw.line(
        [canvas.around(origin, 0, -0.53), canvas.around(origin, 0, -0.6)], fill=shade, width=max(2, canvas.unit // 120)
    )
    _ellipse(canvas, origin, (0, -0.61), (0.016, 0.016), palette.accent)


def _ellipse(
    canvas: Canvas, origin: tuple[float, float], offset: tuple[float, float], radii: tuple[float, float], colour: RGB
) -> None:
    px, py = canvas.around(origin, *offset)
    canvas.ellipse((px / canvas.width, py / canvas.height), *radii, colour)
