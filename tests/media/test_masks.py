"""Masks of regions, masks that people draw, and canvases around pictures."""

import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageChops, ImageStat

from bot.media.errors import BadMedia
from bot.media.images.canvas import Direction, grown_canvas, grown_size, margins
from bot.media.images.masks import cell_box, changes_nothing, mask_file, read_mask, region_mask, with_mask
from bot.media.images.region_view import region_view
from tests.media.sample_images import difference

SIDES = st.integers(24, 260)
SIZES = st.tuples(SIDES, SIDES)
MAX = 1_000_000


@st.composite
def regions(draw: st.DrawFn) -> tuple[tuple[int, int], int, frozenset[int]]:
    grid = draw(st.sampled_from([3, 4]))
    return draw(SIZES), grid, draw(st.frozensets(st.integers(0, grid * grid - 1)))


def saved(image: Image.Image, path: Path) -> Path:
    image.save(path, "PNG")
    return path


def grey(image: Image.Image, x: int, y: int) -> int:
    value = image.getpixel((x, y))
    assert isinstance(value, int)
    return value


def values(image: Image.Image) -> set[int]:
    return {value for value, count in enumerate(image.histogram()) if count}


@given(regions())
def test_a_region_changes_its_cells_and_nothing_else(region: tuple[tuple[int, int], int, frozenset[int]]) -> None:
    size, grid, cells = region
    mask = region_mask(size, grid, cells)
    assert mask.size == size
    assert changes_nothing(mask) is not bool(cells)
    for cell in range(grid * grid):
        left, top, right, bottom = cell_box(size, grid, cell)
        part = mask.crop((left, top, right, bottom))
        if cell not in cells:
            assert values(part) == {0}
        else:
            assert grey(part, part.width // 2, part.height // 2) > 200


@given(SIZES, st.sampled_from([3, 4]))
def test_cells_cover_the_picture_once(size: tuple[int, int], grid: int) -> None:
    boxes = [cell_box(size, grid, cell) for cell in range(grid * grid)]
    assert sum((right - left) * (bottom - top) for left, top, right, bottom in boxes) == size[0] * size[1]
    assert values(region_mask(size, grid, range(grid * grid))) == {255}


def test_the_edge_of_a_region_is_soft_inwards() -> None:
    mask = region_mask((960, 960), 3, {4, 5, 7})
    row = [grey(mask, x, 480) for x in range(320, 480)]
    assert row == sorted(row)
    assert row[0] < 20
    assert row[-1] == 255
    assert len(set(row)) > 20
    assert mask.getpixel((959, 480)) == 255, "the edge of the picture is hard"
    assert mask.getpixel((640, 480)) == 255, "between two chosen cells there is no edge"


@pytest.mark.parametrize(
    ("drawn", "changed"),
    [
        pytest.param(Image.new("RGB", (4, 4), "white"), 255, id="white"),
        pytest.param(Image.new("L", (4, 4), 0), 0, id="black"),
        pytest.param(Image.new("RGBA", (4, 4), (255, 255, 255, 0)), 255, id="transparent"),
        pytest.param(Image.new("RGBA", (4, 4), (0, 0, 0, 0)), 255, id="transparent black"),
        pytest.param(Image.new("RGBA", (4, 4), (255, 255, 255, 255)), 255, id="opaque white"),
        pytest.param(Image.new("1", (4, 4), 1), 255, id="one bit"),
    ],
)
def test_white_or_transparent_changes(tmp_path: Path, drawn: Image.Image, changed: int) -> None:
    mask = read_mask(saved(drawn, tmp_path / "mask.png"), (40, 24), max_pixels=MAX)
    assert mask.size == (40, 24)
    assert values(mask) == {changed}


def test_where_something_is_transparent_colours_do_not_count(tmp_path: Path) -> None:
    drawn = Image.new("RGBA", (40, 20), "white")
    drawn.paste((255, 255, 255, 0), (20, 0, 40, 20))
    mask = read_mask(saved(drawn, tmp_path / "mask.png"), (40, 20), max_pixels=MAX)
    assert (mask.getpixel((5, 5)), mask.getpixel((35, 5))) == (0, 255)


def test_what_is_no_picture_is_no_mask(tmp_path: Path) -> None:
    path = tmp_path / "mask.png"
    path.write_bytes(b"no picture")
    with pytest.raises(BadMedia):
        read_mask(path, (8, 8), max_pixels=MAX)


@given(regions())
def test_every_way_to_read_a_mask_file_gives_the_same(region: tuple[tuple[int, int], int, frozenset[int]]) -> None:
    mask = region_mask(*region)
    opened = Image.open(io.BytesIO(mask_file(mask)))
    red, _, _, alpha = opened.convert("RGBA").split()
    assert difference(red, mask) == 0
    assert difference(ImageChops.invert(alpha), mask) == 0
    assert difference(opened.convert("RGB").getchannel("R"), mask) == 0


def test_a_mask_in_the_transparency_keeps_the_colours_below() -> None:
    picture = Image.linear_gradient("L").convert("RGB")
    mask = region_mask(picture.size, 3, {0, 8})
    opened = Image.open(io.BytesIO(with_mask(picture, mask)))
    assert difference(opened.convert("RGB"), picture) == 0
    assert difference(ImageChops.invert(opened.getchannel("A")), mask) == 0


@given(SIZES, st.sampled_from(Direction), st.sampled_from([25, 50, 100]))
def test_a_canvas_keeps_the_picture_and_asks_for_the_rest(
    size: tuple[int, int], direction: Direction, percent: int
) -> None:
    picture = Image.effect_noise(size, 60).convert("RGB")
    added = margins(size, direction, percent)
    canvas, mask = grown_canvas(picture, added)
    left, top, right, bottom = added
    assert canvas.size == mask.size == grown_size(size, added)
    for old, new, grows, part in zip(
        size, canvas.size, (left or right, top or bottom), (percent, percent), strict=True
    ):
        factor = 1 + part / 100 * (2 if direction is Direction.ALL else 1)
        assert new == old or grows
        if grows:
            assert new % 16 == 0
            assert old * factor - 1 <= new < old * factor + 17
    box = (left, top, left + size[0], top + size[1])
    assert difference(canvas.crop(box), picture) == 0
    outside = mask.copy()
    outside.paste(255, box)
    assert values(outside) == {255}
    overlap = max(2, min(size) // 16)
    kept = (
        left + (overlap if left else 0), top + (overlap if top else 0),
        left + size[0] - (overlap if right else 0), top + size[1] - (overlap if bottom else 0),
    )  # fmt: skip
    assert values(mask.crop(kept)) == {0}


def test_the_new_part_has_the_colours_of_the_edge() -> None:
    picture = Image.new("RGB", (128, 128), "blue")
    picture.paste("red", (0, 0, 20, 128))
    canvas, _ = grown_canvas(picture, margins(picture.size, Direction.LEFT, 50))
    assert canvas.getpixel((10, 64)) == (255, 0, 0)


def test_the_chosen_cells_are_marked_on_the_view(tmp_path: Path) -> None:
    path = saved(Image.new("RGB", (900, 600), "black"), tmp_path / "picture.png")
    opened = Image.open(io.BytesIO(region_view(path, 3, {4}, max_pixels=MAX)))
    assert opened.size == (768, 512)
    cells = [ImageStat.Stat(opened.crop(cell_box(opened.size, 3, cell))).mean[0] for cell in range(9)]
    assert max(range(9), key=cells.__getitem__) == 4
    assert min(cells[4] - cells[cell] for cell in range(9) if cell != 4) > 50
