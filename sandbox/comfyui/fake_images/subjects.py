"""What stands in the painted sandbox pictures: a lighthouse, a cat, a person, ..."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from PIL import ImageFilter

from sandbox.comfyui.fake_images.canvas import Canvas, Point
from sandbox.comfyui.fake_images.palettes import RGB, Palette, mix

Subject = Callable[[Canvas, Palette, float], None]
"""Draws itself with its feet near the horizon given."""

_HAIR: Mapping[str, RGB] = {
    "blonde": (222, 186, 116), "blond": (222, 186, 116), "red": (164, 66, 36), "ginger": (186, 84, 40),
    "black": (26, 22, 28), "brown": (84, 54, 38), "brunette": (84, 54, 38), "silver": (196, 200, 208),
    "white": (226, 226, 224), "blue": (70, 104, 190), "pink": (226, 120, 170), "green": (70, 150, 110),
    "purple": (120, 76, 170), "auburn": (122, 54, 34),
}  # fmt: skip


def lighthouse(canvas: Canvas, palette: Palette, horizon: float) -> None:
    """On a rock, with a beam."""
    foot = (canvas.dice.choice([0.28, 0.7]), horizon + 0.12)
    side = 1 if foot[0] < 0.5 else -1
    _beam(canvas, palette, foot, side)
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
    canvas.shape(foot, rock, mix(palette.dark, palette.land, 0.25))
    canvas.shape(foot, [(0.02, -0.03), (0.2, 0.05), (0.34, 0.15), (0.3, 0.6), (0.1, 0.6)], palette.dark)
    white = mix(palette.lit, (255, 255, 255), 0.3)
    for stripe in range(5):
        top, bottom = -0.42 + 0.082 * (stripe + 1), -0.42 + 0.082 * stripe
        wide_top, wide_bottom = 0.036 + 0.0072 * (stripe + 1), 0.036 + 0.0072 * stripe
        colour = palette.accent if stripe % 2 == 0 else white
        if palette.night:
            colour = mix(colour, palette.dark, 0.45)
        shape = [(-wide_bottom, bottom), (wide_bottom, bottom), (wide_top, top), (-wide_top, top)]
        canvas.shape(foot, shape, colour)
        shade = [(wide_bottom * 0.3, bottom), (wide_bottom, bottom), (wide_top, top), (wide_top * 0.3, top)]
        canvas.shape(foot, shade, mix(colour, palette.dark, 0.35))
    canvas.shape(foot, [(-0.052, -0.42), (0.052, -0.42), (0.052, -0.432), (-0.052, -0.432)], palette.dark)
    canvas.shape(foot, [(-0.026, -0.432), (0.026, -0.432), (0.026, -0.48), (-0.026, -0.48)], palette.lit)
    canvas.shape(foot, [(-0.036, -0.48), (0.036, -0.48), (0, -0.525)], palette.accent)
    x, y = canvas.around(foot, 0, -0.456)
    canvas.glow((x / canvas.width, y / canvas.height), 0.16, palette.lit, 0.9)


def _beam(canvas: Canvas, palette: Palette, foot: tuple[float, float], side: int) -> None:
    mask, brush, share = canvas.soft_mask()
    x, y = canvas.around(foot, 0, -0.456)
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
    canvas.veil(mask.filter(ImageFilter.GaussianBlur(2.5)), palette.lit)


def boat(canvas: Canvas, palette: Palette, horizon: float) -> None:
    """A sailing boat."""
    foot = (canvas.dice.uniform(0.4, 0.6), horizon + 0.14)
    sail = mix(palette.lit, (255, 255, 255), 0.2)
    canvas.shape(foot, [(-0.004, -0.34), (0.004, -0.34), (0.004, 0), (-0.004, 0)], palette.dark)
    canvas.shape(foot, [(0.012, -0.33), (0.15, -0.04), (0.012, -0.03)], sail)
    canvas.shape(foot, [(-0.012, -0.27), (-0.11, -0.04), (-0.012, -0.03)], mix(sail, palette.accent, 0.35))
    hull = [(-0.16, -0.01), (0.18, -0.01), (0.12, 0.055), (-0.11, 0.055)]
    canvas.shape(foot, hull, mix(palette.accent, palette.dark, 0.4))


def house(canvas: Canvas, palette: Palette, horizon: float) -> None:
    """A cabin with lit windows and smoke."""
    foot = (canvas.dice.uniform(0.35, 0.65), horizon + 0.2)
    wall = mix(mix(palette.accent, palette.dark, 0.55), palette.land, 0.2)
    canvas.shape(foot, [(-0.13, 0), (0.13, 0), (0.13, -0.12), (-0.13, -0.12)], wall)
    canvas.shape(foot, [(0.06, -0.14), (0.09, -0.14), (0.09, -0.24), (0.06, -0.24)], palette.dark)
    canvas.shape(foot, [(-0.165, -0.11), (0.165, -0.11), (0, -0.24)], palette.dark)
    for x in (-0.085, 0.035):
        pane = [(x, -0.045), (x + 0.05, -0.045), (x + 0.05, -0.09), (x, -0.09)]
        canvas.shape(foot, pane, palette.lit)
        px, py = canvas.around(foot, x + 0.025, -0.066)
        canvas.glow((px / canvas.width, py / canvas.height), 0.1, palette.lit, 0.5)
    canvas.shape(foot, [(-0.02, 0), (0.018, 0), (0.018, -0.075), (-0.02, -0.075)], palette.dark)


def castle(canvas: Canvas, palette: Palette, horizon: float) -> None:
    """Towers on a crag."""
    foot = (canvas.dice.uniform(0.4, 0.6), horizon + 0.12)
    stone = mix(palette.dark, palette.land, 0.35)
    canvas.shape(foot, [(-0.4, 0.5), (-0.2, 0.02), (0.2, 0.02), (0.4, 0.5)], mix(palette.dark, palette.land, 0.15))
    for x, wide, tall in ((-0.15, 0.04, 0.22), (-0.05, 0.055, 0.34), (0.07, 0.045, 0.27), (0.16, 0.035, 0.18)):
        tower = [(x - wide, 0.03), (x + wide, 0.03), (x + wide, -tall), (x - wide, -tall)]
        canvas.shape(foot, tower, stone)
        roof = [(x - wide * 1.25, -tall), (x + wide * 1.25, -tall), (x, -tall - wide * 2.4)]
        canvas.shape(foot, roof, mix(palette.accent, palette.dark, 0.45))
        window = [
            (x - 0.008, -tall + 0.05),
            (x + 0.008, -tall + 0.05),
            (x + 0.008, -tall + 0.08),
            (x - 0.008, -tall + 0.08),
        ]
        canvas.shape(foot, window, palette.lit)
    canvas.shape(foot, [(-0.19, 0.03), (0.19, 0.03), (0.19, -0.1), (-0.19, -0.1)], mix(stone, palette.dark, 0.3))


def tree(canvas: Canvas, palette: Palette, horizon: float) -> None:
    """One old tree, grown by halving."""
    foot = canvas.at(canvas.dice.uniform(0.3, 0.7), horizon + 0.26)
    leaf = mix(palette.accent, palette.land, 0.12)
    tips: list[tuple[float, float]] = []
    _branch(canvas, foot, -math.pi / 2, depth=8, colour=palette.dark, tips=tips)
    for x, y in tips:
        size = canvas.dice.uniform(0.006, 0.02) * canvas.unit
        shade = mix(leaf, palette.sun if canvas.dice.random() < 0.3 else palette.dark, canvas.dice.uniform(0, 0.45))
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
        bend = angle + turn * canvas.dice.uniform(0.2, 0.55)
        shorter = length * canvas.dice.uniform(0.68, 0.84)
        _branch(canvas, end, bend, depth=depth - 1, colour=colour, tips=tips, length=shorter)


def cat(canvas: Canvas, palette: Palette, horizon: float) -> None:
    """Sitting, seen from the front, with shining eyes."""
    del horizon
    foot = (0.5, 0.93)
    fur = mix(palette.dark, palette.accent, 0.28)
    light = mix(fur, palette.lit, 0.2)
    tail = [(0.16 + 0.14 * math.sin(step / 5), 0.0 - 0.028 * step) for step in range(12)]
    for x, y in tail:
        px, py = canvas.around(foot, x, y - 0.03)
        canvas.ellipse((px / canvas.width, py / canvas.height), 0.03, 0.03, fur)
    _blob(canvas, foot, (0, -0.16), (0.19, 0.22), fur)
    _blob(canvas, foot, (0, -0.13), (0.085, 0.17), light)
    for x in (-0.07, 0.07):
        _blob(canvas, foot, (x, -0.01), (0.05, 0.03), light)
    _blob(canvas, foot, (0, -0.42), (0.135, 0.118), fur)
    for side in (-1, 1):
        canvas.shape(foot, [(side * 0.125, -0.44), (side * 0.112, -0.6), (side * 0.02, -0.52)], fur)
        canvas.shape(
            foot, [(side * 0.11, -0.47), (side * 0.104, -0.57), (side * 0.045, -0.515)], mix(fur, (230, 150, 150), 0.5)
        )
        _blob(canvas, foot, (side * 0.055, -0.43), (0.03, 0.027), (236, 206, 96))
        _blob(canvas, foot, (side * 0.055, -0.43), (0.008, 0.025), (16, 14, 18))
        _blob(canvas, foot, (side * 0.055 - 0.008, -0.44), (0.006, 0.006), (255, 255, 255))
        for whisker in (-0.02, 0, 0.02):
            start = canvas.around(foot, side * 0.04, -0.375)
            end = canvas.around(foot, side * 0.2, -0.385 + whisker * 2)
            canvas.draw.line(
                [start, end], fill=mix(palette.lit, (255, 255, 255), 0.4), width=max(1, canvas.unit // 500)
            )
    _blob(canvas, foot, (0, -0.36), (0.05, 0.034), light)
    canvas.shape(foot, [(-0.014, -0.392), (0.014, -0.392), (0, -0.374)], (214, 120, 124))


def person(canvas: Canvas, palette: Palette, horizon: float) -> None:
    """A portrait from the shoulders up."""
    del horizon
    hair, skin = _hair_and_skin(canvas, palette)
    foot = (0.5 + canvas.dice.uniform(-0.05, 0.05), 1.0)
    clothes = mix(palette.accent, palette.dark, 0.25)
    long_hair = canvas.dice.random() < (0.15 if {"man", "boy", "he", "beard", "short"} & set(canvas.words) else 0.8)
    if long_hair:
        _blob(canvas, foot, (0, -0.42), (0.215, 0.3), hair)
        canvas.shape(foot, [(-0.21, -0.45), (0.21, -0.45), (0.25, -0.05), (-0.25, -0.05)], hair)
    canvas.shape(foot, [(-0.07, -0.3), (0.07, -0.3), (0.085, -0.12), (-0.085, -0.12)], mix(skin, palette.dark, 0.25))
    shoulders = [(-0.09, -0.19), (0.09, -0.19), (0.27, -0.12), (0.34, 0.02), (-0.34, 0.02), (-0.27, -0.12)]
    canvas.shape(foot, shoulders, clothes)
    canvas.shape(foot, [(-0.09, -0.19), (0, -0.06), (0.09, -0.19)], skin)
    _blob(canvas, foot, (0, -0.45), (0.145, 0.185), skin)
    _blob(canvas, foot, (0.05, -0.44), (0.1, 0.16), mix(skin, palette.dark, 0.08))
    _face(canvas, foot, palette, hair, skin)
    _blob(canvas, foot, (0, -0.585), (0.16, 0.085), hair)
    part = canvas.dice.choice([-1, 1])
    canvas.shape(
        foot, [(0.02 * part, -0.66), (-0.165 * part, -0.56), (-0.165 * part, -0.42), (-0.1 * part, -0.53)], hair
    )
    canvas.shape(foot, [(0.02 * part, -0.66), (0.165 * part, -0.56), (0.165 * part, -0.4), (0.125 * part, -0.52)], hair)


def _hair_and_skin(canvas: Canvas, palette: Palette) -> tuple[RGB, RGB]:
    skins = [(244, 208, 178), (226, 178, 142), (190, 136, 100), (142, 94, 66), (98, 64, 48)]
    skin = mix(canvas.dice.choice(skins), palette.sky[2], 0.15)
    hair = canvas.dice.choice(list(_HAIR.values()))
    if "hair" in canvas.words:  # "shoulder-length dark red hair"
        before = canvas.words[max(0, canvas.words.index("hair") - 4) : canvas.words.index("hair")]
        hair = next((_HAIR[word] for word in reversed(before) if word in _HAIR), hair)
    return mix(hair, palette.dark, 0.15), mix(skin, palette.sky[1], 0.18) if palette.night else skin


def _face(canvas: Canvas, foot: tuple[float, float], palette: Palette, hair: RGB, skin: RGB) -> None:
    iris = canvas.dice.choice([(72, 110, 150), (84, 130, 88), (96, 66, 44), (110, 96, 70)])
    for side in (-1, 1):
        _blob(canvas, foot, (side * 0.056, -0.465), (0.03, 0.017), (246, 244, 240))
        _blob(canvas, foot, (side * 0.056, -0.465), (0.0155, 0.0165), iris)
        _blob(canvas, foot, (side * 0.056, -0.465), (0.0075, 0.0085), (18, 16, 20))
        _blob(canvas, foot, (side * 0.056 - 0.005, -0.471), (0.004, 0.004), (255, 255, 255))
        brow = [(side * 0.024, -0.505), (side * 0.06, -0.52), (side * 0.093, -0.503), (side * 0.06, -0.511)]
        canvas.shape(foot, brow, mix(hair, palette.dark, 0.3))
        _blob(canvas, foot, (side * 0.08, -0.405), (0.03, 0.02), mix(skin, (226, 110, 110), 0.22))
    canvas.shape(foot, [(-0.004, -0.46), (0.012, -0.408), (-0.014, -0.404)], mix(skin, palette.dark, 0.18))
    lips = mix((190, 84, 88), skin, 0.25)
    canvas.shape(
        foot, [(-0.04, -0.36), (-0.014, -0.371), (0, -0.366), (0.014, -0.371), (0.04, -0.36), (0, -0.342)], lips
    )


def robot(canvas: Canvas, palette: Palette, horizon: float) -> None:
    """A friendly one."""
    del horizon
    foot = (0.5, 0.95)
    metal, shade = mix((176, 186, 196), palette.sky[1], 0.3), mix((92, 100, 112), palette.dark, 0.3)
    canvas.shape(foot, [(-0.16, 0.05), (0.16, 0.05), (0.19, -0.26), (-0.19, -0.26)], metal)
    canvas.shape(foot, [(0.05, 0.05), (0.16, 0.05), (0.19, -0.26), (0.08, -0.26)], shade)
    canvas.shape(foot, [(-0.04, -0.25), (0.04, -0.25), (0.04, -0.31), (-0.04, -0.31)], shade)
    canvas.shape(foot, [(-0.15, -0.3), (0.15, -0.3), (0.13, -0.53), (-0.13, -0.53)], metal)
    canvas.shape(foot, [(-0.11, -0.34), (0.11, -0.34), (0.1, -0.48), (-0.1, -0.48)], palette.dark)
    for x in (-0.05, 0.05):
        _blob(canvas, foot, (x, -0.42), (0.024, 0.028), palette.lit)
        px, py = canvas.around(foot, x, -0.42)
        canvas.glow((px / canvas.width, py / canvas.height), 0.09, palette.accent, 0.7)
    canvas.draw.line(
        [canvas.around(foot, 0, -0.53), canvas.around(foot, 0, -0.6)], fill=shade, width=max(2, canvas.unit // 120)
    )
    _blob(canvas, foot, (0, -0.61), (0.016, 0.016), palette.accent)


def _blob(
    canvas: Canvas, foot: tuple[float, float], place: tuple[float, float], radii: tuple[float, float], colour: RGB
) -> None:
    px, py = canvas.around(foot, *place)
    canvas.ellipse((px / canvas.width, py / canvas.height), *radii, colour)


SUBJECTS: Mapping[str, Subject] = {
    "lighthouse": lighthouse,
    "boat": boat, "ship": boat, "sailboat": boat,
    "house": house, "cabin": house, "cottage": house, "home": house, "hut": house,
    "castle": castle, "palace": castle, "fortress": castle,
    "tree": tree, "oak": tree, "cherry": tree, "blossom": tree,
    "cat": cat, "kitten": cat, "kitty": cat,
    "robot": robot, "android": robot, "mecha": robot,
    "portrait": person, "selfie": person, "woman": person, "man": person, "girl": person, "boy": person,
    "person": person, "face": person, "she": person, "he": person, "artist": person, "nova": person, "alex": person,
}  # fmt: skip
"""Word -> what is drawn."""
