from __future__ import annotations

import io
import json
import struct
import zlib
from pathlib import Path

import pytest
from PIL import ExifTags, Image, PngImagePlugin

from bot.errors import ERRORS_BY_CODE, InputInvalid, OutputTooLarge
from bot.media.errors import BadMedia, UnsupportedMedia
from bot.media.images import contact_sheet, fit_image, inspect_image, make_thumbnail, strip_metadata

GRAPH = json.dumps({"3": {"class_type": "KSampler", "inputs": {"seed": 5}}})


def noise(width: int, height: int, mode: str = "RGB") -> Image.Image:
    return Image.effect_noise((width, height), 70).convert(mode)


def comfy_png(path: Path, width: int = 320, height: int = 240, mode: str = "RGB") -> Path:
    """A picture as SaveImage writes it: text chunks `prompt` and `workflow`."""
    text = PngImagePlugin.PngInfo()
    text.add_text("prompt", GRAPH)
    text.add_text("workflow", '{"nodes": "\N{SNOWMAN}"}')
    noise(width, height, mode).save(path, pnginfo=text)
    return path


def png_claiming(width: int, height: int) -> bytes:
    """A tiny file whose header claims an enormous picture."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")
    )


def opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


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
    info = inspect_image(disguised)
    assert (info.media_type, info.width, info.height, info.animated) == (media_type, 40, 30, False)


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png"])
def test_an_animation_is_told_from_a_still(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    noise(20, 20).save(path, save_all=True, append_images=[noise(20, 20), noise(20, 20)], duration=50)
    assert inspect_image(path).animated


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
        inspect_image(path)
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
            inspect_image(path)


@pytest.mark.parametrize("side", [10_000, 12_000, 60_000])
def test_a_decompression_bomb_is_an_error_at_every_size_beyond_the_limit(tmp_path: Path, side: int) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(png_claiming(side, side))
    with pytest.raises(BadMedia, match="too large"):
        inspect_image(path)
    with pytest.raises(BadMedia, match="too large"):
        strip_metadata(path)
    with pytest.raises(BadMedia, match="too large"):
        fit_image(path, 10)


def test_an_openexr_file_is_named_so_that_it_can_be_kept(tmp_path: Path) -> None:
    path = tmp_path / "x.exr"
    path.write_bytes(b"\x76\x2f\x31\x01\x02\0\0\0channels\0chlist\0")
    with pytest.raises(UnsupportedMedia, match="OpenEXR"):
        inspect_image(path)


def test_postscript_is_never_handed_to_an_interpreter(tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    path.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n%%EOF\n")
    with pytest.raises(BadMedia):
        inspect_image(path)


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
    make_thumbnail(source, target)
    info = inspect_image(target)
    assert (info.width, info.height) == expected
    assert info.media_type == "image/webp"


def test_a_photo_taken_sideways_stands_upright(tmp_path: Path) -> None:
    source, target = tmp_path / "s.jpg", tmp_path / "t.png"
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    noise(400, 100).save(source, exif=exif)
    make_thumbnail(source, target)
    assert (inspect_image(target).width, inspect_image(target).height) == (50, 200)


def test_a_depth_map_of_16_bits_is_scaled_not_clipped(tmp_path: Path) -> None:
    source, target = tmp_path / "s.png", tmp_path / "t.png"
    Image.new("I;16", (100, 100), 0x8000).save(source)
    make_thumbnail(source, target)
    assert opened(target.read_bytes()).convert("L").getpixel((50, 50)) == 128


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "F"])
@pytest.mark.parametrize("suffix", [".jpg", ".webp", ".png"])
def test_every_kind_of_pixels_gets_a_thumbnail(tmp_path: Path, mode: str, suffix: str) -> None:
    source, target = tmp_path / "s.tiff", tmp_path / f"t{suffix}"
    noise(300, 300).convert("L").convert(mode).save(source)
    make_thumbnail(source, target)
    assert inspect_image(target).width == 200


def test_nothing_half_written_stays_when_a_thumbnail_cannot_be_made(tmp_path: Path) -> None:
    source, target = tmp_path / "s.png", tmp_path / "t.webp"
    target.write_bytes(b"old")
    source.write_bytes(b"no picture")
    with pytest.raises(BadMedia):
        make_thumbnail(source, target)
    assert target.read_bytes() == b"old"
    assert {path.name for path in tmp_path.iterdir()} == {"s.png", "t.webp"}


# -- fitting


def test_a_picture_that_fits_is_posted_byte_for_byte(tmp_path: Path) -> None:
    path = comfy_png(tmp_path / "a.png")
    fitted = fit_image(path, path.stat().st_size)
    assert fitted.data == path.read_bytes()
    assert fitted.note is None
    assert (fitted.suffix, fitted.media_type) == (".png", "image/png")


def test_one_byte_too_many_is_packed_better_first(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.linear_gradient("L").convert("RGB").save(path, compress_level=1)
    limit = path.stat().st_size - 1
    fitted = fit_image(path, limit)
    assert len(fitted.data) <= limit
    assert fitted.media_type == "image/png"
    assert opened(fitted.data).tobytes() == opened(path.read_bytes()).tobytes()
    assert fitted.note is not None
    assert "PNG" in fitted.note


@pytest.mark.parametrize("limit", [120_000, 60_000, 20_000, 5_000, 700])
def test_steps_down_until_it_fits_and_says_so(tmp_path: Path, limit: int) -> None:
    path = comfy_png(tmp_path / "a.png", 400, 300)
    assert path.stat().st_size > 120_000
    fitted = fit_image(path, limit)
    assert len(fitted.data) <= limit
    picture = opened(fitted.data)
    assert picture.size == (fitted.width, fitted.height)
    assert fitted.media_type in {"image/webp", "image/jpeg"}
    assert fitted.note
    assert (fitted.width == 400) == ("scaled" not in fitted.note)
    assert abs(fitted.width / fitted.height - 4 / 3) < 0.1


def test_smaller_limits_never_give_larger_pictures(tmp_path: Path) -> None:
    path = comfy_png(tmp_path / "a.png", 400, 300)
    widths = [fit_image(path, limit).width for limit in (200_000, 50_000, 10_000, 2_000)]
    assert widths == sorted(widths, reverse=True)


def test_the_graph_travels_along_as_comfyui_writes_it_in_webp(tmp_path: Path) -> None:
    path = comfy_png(tmp_path / "a.png", 400, 300)
    first = fit_image(path, path.stat().st_size // 2)
    exif = opened(first.data).getexif()
    assert str(exif[ExifTags.Base.Model]) == "prompt:" + GRAPH
    workflow = str(exif[ExifTags.Base.Make])
    assert json.loads(workflow.removeprefix("workflow:")) == {"nodes": "\N{SNOWMAN}"}
    again = tmp_path / "again.webp"
    again.write_bytes(first.data)
    second = fit_image(again, len(first.data) - 1)
    assert str(opened(second.data).getexif()[ExifTags.Base.Model]) == "prompt:" + GRAPH


def test_metadata_off_strips_what_fits_and_what_does_not(tmp_path: Path) -> None:
    path = comfy_png(tmp_path / "a.png", 400, 300)
    for limit in (10**7, path.stat().st_size // 2):
        fitted = fit_image(path, limit, keep_metadata=False)
        assert b"KSampler" not in fitted.data
        assert not opened(fitted.data).getexif()


def test_metadata_that_alone_breaks_the_limit_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    text = PngImagePlugin.PngInfo()
    text.add_text("prompt", json.dumps("x" * 50_000))
    noise(60, 60).save(path, pnginfo=text)
    fitted = fit_image(path, 20_000)
    assert fitted.width == 60


def test_transparency_survives(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    picture = noise(300, 300, "RGBA")
    picture.putalpha(Image.linear_gradient("L").crop((0, 0, 300, 300)))
    picture.save(path)
    for limit in (60_000, 8_000):
        fitted = fit_image(path, limit)
        assert fitted.media_type == "image/webp"
        assert opened(fitted.data).mode == "RGBA"


def test_an_animation_stays_one(tmp_path: Path) -> None:
    path = tmp_path / "a.gif"
    noise(160, 120).save(path, save_all=True, append_images=[noise(160, 120) for _ in range(5)], duration=40)
    limit = path.stat().st_size // 4
    fitted = fit_image(path, limit)
    assert len(fitted.data) <= limit
    target = tmp_path / "b.webp"
    target.write_bytes(fitted.data)
    assert inspect_image(target).animated


def test_what_cannot_fit_is_an_error_with_its_own_code(tmp_path: Path) -> None:
    path = comfy_png(tmp_path / "a.png")
    with pytest.raises(OutputTooLarge):
        fit_image(path, 10)


# -- metadata


def test_png_loses_its_texts_and_no_pixel(tmp_path: Path) -> None:
    path = comfy_png(tmp_path / "a.png")
    with Image.open(path) as before:
        pixels = before.tobytes()
    stripped = strip_metadata(path)
    after = opened(stripped)
    assert after.tobytes() == pixels
    assert b"KSampler" not in stripped
    assert b"tEXt" not in stripped
    assert len(stripped) < path.stat().st_size


def test_png_loses_what_hides_behind_its_end(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    noise(10, 10).save(path)
    path.write_bytes(path.read_bytes() + b"secret")
    assert not strip_metadata(path).endswith(b"secret")


@pytest.mark.parametrize("suffix", [".webp", ".jpg"])
def test_exif_goes_and_the_picture_stays(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    exif = Image.Exif()
    exif[ExifTags.Base.Model] = "prompt:secret"
    noise(60, 40).save(path, exif=exif, quality=80, icc_profile=b"profile-bytes")
    with Image.open(path) as before:
        pixels = before.tobytes()
    stripped = strip_metadata(path)
    after = opened(stripped)
    assert after.tobytes() == pixels
    assert b"secret" not in stripped
    assert not after.getexif()
    assert after.info.get("icc_profile") == b"profile-bytes"


def test_a_photo_keeps_its_orientation_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    exif[ExifTags.Base.Model] = "secret"
    noise(60, 40).save(path, exif=exif, comment=b"secret")
    stripped = strip_metadata(path)
    assert b"secret" not in stripped
    assert dict(opened(stripped).getexif()) == {ExifTags.Base.Orientation: 6}


def test_gif_loses_its_comment_and_keeps_its_frames(tmp_path: Path) -> None:
    path = tmp_path / "a.gif"
    noise(30, 30).save(path, save_all=True, append_images=[noise(30, 30)], duration=50, loop=0, comment=b"secret")
    assert b"secret" in path.read_bytes()
    stripped = strip_metadata(path)
    assert b"secret" not in stripped
    target = tmp_path / "b.gif"
    target.write_bytes(stripped)
    assert inspect_image(target).animated
    assert opened(stripped).info["loop"] == 0


def test_a_format_without_a_promise_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.tiff"
    noise(10, 10).save(path)
    with pytest.raises(UnsupportedMedia):
        strip_metadata(path)


# -- contact sheet


def test_a_sheet_shows_each_picture_in_its_place(tmp_path: Path) -> None:
    colours = [(200, 30, 30), (30, 200, 30), (30, 30, 200), (200, 200, 30), (30, 200, 200), (200, 30, 200)]
    paths: list[Path | None] = []
    for index, colour in enumerate(colours):
        path = tmp_path / f"{index}.webp"
        Image.new("RGB", (200, 200), colour).save(path, lossless=True)
        paths.append(path)
    sheet = opened(contact_sheet(paths, [26, 27, 28, 29, 30, 31]))
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
    assert contact_sheet([path], [1]) != contact_sheet([path], [8])


def test_a_missing_or_broken_picture_costs_one_cell_not_the_page(tmp_path: Path) -> None:
    good, broken = tmp_path / "a.png", tmp_path / "b.png"
    Image.new("RGB", (200, 200), (255, 0, 0)).save(good)
    broken.write_bytes(b"<html>")
    sheet = opened(contact_sheet([good, broken, tmp_path / "gone.png", None]))
    assert sheet.size == (4 * 208 + 8, 216)
    empty = sheet.getpixel((8 + 208 + 150, 158))
    assert isinstance(empty, tuple)
    assert max(empty) < 80


def test_a_sheet_of_nothing_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="needs pictures"):
        contact_sheet([])
