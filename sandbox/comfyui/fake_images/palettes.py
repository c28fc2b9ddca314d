"""Colours of the fake images, chosen by the words of the prompt."""

from __future__ import annotations

import colorsys
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

RGB = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Palette:
    """The colours of a time of day or season.

    `sky` goes from the top to the horizon, `lit` is the colour of lights, `dark` that of silhouettes.
    """

    sky: tuple[RGB, RGB, RGB]
    sun: RGB
    land: RGB
    dark: RGB
    lit: RGB
    accent: RGB
    night: bool = False
    sun_height: float = 0.3
    """0 at the top, 1 at the horizon."""


_DAY = Palette(
    ((64, 128, 200), (128, 184, 226), (226, 236, 232)), (255, 250, 226), (86, 122, 92), (38, 58, 52), (250, 244, 220),
    (226, 96, 72), sun_height=0.25,
)  # fmt: skip
_DUSK = Palette(
    ((38, 36, 84), (156, 76, 112), (250, 168, 104)), (255, 214, 150), (74, 56, 88), (26, 20, 40), (255, 196, 128),
    (240, 104, 88), sun_height=0.82,
)  # fmt: skip
_DAWN = Palette(
    ((92, 120, 172), (206, 170, 190), (252, 222, 190)), (255, 240, 214), (98, 104, 124), (48, 50, 70), (255, 230, 200),
    (236, 140, 130), sun_height=0.78,
)  # fmt: skip
_NIGHT = Palette(
    ((8, 10, 30), (18, 28, 62), (50, 70, 112)), (236, 238, 226), (24, 34, 56), (8, 12, 24), (255, 220, 150),
    (120, 170, 230), night=True, sun_height=0.22,
)  # fmt: skip
_STORM = Palette(
    ((40, 48, 58), (84, 96, 106), (150, 158, 158)), (214, 220, 216), (62, 74, 78), (26, 32, 38), (214, 214, 196),
    (176, 84, 74), sun_height=0.4,
)  # fmt: skip
_WINTER = Palette(
    ((120, 150, 184), (184, 202, 220), (238, 240, 244)), (255, 252, 242), (200, 214, 226), (64, 78, 100),
    (255, 250, 240), (196, 74, 78), sun_height=0.5,
)  # fmt: skip
_AUTUMN = Palette(
    ((122, 146, 164), (204, 190, 160), (248, 218, 160)), (255, 236, 190), (150, 96, 50), (62, 38, 30), (255, 220, 160),
    (206, 84, 36), sun_height=0.55,
)  # fmt: skip
_NEON = Palette(
    ((12, 8, 36), (66, 20, 96), (214, 56, 150)), (255, 150, 220), (40, 22, 72), (12, 8, 28), (90, 240, 250),
    (255, 70, 170), night=True, sun_height=0.7,
)  # fmt: skip
_DESERT = Palette(
    ((70, 120, 176), (176, 190, 190), (250, 222, 176)), (255, 246, 216), (212, 160, 104), (120, 76, 52),
    (255, 232, 190), (184, 88, 56), sun_height=0.35,
)  # fmt: skip
_SPRING = Palette(
    ((112, 170, 214), (176, 212, 226), (250, 236, 234)), (255, 250, 232), (124, 164, 96), (52, 84, 60), (255, 246, 230),
    (238, 130, 170), sun_height=0.3,
)  # fmt: skip

_BY_WORD: Sequence[tuple[frozenset[str], Palette]] = (
    (frozenset({"neon", "cyberpunk", "synthwave", "vaporwave", "futuristic"}), _NEON),
    (frozenset({"night", "midnight", "moon", "moonlight", "stars", "starry", "galaxy", "space", "nocturnal"}), _NIGHT),
    (frozenset({"dusk", "sunset", "evening", "twilight", "golden"}), _DUSK),
    (frozenset({"dawn", "sunrise", "morning", "mist", "misty"}), _DAWN),
    (frozenset({"storm", "stormy", "rain", "rainy", "gloomy", "fog", "foggy", "grim"}), _STORM),
    (frozenset({"winter", "snow", "snowy", "ice", "frozen", "arctic", "christmas"}), _WINTER),
    (frozenset({"autumn", "fall", "october", "rust", "cozy"}), _AUTUMN),
    (frozenset({"desert", "dune", "dunes", "canyon", "sand"}), _DESERT),
    (frozenset({"spring", "flower", "flowers", "blossom", "garden", "meadow", "cherry", "poppies"}), _SPRING),
    (frozenset({"day", "noon", "sunny", "summer", "bright", "blue"}), _DAY),
)

_COLOURS: Mapping[str, RGB] = {
    "red": (206, 52, 52), "crimson": (170, 30, 56), "orange": (236, 132, 44), "yellow": (240, 206, 70),
    "gold": (222, 176, 64), "green": (72, 148, 84), "emerald": (36, 148, 104), "teal": (40, 140, 148),
    "blue": (64, 108, 200), "purple": (124, 72, 180), "violet": (142, 88, 200), "pink": (240, 130, 176),
    "white": (240, 240, 236), "black": (28, 28, 34), "silver": (188, 194, 202), "brown": (124, 84, 56),
    "turquoise": (64, 200, 196), "copper": (190, 110, 70),
}  # fmt: skip


def choose(words: Sequence[str], rng: random.Random) -> Palette:
    """The palette of the first rule that a word matches, or a random one, with its hues shifted a little."""
    word_set = set(words)
    palette = next((each for names, each in _BY_WORD if names & word_set), None)
    if palette is None:
        palette = rng.choice([_DAY, _DUSK, _DAWN, _AUTUMN, _SPRING, _NIGHT])
    hue_shift = rng.uniform(-0.025, 0.025)
    named_colors = [
        _COLOURS[word]
        for index, word in enumerate(words)
        if word in _COLOURS and not {"hair", "eyes"} & set(words[index + 1 : index + 3])
    ]
    accent = named_colors[0] if named_colors else shift_hue(palette.accent, hue_shift * 3)
    first, second, third = (shift_hue(each, hue_shift) for each in palette.sky)
    return Palette(
        (first, second, third),
        palette.sun,
        shift_hue(palette.land, hue_shift),
        palette.dark,
        palette.lit,
        accent,
        palette.night,
        min(0.9, max(0.12, palette.sun_height + rng.uniform(-0.06, 0.06))),
    )


def mix(first: RGB, second: RGB, share: float) -> RGB:
    """A mix of two colours; `share` is that of the second."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(first, second, strict=True))
    return red, green, blue


def shift_hue(colour: RGB, by: float) -> RGB:
    """A colour with its hue shifted by a share of the colour circle."""
    hue, light, strength = colorsys.rgb_to_hls(*(each / 255 for each in colour))
    red, green, blue = (round(each * 255) for each in colorsys.hls_to_rgb((hue + by) % 1, light, strength))
    return red, green, blue
