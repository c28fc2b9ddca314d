"""A mask that is attached to `/imagine`: white or transparent changes, and everything else stays."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from sandbox.discord import Message
from sandbox.discord.uploads import Upload
from tests.e2e.drawing_system import SHARED, DrawingSystem, open_drawing_system, told_soon
from tests.e2e.system import DEADLINE
from tests.media.sample_images import difference

SIZE = (64, 48)
LEFT, RIGHT = (0, 0, 30, 48), (34, 0, 64, 48)
"""Without the two pixels beside the edge, over which a mask that is scaled becomes soft."""


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[DrawingSystem]:
    async with open_drawing_system(tmp_path) as made:
        shutil.copy(SHARED / "inpaint.json", made.system.folder / "workflows" / "nova" / "image" / "inpaint.json")
        yield made


def file(image: Image.Image, name: str) -> Upload:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return Upload(name, buffer.getvalue(), "image/png")


def picture() -> Image.Image:
    return Image.effect_noise(SIZE, 80).convert("RGB")


def white_on_black(size: tuple[int, int] = SIZE) -> Image.Image:
    mask = Image.new("L", size, 0)
    mask.paste(255, (size[0] // 2, 0, *size))
    return mask


def erased(image: Image.Image) -> Image.Image:
    drawn = image.convert("RGBA")
    drawn.paste((0, 0, 0, 0), (32, 0, 64, 48))
    return drawn


async def asked(here: DrawingSystem, **values: Any) -> Message:
    answer = await here.requester.slash(here.room, "imagine", wait=True, **({"prompt": "a red door"} | values))
    return await here.finished(await answer.wait_for_message(timeout=DEADLINE))


async def refused(here: DrawingSystem, **values: Any) -> str:
    answer = await here.requester.slash(here.room, "imagine", wait=True, **({"prompt": "a red door"} | values))
    said = await told_soon(answer)
    assert here.count() == 0
    return said


def assert_right_half_changed(given: Image.Image, message: Message) -> None:
    made = Image.open(io.BytesIO(message.attachments[0].data)).convert("RGB")
    assert made.size == SIZE
    assert difference(given.crop(LEFT), made.crop(LEFT)) == 0
    assert difference(given.crop(RIGHT), made.crop(RIGHT)) > 10


@pytest.mark.parametrize("kind", ["white", "erased", "of another size"])
async def test_white_or_transparent_changes(here: DrawingSystem, kind: str) -> None:
    given = picture()
    masks = {"white": white_on_black(), "erased": erased(given), "of another size": white_on_black((256, 192))}
    async with here.system.running():
        message = await asked(here, image=file(given, "a.png"), mask=file(masks[kind], "mask.png"))
    assert_right_half_changed(given, message)
    assert "Made with the workflow inpaint" in message.text()
    [(name, inputs)] = here.jobs("workflow_name, json_extract(request, '$.inputs')")
    assert name == "inpaint"
    assert [entry["role"] for entry in json.loads(inputs)] == ["reference_image", "mask"]


def painted(here: DrawingSystem) -> None:
    """The workflow `painted`, whose mask is the transparency of its picture."""
    shipped = json.loads((SHARED / "inpaint.json").read_text("utf-8"))
    del shipped["5"]
    for node in shipped.values():
        node["inputs"] = {name: ["4", 1] if value == ["5", 0] else value for name, value in node["inputs"].items()}
    here.workflow("painted", shipped)


async def test_a_workflow_that_takes_it_as_transparency_gets_it_so(here: DrawingSystem) -> None:
    painted(here)
    given = picture()
    async with here.system.running():
        message = await asked(
            here, image=file(given, "a.png"), mask=file(white_on_black(), "mask.png"), workflow="painted"
        )
    assert_right_half_changed(given, message)
    [(inputs,)] = here.jobs("json_extract(request, '$.inputs')")
    assert [entry["role"] for entry in json.loads(inputs)] == ["reference_image"]


@pytest.mark.parametrize("workflow", ["inpaint", "painted"])
async def test_the_picture_of_a_link_takes_the_mask(here: DrawingSystem, workflow: str) -> None:
    painted(here)
    given = picture()
    async with here.system.running():
        posted = await here.stranger.send(here.room, "my house", attachments=[file(given, "a.png")])
        address = f"https://discord.com/channels/{here.system.guild.id}/{here.room.id}/{posted.id}"
        options = {"from": address, "mask": file(white_on_black((256, 192)), "mask.png")}
        if workflow == "painted":  # `inpaint` is found without its name
            options["workflow"] = workflow
        message = await asked(here, **options)
    assert_right_half_changed(given, message)
    assert here.jobs("workflow_name") == [(workflow,)]


async def test_what_cannot_be_used_is_said(here: DrawingSystem) -> None:
    given, text = file(picture(), "a.png"), Upload("mask.png", b"no picture", "image/png")
    black = file(Image.new("L", SIZE, 0), "mask.png")
    async with here.system.running():
        assert "needs a picture" in await refused(here, mask=black)
        assert "mask cannot be used" in await refused(here, image=given, mask=text)
        assert "changes nothing" in await refused(here, image=given, mask=black)
        assert "no place for a mask" in await refused(
            here, image=given, mask=file(white_on_black(), "mask.png"), workflow="vary"
        )
