"""A person's picture as ComfyUI gets it."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from bot.media.errors import BadMedia, TooManyPixels
from bot.media.images import InputPicture, prepare_input_picture
from bot.media.media_types import detect_media_type
from tests.media.sample_images import pixel, png_claiming

MANY = 10_000_000
HEIC = Path(__file__).parents[1] / "recorded" / "pictures"
"""Made by pillow-heif, which also writes: what the bot reads with cannot."""


def prepared(path: Path, *, limit: int = MANY) -> tuple[InputPicture, Image.Image]:
    made = prepare_input_picture(path, max_pixels=MANY, max_input_pixels=limit)
    return made, Image.open(io.BytesIO(made.data))


def saved(folder: Path, image: Image.Image, name: str, **options: Any) -> Path:
    image.save(folder / name, **options)
    return folder / name


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp", "a.gif", "a.avif", "a.bmp", "a.tiff", "a.heic"])
def test_every_format_becomes_png(tmp_path: Path, name: str) -> None:
    path = HEIC / "plain.heic" if name == "a.heic" else saved(tmp_path, Image.new("RGB", (30, 20), "#204060"), name)
    made, picture = prepared(path)
    assert (picture.format, picture.mode, picture.size) == ("PNG", "RGB", (30, 20))
    assert made.note is None
    assert all(abs(a - b) < 12 for a, b in zip(pixel(picture, 5, 5), (0x20, 0x40, 0x60), strict=True))


def test_cmyk_and_sixteen_bits_and_transparency(tmp_path: Path) -> None:
    assert prepared(saved(tmp_path, Image.new("CMYK", (8, 8), (255, 0, 0, 0)), "c.jpg"))[1].mode == "RGB"
    sixteen = prepared(saved(tmp_path, Image.new("I;16", (8, 8), 0x8000), "s.png"))[1]
    assert sixteen.getpixel((1, 1)) == (128, 128, 128)
    clear = prepared(saved(tmp_path, Image.new("RGBA", (8, 8), (1, 2, 3, 0)), "t.png"))[1]
    assert clear.mode == "RGBA"
    assert clear.getchannel("A").getextrema() == (0, 0)


def test_the_picture_of_an_iphone_is_turned_once_and_is_no_film() -> None:
    path = HEIC / "turned.heic"
    assert detect_media_type(path) == "image/heic"
    assert prepared(path)[1].size == (32, 64)


def test_cut_off_files_are_refused(tmp_path: Path) -> None:
    for name in ("a.heic", "a.avif", "a.png", "a.webp"):
        whole = saved(tmp_path, Image.effect_noise((64, 64), 90).convert("RGB"), name) if name != "a.heic" else None
        path = tmp_path / f"cut {name}"
        path.write_bytes((whole or HEIC / "noise.heic").read_bytes()[:-400])
        with pytest.raises(BadMedia):
            prepared(path)


def test_metadata_is_removed_and_the_picture_is_turned(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 8
    exif[0x010E] = "where I live"
    _, turned = prepared(saved(tmp_path, Image.new("RGB", (40, 20), "white"), "a.jpg", exif=exif))
    assert turned.size == (20, 40)
    text = PngImagePlugin.PngInfo()
    text.add_text("prompt", "where I live")
    made, _ = prepared(saved(tmp_path, Image.new("RGB", (40, 20)), "b.png", pnginfo=text, icc_profile=b"where I live"))
    assert b"where I live" not in made.data


@pytest.mark.parametrize("name", ["a.png", "a.gif", "a.webp", "a.avif"])
def test_of_an_animation_the_first_frame_is_taken(tmp_path: Path, name: str) -> None:
    frames = [Image.new("RGB", (16, 16), colour) for colour in ("#ff0000", "#00ff00", "#0000ff")]
    made, picture = prepared(saved(tmp_path, frames[0], name, save_all=True, append_images=frames[1:]))
    red, green, blue = pixel(picture, 3, 3)
    assert red > 200
    assert max(green, blue) < 60
    assert made.note is not None
    assert "first frame" in made.note


@given(st.integers(1, 120), st.integers(1, 120), st.integers(1, 3000))
def test_no_picture_has_more_pixels_than_allowed(tmp_path_factory: Any, width: int, height: int, limit: int) -> None:
    path = saved(tmp_path_factory.getbasetemp(), Image.new("L", (width, height)), "any.png")
    made, picture = prepared(path, limit=limit)
    assert picture.width * picture.height <= max(limit, width, height)
    assert (made.note is None) == (width * height <= limit)


def test_an_enormous_picture_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    (tmp_path / "big.png").write_bytes(png_claiming(30_000, 30_000))
    with pytest.raises(TooManyPixels):
        prepared(tmp_path / "big.png")


@pytest.mark.parametrize("data", [b"", b"text", b"\x89PNG\r\n\x1a\n", b"<html></html>"])
def test_what_is_no_picture_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x.png").write_bytes(data)
    with pytest.raises(BadMedia):
        prepared(tmp_path / "x.png")
