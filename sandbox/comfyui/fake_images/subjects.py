"""The subjects of the fake images: a lighthouse, a cat, a person, ..."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sandbox.comfyui.fake_images.buildings import boat, castle, house, lighthouse, tree
from sandbox.comfyui.fake_images.canvas import Canvas
from sandbox.comfyui.fake_images.figures import cat, person, robot
from sandbox.comfyui.fake_images.palettes import Palette

Subject = Callable[[Canvas, Palette, float], None]
"""Draws itself with its feet near the horizon given."""


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
"""Word of the prompt -> subject."""
