from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import ExifTags, Image, PngImagePlugin

from bot.errors import OutputTooLarge
from bot.media.errors import UnsupportedMedia
from bot.media.images import inspect_image, shrink_image, strip_metadata
from tests.media.sample_images import GRAPH, MAX_PIXELS, comfy_png, noise, opened

# -- shrinking


def test_an_image_that_fits_is_unchanged(tmp_path: Path) -> None:
    path = comfy_png(tmp_path / "a.png")
    shrunk = shrink_image(path, path.stat().st_size, max_pixels=MAX_PIXELS)
    assert shrunk.data == path.read_bytes()
    assert shrunk.note is None
    assert (shrunk.suffix, shrunk.media_type) == (".png", "image/png")


def test_a_png_slightly_too_large_is_packed_better(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.linear_gradient("L").convert("RGB").save(path, compress_level=1)
    limit = path.stat().st_size - 1
    shrunk = shrink_image(path, limit, max_pixels=MAX_PIXELS)
    assert len(shrunk.data) <= limit
    assert shrunk.media_type == "image/png"
    assert opened(shrunk.data).tobytes() == opened(path.read_bytes()).tobytes()
    assert shrunk.note is not None
    assert "PNG" in shrunk.note


@pytest.mark.parametrize(
    ("limit", "media_type", "scaled"),
    [
        (120_000, "image/webp", False),
        (65_000, "image/jpeg", False),
        (20_000, "image/webp", True),
        (5_000, "image/webp", True),
        (700, "image/webp", True),
    ],
)
def test_an_image_is_encoded_to_fit_the_limit(tmp_path: Path, limit: int, media_type: str, scaled: bool) -> None:
    path = comfy_png(tmp_path / "a.png", 400, 300)
    assert path.stat().st_size > 120_000
    shrunk = shrink_image(path, limit, max_pixels=MAX_PIXELS)
    assert len(shrunk.data) <= limit
    assert shrunk.media_type == media_type
    assert opened(shrunk.data).size == (shrunk.width, shrunk.height)
    assert (shrunk.width < 400) is scaled
    assert abs(shrunk.width / shrunk.height - 4 / 3) < 0.1
    assert shrunk.note is not None
    assert ("scaled from 400 x 300" in shrunk.note) is scaled


def test_smaller_limits_never_give_larger_images(tmp_path: Path) -> None:
    path = comfy_png(tmp_path / "a.png", 400, 300)
    widths = [shrink_image(path, limit, max_pixels=MAX_PIXELS).width for limit in (200_000, 50_000, 10_000, 2_000)]
    assert widths == sorted(widths, reverse=True)


def test_the_graph_is_kept_as_comfyui_writes_it_in_webp(tmp_path: Path) -> None:
    path = comfy_png(tmp_path / "a.png", 400, 300)
    first = shrink_image(path, path.stat().st_size // 2, max_pixels=MAX_PIXELS)
    exif = opened(first.data).getexif()
    assert str(exif[ExifTags.Base.Model]) == "prompt:" + GRAPH
    workflow = str(exif[ExifTags.Base.Make])
    assert json.loads(workflow.removeprefix("workflow:")) == {"nodes": "\N{SNOWMAN}"}
    again = tmp_path / "again.webp"
    again.write_bytes(first.data)
    second = shrink_image(again, len(first.data) - 1, max_pixels=MAX_PIXELS)
    assert str(opened(second.data).getexif()[ExifTags.Base.Model]) == "prompt:" + GRAPH


def test_without_metadata_the_graph_is_gone(tmp_path: Path) -> None:
    path = comfy_png(tmp_path / "a.png", 400, 300)
    for limit in (10**7, path.stat().st_size // 2):
        shrunk = shrink_image(path, limit, keep_metadata=False, max_pixels=MAX_PIXELS)
        assert b"KSampler" not in shrunk.data
        assert not opened(shrunk.data).getexif()


def files_with_secrets() -> Iterator[tuple[str, bytes]]:
    """One picture in each format with a text wherever the format has a place for one."""
    secret = "KSampler " * 20
    exif = Image.Exif()
    for tag in (ExifTags.Base.Make, ExifTags.Base.Model, ExifTags.Base.ImageDescription, ExifTags.Base.Artist):
        exif[tag] = secret
    texts = PngImagePlugin.PngInfo()
    texts.add_text("prompt", secret)
    texts.add_itxt("XML:com.adobe.xmp", secret)
    several: dict[str, Any] = {"save_all": True, "append_images": [noise(200, 150)], "duration": 100}
    options: dict[str, dict[str, Any]] = {
        "png": {"pnginfo": texts, "exif": exif},
        "apng.png": {"pnginfo": texts, "exif": exif, **several},
        "jpg": {"comment": secret, "exif": exif, "xmp": secret.encode()},
        "webp": {"exif": exif, "xmp": secret.encode(), "lossless": True},
        "animated.webp": {"exif": exif, "xmp": secret.encode(), **several},
        "gif": {"comment": secret},
        "animated.gif": {"comment": secret, **several},
        "tiff": {"tiffinfo": {270: secret, 305: secret, 700: secret.encode()}},
        "avif": {"exif": exif, "xmp": secret.encode()},
    }
    for suffix, given in options.items():
        out = io.BytesIO()
        noise(200, 150).save(out, suffix.rpartition(".")[2].replace("jpg", "jpeg"), **given)
        yield suffix, out.getvalue()


@pytest.mark.parametrize(("suffix", "data"), [pytest.param(*each, id=each[0]) for each in files_with_secrets()])
def test_without_metadata_no_format_keeps_a_word(tmp_path: Path, suffix: str, data: bytes) -> None:
    assert b"KSampler" in data
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(data)
    for limit in (10**7, len(data) * 3 // 4, 10_000, 3_000):
        shrunk = shrink_image(path, limit, keep_metadata=False, max_pixels=MAX_PIXELS)
        assert b"KSampler" not in shrunk.data
        assert "KSampler" not in repr({**opened(shrunk.data).info, "exif": dict(opened(shrunk.data).getexif())})


def test_metadata_larger_than_the_limit_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    text = PngImagePlugin.PngInfo()
    text.add_text("prompt", json.dumps("x" * 50_000))
    noise(60, 60).save(path, pnginfo=text)
    shrunk = shrink_image(path, 20_000, max_pixels=MAX_PIXELS)
    assert shrunk.width == 60


def test_transparency_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    picture = noise(300, 300, "RGBA")
    picture.putalpha(Image.linear_gradient("L").crop((0, 0, 300, 300)))
    picture.save(path)
    for limit in (60_000, 8_000):
        shrunk = shrink_image(path, limit, max_pixels=MAX_PIXELS)
        assert shrunk.media_type == "image/webp"
        assert opened(shrunk.data).mode == "RGBA"


def test_an_animation_stays_one(tmp_path: Path) -> None:
    path = tmp_path / "a.gif"
    noise(160, 120).save(path, save_all=True, append_images=[noise(160, 120) for _ in range(5)], duration=40)
    limit = path.stat().st_size // 4
    shrunk = shrink_image(path, limit, max_pixels=MAX_PIXELS)
    assert len(shrunk.data) <= limit
    target = tmp_path / "b.webp"
    target.write_bytes(shrunk.data)
    assert inspect_image(target, max_pixels=MAX_PIXELS).animated


def test_an_image_that_cannot_fit_is_an_error(tmp_path: Path) -> None:
    path = comfy_png(tmp_path / "a.png")
    with pytest.raises(OutputTooLarge):
        shrink_image(path, 10, max_pixels=MAX_PIXELS)


# -- metadata


def test_png_loses_its_texts_and_no_pixel(tmp_path: Path) -> None:
    path = comfy_png(tmp_path / "a.png")
    with Image.open(path) as before:
        pixels = before.tobytes()
    stripped = strip_metadata(path, max_pixels=MAX_PIXELS)
    after = opened(stripped)
    assert after.tobytes() == pixels
    assert b"KSampler" not in stripped
    assert b"tEXt" not in stripped
    assert len(stripped) < path.stat().st_size


def test_png_loses_bytes_after_its_end(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    noise(10, 10).save(path)
    path.write_bytes(path.read_bytes() + b"secret")
    assert not strip_metadata(path, max_pixels=MAX_PIXELS).endswith(b"secret")


@pytest.mark.parametrize("suffix", [".webp", ".jpg"])
def test_exif_is_stripped_and_pixels_stay(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    exif = Image.Exif()
    exif[ExifTags.Base.Model] = "prompt:secret"
    noise(60, 40).save(path, exif=exif, quality=80, icc_profile=b"profile-bytes")
    with Image.open(path) as before:
        pixels = before.tobytes()
    stripped = strip_metadata(path, max_pixels=MAX_PIXELS)
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
    stripped = strip_metadata(path, max_pixels=MAX_PIXELS)
    assert b"secret" not in stripped
    assert dict(opened(stripped).getexif()) == {ExifTags.Base.Orientation: 6}


def test_gif_loses_its_comment_and_keeps_its_frames(tmp_path: Path) -> None:
    path = tmp_path / "a.gif"
    noise(30, 30).save(path, save_all=True, append_images=[noise(30, 30)], duration=50, loop=0, comment=b"secret")
    assert b"secret" in path.read_bytes()
    stripped = strip_metadata(path, max_pixels=MAX_PIXELS)
    assert b"secret" not in stripped
    target = tmp_path / "b.gif"
    target.write_bytes(stripped)
    assert inspect_image(target, max_pixels=MAX_PIXELS).animated
    assert opened(stripped).info["loop"] == 0


def test_metadata_of_other_formats_is_not_stripped(tmp_path: Path) -> None:
    path = tmp_path / "a.tiff"
    noise(10, 10).save(path)
    with pytest.raises(UnsupportedMedia):
        strip_metadata(path, max_pixels=MAX_PIXELS)
