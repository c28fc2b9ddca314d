"""Draws an image from a prompt and a seed: always the same one, in some 100 ms.

Words of the prompt choose landscape, light, subject, weather and style; the seed decides everything else. Every image
has the text "sandbox" in a corner, so that nobody takes it for the work of a model.
"""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont, ImageOps

from sandbox.comfyui.fake_images import backgrounds, sky
from sandbox.comfyui.fake_images.canvas import Canvas
from sandbox.comfyui.fake_images.palettes import choose
from sandbox.comfyui.fake_images.subjects import SUBJECTS
from sandbox.comfyui.pixels import resize

WORKING_SIDE = 1280
"""The longer side in pixels while drawing; the image is scaled at the end."""


@dataclass(frozen=True, slots=True)
class ImageParameters:
    """What decides on an image, beside its size."""

    positive: str
    negative: str = ""
    seed: int = 0
    cfg: float = 7.0
    steps: int = 20


def draw_image(parameters: ImageParameters, size: tuple[int, int]) -> Image.Image:
    """An RGB image of that size in pixels."""
    words = _words(parameters.positive)
    negative_words = set(_words(parameters.negative))
    words_to_draw = [each for each in words if each not in negative_words]
    rng = random.Random(
        hashlib.sha256(f"{parameters.positive}\0{parameters.negative}\0{parameters.seed}".encode()).digest()
    )
    canvas = Canvas(_working_size(size), rng, words_to_draw)
    _compose(canvas, words_to_draw)
    _finish(canvas, words_to_draw, parameters)
    picture = resize(canvas.image, size)
    _mark(picture)
    return picture


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z]+", text.lower())


def _working_size(size: tuple[int, int]) -> tuple[int, int]:
    share = min(1.5, WORKING_SIDE / max(size))
    return max(16, round(size[0] * share)), max(16, round(size[1] * share))


def _compose(canvas: Canvas, words: Sequence[str]) -> None:
    palette = choose(words, canvas.rng)
    subject = next((SUBJECTS[word] for word in words if word in SUBJECTS), None)
    background = next((backgrounds.BACKGROUNDS[word] for word in words if word in backgrounds.BACKGROUNDS), None)
    if background is None:
        background = canvas.rng.choice(
            [backgrounds.mountains, backgrounds.lake, backgrounds.meadow, backgrounds.forest, backgrounds.sea]
        )
    if subject is None and canvas.rng.random() < 0.3 and background in {backgrounds.meadow, backgrounds.mountains}:
        subject = SUBJECTS["tree"]
    horizon = canvas.rng.uniform(0.54, 0.66)
    cloudy = 1.0 if {"cloud", "clouds", "cloudy", "storm", "stormy"} & set(words) else canvas.rng.uniform(0.1, 0.6)
    sky.sky(canvas, palette, horizon, cloudy=cloudy)
    background(canvas, palette, horizon)
    if subject is not None:
        if subject is SUBJECTS["portrait"]:
            canvas.blur(0.012)  # the background is out of focus
        subject(canvas, palette, horizon)
    for names, draw_weather in (
        ({"rain", "rainy", "storm", "stormy"}, sky.rain),
        ({"snow", "snowy", "snowing", "winter"}, sky.snowfall),
        ({"fog", "foggy", "mist", "misty", "haze"}, sky.fog),
    ):
        if names & set(words):
            draw_weather(canvas, palette)


def _finish(canvas: Canvas, words: Sequence[str], parameters: ImageParameters) -> None:
    word_set = set(words)
    if parameters.steps < 4:
        canvas.blur(0.004 * (4 - parameters.steps))
    if {"watercolor", "watercolour", "painting", "oil", "impressionist", "gouache"} & word_set:
        size = canvas.image.size
        small = resize(canvas.image, (size[0] // 2, size[1] // 2), Image.Resampling.BOX).filter(
            ImageFilter.MedianFilter(5)
        )
        canvas.replace(resize(small, size, Image.Resampling.BICUBIC))
    if {"sketch", "drawing", "pencil", "ink", "lineart"} & word_set:
        lines = ImageOps.invert(canvas.image.convert("L").filter(ImageFilter.CONTOUR).filter(ImageFilter.SMOOTH))
        paper = ImageOps.colorize(ImageOps.invert(lines), (52, 46, 50), (246, 240, 226))
        canvas.replace(Image.blend(canvas.image, paper, 0.72))
    if {"pixel", "pixelart", "retro"} & word_set:
        small = ImageOps.contain(canvas.image, (160, 160), Image.Resampling.BOX)
        canvas.replace(resize(small.quantize(24).convert("RGB"), canvas.image.size, Image.Resampling.NEAREST))
    if {"noir", "monochrome", "grayscale", "greyscale"} & word_set:
        canvas.replace(ImageOps.autocontrast(canvas.image.convert("L")).convert("RGB"))
    else:
        saturation = 0.92 + min(parameters.cfg, 20.0) / 50
        canvas.replace(ImageEnhance.Color(canvas.image).enhance(saturation))
    canvas.vignette(0.55)
    canvas.grain(0.11)


def _mark(picture: Image.Image) -> None:
    """Write "sandbox" into the lower right corner, on a dark background."""
    side = min(picture.size)
    if side < 24:
        return
    font = ImageFont.load_default(size=max(8, side // 34))
    draw = ImageDraw.Draw(picture, "RGBA")
    left, top, right, bottom = draw.textbbox((0, 0), "sandbox", font=font)
    width, height, margin = right - left, bottom - top, side // 60 + 1
    x, y = picture.width - width - 2 * margin, picture.height - height - 2 * margin
    draw.rectangle((x - margin, y - margin, x + width + margin, y + height + margin), fill=(0, 0, 0, 96))
    draw.text((x - left, y - top), "sandbox", font=font, fill=(255, 255, 255, 220))
