"""Contact sheets of pictures and words that nobody expects."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from bot.media.images import SheetCell, labelled_sheet
from tests.media.sample_images import MAX_PIXELS, noise, png_claiming


def hostile_pictures(folder: Path) -> dict[str, Path]:
    """Picture files by what is special about them."""
    files = {name: folder / f"{name}.png" for name in ("high", "wide", "sixteen", "clear", "moving", "palette", "bits")}
    Image.new("RGB", (1, 10_000), "red").save(files["high"])
    Image.new("RGB", (10_000, 1), "red").save(files["wide"])
    Image.new("I;16", (64, 64), 40_000).save(files["sixteen"])
    Image.new("RGBA", (64, 64), (255, 0, 0, 0)).save(files["clear"])
    noise(64, 64).save(files["moving"], save_all=True, append_images=[noise(64, 64)], duration=50)
    Image.new("P", (64, 64)).save(files["palette"], transparency=0)
    Image.new("1", (64, 64)).save(files["bits"])
    others = {name: folder / name for name in ("cut.png", "empty.png", "text.png", "folder.png", "huge.png", "a.gif")}
    others["cut.png"].write_bytes(files["moving"].read_bytes()[:400])
    others["empty.png"].write_bytes(b"")
    others["text.png"].write_text("no picture", encoding="utf-8")
    others["folder.png"].mkdir()
    others["huge.png"].write_bytes(png_claiming(100_000, 100_000))
    noise(64, 64).save(others["a.gif"], save_all=True, append_images=[noise(64, 64)], duration=50)
    cmyk = folder / "cmyk.jpg"
    Image.new("CMYK", (64, 64), (10, 200, 10, 10)).save(cmyk)
    return files | others | {"cmyk": cmyk, "missing": folder / "nowhere.png"}


def test_no_picture_spoils_a_sheet(tmp_path: Path) -> None:
    pictures = hostile_pictures(tmp_path)
    cells = [SheetCell(name, path, f"{name} is missing") for name, path in pictures.items()]
    with Image.open(io.BytesIO(labelled_sheet(cells, max_pixels=MAX_PIXELS))) as sheet:
        sheet.load()
        assert (sheet.format, sheet.mode) == ("JPEG", "RGB")


@pytest.mark.parametrize(
    "words", ["", " ", "\n\n\n", "\0", "W" * 4000, "\u202e\u0661 \U0001f6a2", "\ud800", "a, b, " * 50, "\t"]
)
def test_no_words_spoil_a_sheet(words: str) -> None:
    data = labelled_sheet([SheetCell("1", None, words)] * 4, columns=[words] * 2, rows=[words] * 2, max_pixels=1)
    with Image.open(io.BytesIO(data)) as sheet:
        assert sheet.size == (150 + 2 * 208 + 8, 30 + 2 * 208 + 8)


@pytest.mark.parametrize("columns", [1, 100])
def test_the_largest_sheet_is_within_what_a_jpeg_takes(columns: int) -> None:
    labels = [f"cfg {n}" for n in range(columns)]
    data = labelled_sheet([SheetCell(str(n)) for n in range(100)], columns=labels, max_pixels=1)
    with Image.open(io.BytesIO(data)) as sheet:
        assert max(sheet.size) < 65_500
