from __future__ import annotations

from pathlib import Path

import pytest
from PIL import ExifTags, Image

from bot.errors import ERRORS_BY_CODE, InputInvalid
from bot.media.errors import BadMedia, TooManyPixels, UnsupportedMedia
from bot.media.images import (
    SheetCell,
    contact_sheet,
    inspect_image,
    labelled_sheet,
    make_thumbnail,
    shrink_image,
    strip_metadata,
)
from bot.media.images.opening import open_image
from bot.settings.sections import MediaSection
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
def test_the_content_decides_not_the_name(tmp_path: Path, suffix: str, media_type: str) -> None:
    real = tmp_path / f"picture{suffix}"
    noise(40, 30).save(real)
    disguised = real.rename(tmp_path / "picture.exe")
    info = inspect_image(disguised, max_pixels=MAX_PIXELS)
    assert (info.media_type, info.width, info.height, info.animated) == (media_type, 40, 30, False)


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png"])
def test_animations_are_recognised(tmp_path: Path, suffix: str) -> None:
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
def test_files_that_are_not_images_are_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "x.png"
    path.write_bytes(data)
    with pytest.raises(BadMedia) as caught:
        inspect_image(path, max_pixels=MAX_PIXELS)
    assert str(path) not in str(caught.value)
    assert not isinstance(caught.value, UnsupportedMedia)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".gif"])
def test_truncated_images_are_refused(tmp_path: Path, suffix: str) -> None:
    whole = tmp_path / f"whole{suffix}"
    noise(90, 70).save(whole)
    data = whole.read_bytes()
    path = tmp_path / f"cut{suffix}"
    for part in (3, 12, 40, len(data) // 4, len(data) // 2):
        path.write_bytes(data[:part])
        with pytest.raises(BadMedia):
            inspect_image(path, max_pixels=MAX_PIXELS)


def test_an_image_with_exactly_as_many_pixels_as_allowed_is_opened(tmp_path: Path) -> None:
    path, target = tmp_path / "a.png", tmp_path / "t.png"
    noise(40, 30).save(path)
    limit = 40 * 30
    assert inspect_image(path, max_pixels=limit).width == 40
    make_thumbnail(path, target, 20, max_pixels=limit)
    assert opened(target.read_bytes()).size == (20, 15)
    assert shrink_image(path, 10**6, max_pixels=limit).data == path.read_bytes()
    assert opened(strip_metadata(path, max_pixels=limit)).size == (40, 30)


def test_an_image_with_one_pixel_more_than_allowed_is_refused_everywhere(tmp_path: Path) -> None:
    path, target = tmp_path / "a.png", tmp_path / "t.png"
    noise(40, 30).save(path)
    limit = 40 * 30 - 1
    for refuse in (
        lambda: inspect_image(path, max_pixels=limit),
        lambda: make_thumbnail(path, target, max_pixels=limit),
        lambda: shrink_image(path, 10**6, max_pixels=limit),
        lambda: shrink_image(path, 10**6, keep_metadata=False, max_pixels=limit),
        lambda: strip_metadata(path, max_pixels=limit),
    ):
        with pytest.raises(TooManyPixels, match=r"too large to open \(40 x 30\)"):
            refuse()
    assert not target.exists()


def test_an_image_above_the_limit_is_an_empty_cell_of_a_contact_sheet(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.new("RGB", (200, 200), (255, 0, 0)).save(path)
    shown = opened(contact_sheet([path], max_pixels=200 * 200)).getpixel((158, 158))
    hidden = opened(contact_sheet([path], max_pixels=200 * 200 - 1)).getpixel((158, 158))
    assert isinstance(shown, tuple)
    assert isinstance(hidden, tuple)
    assert shown[0] > 200
    assert hidden[0] < 80


def test_a_frame_of_an_animation_above_the_limit_is_refused(tmp_path: Path) -> None:
    """The frames of a GIF may be larger than its header says."""
    path = tmp_path / "a.gif"
    noise(20, 20).save(path, save_all=True, append_images=[noise(20, 20)], duration=50)
    data = bytearray(path.read_bytes())
    second_frame = data.rindex(b",\0\0\0\0\x14\0\x14\0")
    data[second_frame + 5 : second_frame + 9] = (1000).to_bytes(2, "little") * 2
    path.write_bytes(data)
    assert inspect_image(path, max_pixels=400).animated
    with pytest.raises(TooManyPixels, match="1000 x 1000"):
        shrink_image(path, 10, max_pixels=400)


def test_the_limit_is_150_million_pixels_by_default() -> None:
    assert MediaSection().max_pixels == MAX_PIXELS == 150_000_000


@pytest.mark.parametrize(
    ("width", "height", "max_pixels"),
    [
        (12_000, 12_500, MAX_PIXELS),  # above the limit at which Pillow warns by default, 89,478,485
        (20_000, 20_000, 400_000_000),  # above the limit at which Pillow refuses by default, twice as much
    ],
)
def test_a_limit_above_pillows_own_is_in_force(tmp_path: Path, width: int, height: int, max_pixels: int) -> None:
    path = tmp_path / "large.png"
    path.write_bytes(png_claiming(width, height))
    with open_image(path, max_pixels=max_pixels) as image:
        assert image.size == (width, height)
    with pytest.raises(TooManyPixels), open_image(path, max_pixels=max_pixels - 1):
        pass


@pytest.mark.parametrize("side", [12_248, 60_000])
def test_a_decompression_bomb_is_refused_before_it_is_decoded(tmp_path: Path, side: int) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(png_claiming(side, side))
    for refuse in (
        lambda: inspect_image(path, max_pixels=MAX_PIXELS),
        lambda: strip_metadata(path, max_pixels=MAX_PIXELS),
        lambda: shrink_image(path, 10, max_pixels=MAX_PIXELS),
    ):
        with pytest.raises(TooManyPixels, match="too large"):
            refuse()


def test_an_openexr_file_is_unsupported_and_named(tmp_path: Path) -> None:
    path = tmp_path / "x.exr"
    path.write_bytes(b"\x76\x2f\x31\x01\x02\0\0\0channels\0chlist\0")
    with pytest.raises(UnsupportedMedia, match="OpenEXR"):
        inspect_image(path, max_pixels=MAX_PIXELS)


def test_postscript_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    path.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n%%EOF\n")
    with pytest.raises(BadMedia):
        inspect_image(path, max_pixels=MAX_PIXELS)


def test_bad_media_has_the_code_of_invalid_input() -> None:
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


def test_a_thumbnail_is_rotated_as_exif_asks(tmp_path: Path) -> None:
    source, target = tmp_path / "s.jpg", tmp_path / "t.png"
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    noise(400, 100).save(source, exif=exif)
    make_thumbnail(source, target, max_pixels=MAX_PIXELS)
    assert (
        inspect_image(target, max_pixels=MAX_PIXELS).width,
        inspect_image(target, max_pixels=MAX_PIXELS).height,
    ) == (50, 200)


def test_16_bit_grey_is_scaled_not_clipped(tmp_path: Path) -> None:
    source, target = tmp_path / "s.png", tmp_path / "t.png"
    Image.new("I;16", (100, 100), 0x8000).save(source)
    make_thumbnail(source, target, max_pixels=MAX_PIXELS)
    assert opened(target.read_bytes()).convert("L").getpixel((50, 50)) == 128


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "F"])
@pytest.mark.parametrize("suffix", [".jpg", ".webp", ".png"])
def test_every_color_mode_gets_a_thumbnail(tmp_path: Path, mode: str, suffix: str) -> None:
    source, target = tmp_path / "s.tiff", tmp_path / f"t{suffix}"
    noise(300, 300).convert("L").convert(mode).save(source)
    make_thumbnail(source, target, max_pixels=MAX_PIXELS)
    assert inspect_image(target, max_pixels=MAX_PIXELS).width == 200


def test_a_failed_thumbnail_leaves_the_target_as_it_was(tmp_path: Path) -> None:
    source, target = tmp_path / "s.png", tmp_path / "t.webp"
    target.write_bytes(b"old")
    source.write_bytes(b"no picture")
    with pytest.raises(BadMedia):
        make_thumbnail(source, target, max_pixels=MAX_PIXELS)
    assert target.read_bytes() == b"old"
    assert {path.name for path in tmp_path.iterdir()} == {"s.png", "t.webp"}


# -- contact sheet


def test_a_sheet_shows_each_image_in_its_cell(tmp_path: Path) -> None:
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


def test_missing_and_broken_images_are_empty_cells(tmp_path: Path) -> None:
    good, broken = tmp_path / "a.png", tmp_path / "b.png"
    Image.new("RGB", (200, 200), (255, 0, 0)).save(good)
    broken.write_bytes(b"<html>")
    sheet = opened(contact_sheet([good, broken, tmp_path / "gone.png", None], max_pixels=MAX_PIXELS))
    assert sheet.size == (4 * 208 + 8, 216)
    empty = sheet.getpixel((8 + 208 + 150, 158))
    assert isinstance(empty, tuple)
    assert max(empty) < 80


def test_a_sheet_of_no_images_raises() -> None:
    with pytest.raises(ValueError, match="needs pictures"):
        contact_sheet([], max_pixels=MAX_PIXELS)


# -- labelled sheet


def test_a_labelled_sheet_has_room_for_its_labels_and_says_why_a_cell_is_empty(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.new("RGB", (200, 200), (200, 30, 30)).save(path)
    cells = [SheetCell("1", path), SheetCell("2", None, "OUT_OF_MEMORY"), SheetCell("3"), SheetCell("4", path)]
    sheet = opened(labelled_sheet(cells, columns=("cfg 4", "cfg 8"), rows=("euler", "漢字"), max_pixels=MAX_PIXELS))
    assert sheet.size == (150 + 2 * 208 + 8, 30 + 2 * 208 + 8)

    def colours(left: int, top: int, width: int, height: int) -> int:
        return len(set(sheet.crop((left, top, left + width, top + height)).convert("L").tobytes()))

    assert colours(158, 8, 200, 26) > 10, "the label of the first column"
    assert colours(0, 100, 150, 80) > 10, "the label of the first row"
    explained, empty = colours(366, 90, 200, 100), colours(158, 300, 200, 100)
    assert explained > empty
    shown = sheet.getpixel((158 + 150, 38 + 150))
    assert isinstance(shown, tuple)
    assert max(abs(a - b) for a, b in zip(shown, (200, 30, 30), strict=True)) < 12


def test_a_sheet_without_labels_is_as_wide_as_its_pictures() -> None:
    cells = [SheetCell(str(n)) for n in range(7)]
    assert opened(labelled_sheet(cells, max_pixels=MAX_PIXELS)).size == (5 * 208 + 8, 2 * 208 + 8)
    assert opened(labelled_sheet(cells[:2], max_pixels=MAX_PIXELS)).size == (2 * 208 + 8, 208 + 8)
    with pytest.raises(ValueError, match="needs cells"):
        labelled_sheet([], max_pixels=MAX_PIXELS)
