"""The button Wider, from end to end: a larger canvas, of which only the new part is drawn."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from PIL import Image

from sandbox.discord import Message
from tests.e2e.drawing_system import SHARED, DrawingSystem, open_drawing_system, press, told, told_soon
from tests.e2e.system import labels
from tests.media.sample_images import difference


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[DrawingSystem]:
    async with open_drawing_system(tmp_path) as made:
        shutil.copy(SHARED / "outpaint.json", made.system.folder / "workflows" / "nova" / "image" / "outpaint.json")
        yield made


def picture(message: Message) -> Image.Image:
    return Image.open(io.BytesIO(message.attachments[0].data)).convert("RGB")


@pytest.mark.parametrize(
    ("side", "size", "box"),
    [
        ("Left", (96, 64), (36, 0, 96, 64)),
        ("Right", (96, 64), (0, 0, 60, 64)),
        ("Up", (64, 96), (0, 36, 64, 96)),
        ("Down", (64, 96), (0, 0, 64, 60)),
        ("All", (128, 128), (36, 36, 92, 92)),
    ],
)
async def test_the_picture_grows_and_what_was_there_stays(
    here: DrawingSystem, side: str, size: tuple[int, int], box: tuple[int, int, int, int]
) -> None:
    async with here.system.running():
        first = await here.drawn(prompt="a boat")
        asked = await press(here.stranger, first, "Wider")
        assert told(asked)
        answer = await press(here.stranger, asked.message, side)
        assert "on its way" in await told_soon(answer)
        wider = await here.next_result(first)
    assert wider.reply_to is first
    old, new = picture(first), picture(wider)
    assert new.size == size
    left = size[0] - 64 if side == "Left" else (size[0] - 64) // 2 if side == "All" else 0
    top = size[1] - 64 if side == "Up" else (size[1] - 64) // 2 if side == "All" else 0
    was = (box[0] - left, box[1] - top, box[2] - left, box[3] - top)
    assert difference(new.crop(box), old.crop(was)) == 0
    [_, (name, derivation, positive)] = here.jobs("workflow_name, json_extract(request, '$.follow_up'), "
                                                  "json_extract(parameters, '$.positive')")  # fmt: skip
    assert (name, derivation, positive) == ("outpaint", "outpaint", "a boat")


async def test_how_much_is_chosen_and_the_question_survives_a_restart(here: DrawingSystem) -> None:
    async with here.system.running():
        first = await here.drawn()
        asked = await press(here.requester, first, "Wider")
        assert "50 %" in told(asked)
    async with here.system.running():
        await press(here.requester, asked.message, "100 %")
        assert "100 %" in asked.message.text()
        await press(here.requester, asked.message, "Right")
        wider = await here.next_result(first)
        assert picture(wider).size == (128, 64)
        again = await here.finished((await press(here.stranger, wider, "Again")).message)
        assert picture(again).size == (128, 64)
    kept = sorted({entry["path"] for (inputs,) in here.jobs("json_extract(request, '$.inputs')")
                   for entry in json.loads(inputs)})  # fmt: skip
    assert len(kept) == 2
    assert {Path(path).parent.name for path in kept} == {"inputs"}


async def test_a_second_press_says_what_runs(here: DrawingSystem) -> None:
    async with here.system.running():
        first = await here.drawn()
        asked = await press(here.requester, first, "Wider")
        async with here.system.comfy.set_breakpoint("KSampler") as hold:
            await told_soon(await press(here.requester, asked.message, "Left"))
            await hold.reached.wait()
            assert "under way" in await told_soon(await press(here.requester, asked.message, "Left"))
            hold.release()
        await here.next_result(first)
    assert here.count() == 2


@pytest.mark.setting("limits.max_pixels_per_image")
async def test_what_would_be_too_large_is_refused(tmp_path: Path) -> None:
    async with open_drawing_system(tmp_path, limits={"max_pixels_per_image": 128 * 128}) as here:
        shutil.copy(SHARED / "outpaint.json", here.system.folder / "workflows" / "nova" / "image" / "outpaint.json")
        async with here.system.running():
            first = await here.drawn()
            asked = await press(here.requester, first, "Wider")
            await press(here.requester, asked.message, "100 %")
            said = await told_soon(await press(here.requester, asked.message, "All"))
        assert "192 x 192" in said
        assert "128 x 128" in said
        assert here.count() == 1


async def test_it_is_offered_only_where_comfyui_can_do_it(here: DrawingSystem) -> None:
    async with here.system.running():
        first = await here.drawn(seed="1")
        assert "Wider" in labels(first)
    del here.system.comfy.nodes["ImageCompositeMasked"]
    async with here.system.running():
        second = await here.drawn(seed="2")
        assert "Wider" not in labels(second)
        assert "Upscale" in labels(second)
        assert "no `outpaint` workflow" in told(await press(here.requester, first, "Wider"))
    assert here.count() == 2
