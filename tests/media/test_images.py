from __future__ import annotations

from pathlib import Path

import pytest
from PIL import ExifTags, Image

from bot.errors import ERRORS_BY_CODE, InputInvalid
from bot.media.errors import BadMedia, UnsupportedMedia
from bot.media.images import contact_sheet, inspect_image, make_thumbnail, shrink_image, strip_metadata
from tests.media.sample_images import MAX_PIXELS, noise, opened, png_claiming

# -- inspect


@pytest.mark.parametrize(
    ("suffix", "media_type"),
    [
        (".png", "image/png"),
        (".jpg", "image/jpeg"),
        (".webp", "image/webp"),
        (".gif", "image/gif"),
        (".bmp", "image/bmp"),
        (".tiff", "image/tiff"),
        (".avif", "image/avif"),
    ],
)
def test_the_bytes_decide_not_the_name(tmp_path: Path, suffix: str, media_type: str) -> None:
    real = tmp_path / f"picture{suffix}"
    noise(40, 30).save(real)
    disguised = real.rename(tmp_path / "picture.exe")
    info = inspect_image(disguised, max_pixels=MAX_PIXELS)
    assert (info.media_type, info.width, info.height, info.animated) == (media_type, 40, 30, False)


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png"])
def test_an_animation_is_told_from_a_still(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    noise(20, 20).save(path, save_all=True, append_images=[noise(20, 20), noise(20, 20)], duration=50)
    assert inspect_image(path, max_pixels=MAX_PIXELS).animated


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<!DOCTYPE html><html><body>404</body></html>",
        b"\x89PNG\r\n\x1a\n",
        b"\xff\xd8\xff\xe0",
        b"RIFF\0\0\0\0WEBP",
    ],
    ids=["empty", "html", "png head", "jpeg head", "webp head"],
)
def test_what_is_no_picture_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "x.png"
    path.write_bytes(data)
    with pytest.raises(BadMedia) as caught:
        inspect_image(path, max_pixels=MAX_PIXELS)
    assert str(path) not in str(caught.value)
    assert not isinstance(caught.value, UnsupportedMedia)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".gif"])
def test_a_picture_cut_off_anywhere_is_refused(tmp_path: Path, suffix: str) -> None:
    whole = tmp_path / f"whole{suffix}"
    noise(90, 70).save(whole)
    data = whole.read_bytes()
    path = tmp_path / f"cut{suffix}"
    for part in (3, 12, 40, len(data) // 4, len(data) // 2):
        path.write_bytes(data[:part])
        with pytest.raises(BadMedia):
            inspect_image(path, max_pixels=MAX_PIXELS)


@pytest.mark.parametrize("side", [10_000, 12_000, 60_000])
def test_a_decompression_bomb_is_an_error_at_every_size_beyond_the_limit(tmp_path: Path, side: int) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(png_claiming(side, side))
    with pytest.raises(BadMedia, match="too large"):
        inspect_image(path, max_pixels=MAX_PIXELS)
    with pytest.raises(BadMedia, match="too large"):
        strip_metadata(path, max_pixels=MAX_PIXELS)
    with pytest.raises(BadMedia, match="too large"):
        shrink_image(path, 10, max_pixels=MAX_PIXELS)


def test_an_openexr_file_is_named_so_that_it_can_be_kept(tmp_path: Path) -> None:
    path = tmp_path / "x.exr"
    path.write_bytes(b"\x76\x2f\x31\x01\x02\0\0\0channels\0chlist\0")
    with pytest.raises(UnsupportedMedia, match="OpenEXR"):
        inspect_image(path, max_pixels=MAX_PIXELS)


def test_postscript_is_never_handed_to_an_interpreter(tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    path.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n%%EOF\n")
    with pytest.raises(BadMedia):
        inspect_image(path, max_pixels=MAX_PIXELS)


def test_bad_media_reads_as_invalid_input_for_whoever_stores_the_code() -> None:
    assert BadMedia.code == "INPUT_INVALID"
    assert ERRORS_BY_CODE["INPUT_INVALID"] is InputInvalid


# -- thumbnails


@pytest.mark.parametrize(
    ("size", "expected"),
    [((1000, 500), (200, 100)), ((500, 1000), (100, 200)), ((64, 64), (64, 64)), ((4000, 3), (200, 1))],
)
def test_a_thumbnail_fits_its_box_and_is_never_enlarged(
    tmp_path: Path, size: tuple[int, int], expected: tuple[int, int]
) -> None:
    source, target = tmp_path / "s.png", tmp_path / "deep" / "t.webp"
    noise(*size).save(source)
    make_thumbnail(source, target, max_pixels=MAX_PIXELS)
    info = inspect_image(target, max_pixels=MAX_PIXELS)
    assert (info.width, info.height) == expected
    assert info.media_type == "image/webp"


def test_a_photo_taken_sideways_stands_upright(tmp_path: Path) -> None:
    source, target = tmp_path / "s.jpg", tmp_path / "t.png"
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    noise(400, 100).save(source, exif=exif)
    make_thumbnail(source, target, max_pixels=MAX_PIXELS)
    assert (
        inspect_image(target, max_pixels=MAX_PIXELS).width,
        inspect_image(target, max_pixels=MAX_PIXELS).height,
    ) == (50, 200)


def test_a_depth_map_of_16_bits_is_scaled_not_clipped(tmp_path: Path) -> None:
    source, target = tmp_path / "s.png", tmp_path / "t.png"
    Image.new("I;16", (100, 100), 0x8000).save(source)
    make_thumbnail(source, target, max_pixels=MAX_PIXELS)
    assert opened(target.read_bytes()).convert("L").getpixel((50, 50)) == 128


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "F"])
@pytest.mark.parametrize("suffix", [".jpg", ".webp", ".png"])
def test_every_kind_of_pixels_gets_a_thumbnail(tmp_path: Path, mode: str, suffix: str) -> None:
    source, target = tmp_path / "s.tiff", tmp_path / f"t{suffix}"
    noise(300, 300).convert("L").convert(mode).save(source)
    make_thumbnail(source, target, max_pixels=MAX_PIXELS)
    assert inspect_image(target, max_pixels=MAX_PIXELS).width == 200


def test_nothing_half_written_stays_when_a_thumbnail_cannot_be_made(tmp_path: Path) -> None:
    source, target = tmp_path / "s.png", tmp_path / "t.webp"
    target.write_bytes(b"old")
    source.write_bytes(b"no picture")
    with pytest.raises(BadMedia):
        make_thumbnail(source, target, max_pixels=MAX_PIXELS)
    assert target.read_bytes() == b"old"
    assert {path.name for path in tmp_path.iterdir()} == {"s.png", "t.webp"}


# -- contact sheet


def test_a_sheet_shows_each_picture_in_its_place(tmp_path: Path) -> None:
    colours = [(200, 30, 30), (30, 200, 30), (30, 30, 200), (200, 200, 30), (30, 200, 200), (200, 30, 200)]
    paths: list[Path | None] = []
    for index, colour in enumerate(colours):
        path = tmp_path / f"{index}.webp"
        Image.new("RGB", (200, 200), colour).save(path, lossless=True)
        paths.append(path)
    sheet = opened(contact_sheet(paths, [26, 27, 28, 29, 30, 31], max_pixels=MAX_PIXELS))
    assert sheet.format == "JPEG"
    assert sheet.size == (5 * 208 + 8, 2 * 208 + 8)
    for index, colour in enumerate(colours):
        row, column = divmod(index, 5)
        shown = sheet.getpixel((8 + column * 208 + 150, 8 + row * 208 + 150))
        assert isinstance(shown, tuple)
        assert max(abs(a - b) for a, b in zip(shown, colour, strict=True)) < 12


def test_numbers_are_drawn(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.new("RGB", (200, 200), (0, 0, 0)).save(path)
    assert contact_sheet([path], [1], max_pixels=MAX_PIXELS) != contact_sheet([path], [8], max_pixels=MAX_PIXELS)


def test_a_missing_or_broken_picture_costs_one_cell_not_the_page(tmp_path: Path) -> None:
    good, broken = tmp_path / "a.png", tmp_path / "b.png"
    Image.new("RGB", (200, 200), (255, 0, 0)).save(good)
    broken.write_bytes(b"<html>")
    sheet = opened(contact_sheet([good, broken, tmp_path / "gone.png", None], max_pixels=MAX_PIXELS))
    assert sheet.size == (4 * 208 + 8, 216)
    empty = sheet.getpixel((8 + 208 + 150, 158))
    assert isinstance(empty, tuple)
    assert max(empty) < 80


def test_a_sheet_of_nothing_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="needs pictures"):
        contact_sheet([], max_pixels=MAX_PIXELS)
