"""The button Region, from end to end: cells of a grid are chosen, drawn anew, and the rest of the picture stays."""

from __future__ import annotations

import asyncio
import io
import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from bot.media.images.masks import cell_box
from sandbox.discord import Message, SimulatedInteraction, SimulatedUser
from tests.e2e.drawing_system import SHARED, DrawingSystem, open_drawing_system, press, told, told_soon
from tests.e2e.system import graph, labels
from tests.e2e.test_configure import forge
from tests.media.sample_images import difference

SELECTION = "grid, cells, words, strength, starts, started_job_id"


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[DrawingSystem]:
    async with open_drawing_system(tmp_path) as made:
        shutil.copy(SHARED / "inpaint.json", made.system.folder / "workflows" / "nova" / "image" / "inpaint.json")
        yield made


def picture(message: Message, n: int = 0) -> Image.Image:
    return Image.open(io.BytesIO(message.attachments[n].data)).convert("RGB")


def selection(here: DrawingSystem) -> tuple[Any, ...]:
    [row] = here.system.rows(f"SELECT {SELECTION} FROM region_selections")
    return row


async def opened(here: DrawingSystem, person: SimulatedUser, message: Message) -> Message:
    answer = await press(person, message, "Region")
    assert answer.message.ephemeral
    return answer.message


def is_disabled(message: Message, label: str) -> bool:
    [entry] = [each for each in message.flat_components() if each.get("label") == label]
    return entry.get("disabled") is True


async def submitted(person: SimulatedUser, panel: Message, **values: str) -> SimulatedInteraction:
    asked = await press(person, panel, "Draw")
    return await person.submit_modal(asked, {"words": "a red balloon"} | values)


def assert_changed_only(old: Image.Image, new: Image.Image, grid: int, cells: set[int]) -> None:
    assert new.size == old.size
    for cell in range(grid * grid):
        box = cell_box(old.size, grid, cell)
        changed = difference(old.crop(box), new.crop(box))
        assert (changed > 10) if cell in cells else (changed == 0), (cell, changed)


async def test_only_the_chosen_cells_change_also_over_restarts(here: DrawingSystem) -> None:
    async with here.system.running():
        first = await here.drawn(prompt="a harbour", negative="fog")
        panel = await opened(here, here.stranger, first)
        assert labels(panel) == [*map(str, range(1, 10)), "Draw", "All", "4 x 4"]
        await press(here.stranger, panel, "5")
    async with here.system.running():
        await press(here.stranger, panel, "6")
        await press(here.stranger, panel, "2")
        await press(here.stranger, panel, "✓ 2")
        assert [label for label in labels(panel) if "✓" in label] == ["✓ 5", "✓ 6"]
        asked = await press(here.stranger, panel, "Draw")
    async with here.system.running():
        answer = await here.stranger.submit_modal(asked, {"words": "a red balloon", "strength": "1.0"})
        assert "on its way" in await told_soon(answer)
        changed = await here.next_result(first)
    assert changed.reply_to is first
    assert_changed_only(picture(first), picture(changed), 3, {4, 5})
    [_, (job_id, name, requester, request, parameters)] = here.jobs(
        "id, workflow_name, requester_id, request, parameters"
    )
    assert (name, requester) == ("inpaint", here.stranger.id)
    assert json.loads(request)["follow_up"] == "inpaint"
    used = json.loads(parameters)
    assert (used["positive"], used["negative"]) == ("a red balloon", "fog")
    assert used["effective"]["denoise"] == 1.0
    assert selection(here) == (3, "[4, 5]", "a red balloon", 1.0, 1, job_id)


async def test_the_picture_of_the_panel_shows_what_is_chosen(here: DrawingSystem) -> None:
    async with here.system.running():
        panel = await opened(here, here.requester, await here.drawn())
        plain = picture(panel)
        await press(here.requester, panel, "1")
        marked = picture(panel)
    box = cell_box(plain.size, 3, 0)
    assert difference(plain.crop(box), marked.crop(box)) > 60
    assert difference(plain.crop(cell_box(plain.size, 3, 8)), marked.crop(cell_box(plain.size, 3, 8))) < 30
    assert len(panel.attachments) == 1


async def test_smaller_cells_keep_what_is_chosen(here: DrawingSystem) -> None:
    async with here.system.running():
        panel = await opened(here, here.requester, await here.drawn())
        assert is_disabled(panel, "Draw")
        await press(here.requester, panel, "9")
        await press(here.requester, panel, "4 x 4")
        assert selection(here)[:2] == (4, "[15]")
        assert labels(panel)[-3:] == ["Draw", "None", "3 x 3"]
        await press(here.requester, panel, "None")
        await press(here.requester, panel, "All")
        assert selection(here)[1] == json.dumps(list(range(16)))
        await press(here.requester, panel, "3 x 3")
        assert selection(here)[:2] == (3, json.dumps(list(range(9))))


async def test_a_panel_is_its_owners_alone(here: DrawingSystem) -> None:
    async with here.system.running():
        panel = await opened(here, here.requester, await here.drawn())
        [entry] = [each for each in panel.flat_components() if each.get("label") == "5"]
        own = await here.stranger.send(here.room, "hello")
        assert "NOT_ALLOWED" in told(await forge(here.system, here.stranger, own, entry["custom_id"]))
        [(selection_id,)] = here.system.rows("SELECT id FROM region_selections")
        form = await forge(
            here.system, here.stranger, own, f"chorus:region_form:{selection_id}:0", modal={"words": "mine"}
        )
        assert "NOT_ALLOWED" in told(form)
    assert selection(here)[1] == "[]"


async def test_one_form_starts_one_job(here: DrawingSystem) -> None:
    async with here.system.running():
        first = await here.drawn()
        panel = await opened(here, here.requester, first)
        await press(here.requester, panel, "1")
        forms = [await press(here.requester, panel, "Draw") for _ in range(2)]
        async with here.system.comfy.set_breakpoint("KSampler") as hold:
            answers = await asyncio.gather(*(here.requester.submit_modal(form, {"words": "a boat"}) for form in forms))
            said = sorted([await told_soon(answer) for answer in answers])
            assert "on its way" in said[0]
            assert "started already: https://" in said[1]
            await hold.reached.wait()
            assert "started already: https://" in told(await press(here.requester, panel, "Draw"))
            hold.release()
        await here.next_result(first)
        late = await here.requester.submit_modal(forms[1], {"words": "another boat"})
        assert "started already" in await told_soon(late)
        assert here.count() == 2
        await told_soon(await submitted(here.requester, panel, words="a third boat"))
        await here.system.until_delivered(3)
    assert selection(here)[2:5] == ("a third boat", None, 2)


async def test_again_and_remix_of_a_change_keep_the_region(here: DrawingSystem) -> None:
    async with here.system.running():
        first = await here.drawn()
        panel = await opened(here, here.requester, first)
        await press(here.requester, panel, "9")
        await told_soon(await submitted(here.requester, panel))
        changed = await here.next_result(first)
        again = await here.finished((await press(here.stranger, changed, "Again")).message)
        assert_changed_only(picture(first), picture(again), 3, {8})
        form = await press(here.stranger, changed, "Remix")
        remixed = await here.finished((await here.stranger.submit_modal(form, {"positive": "a cat"})).message)
        assert_changed_only(picture(first), picture(remixed), 3, {8})
    assert selection(here)[4] == 1


async def test_of_several_pictures_one_is_chosen(here: DrawingSystem) -> None:
    here.workflow("two", graph(batch=2))
    async with here.system.running():
        message = await here.system.imagine(workflow="two")
        first = await here.finished(message, files=2)
        asked = await press(here.requester, first, "Region")
        panel = (await press(here.requester, asked.message, "2")).message
        await press(here.requester, panel, "1")
        await told_soon(await submitted(here.requester, panel))
        changed = await here.next_result(first)
    assert_changed_only(picture(first, 1), picture(changed), 3, {0})


async def test_a_workflow_whose_mask_is_transparency_works_too(here: DrawingSystem) -> None:
    shipped = json.loads((SHARED / "inpaint.json").read_text("utf-8"))
    del shipped["5"]
    for node in shipped.values():
        node["inputs"] = {name: ["4", 1] if value == ["5", 0] else value for name, value in node["inputs"].items()}
    here.workflow("inpaint", shipped)
    async with here.system.running():
        first = await here.drawn()
        panel = await opened(here, here.requester, first)
        await press(here.requester, panel, "5")
        await told_soon(await submitted(here.requester, panel))
        changed = await here.next_result(first)
    assert_changed_only(picture(first), picture(changed), 3, {4})


async def test_it_is_offered_only_where_comfyui_can_do_it(here: DrawingSystem) -> None:
    async with here.system.running():
        first = await here.drawn(seed="1")
        panel = await opened(here, here.requester, first)
        await press(here.requester, panel, "5")
    del here.system.comfy.nodes["SetLatentNoiseMask"]
    async with here.system.running():
        assert "Region" not in labels(await here.drawn(seed="2"))
        assert "no `inpaint` workflow" in told(await press(here.requester, first, "Region"))
        assert "no `inpaint` workflow" in told(await press(here.requester, panel, "Draw"))
    assert here.count() == 2


async def test_nothing_of_an_age_restricted_channel_is_shown_elsewhere(here: DrawingSystem) -> None:
    adults = here.system.guild.add_channel("late", nsfw=True)
    async with here.system.running():
        first = (await here.requester.slash(adults, "imagine", wait=True, prompt="a harbour")).message
        await here.system.until_delivered()
        panel = await opened(here, here.requester, first)
        await press(here.requester, panel, "1")
        own = await here.requester.send(here.room, "hello")
        refusals = {"5": "too old", "4 x 4": "too old", "Draw": "too old", "Region": "no longer have that job"}
        pressed = [
            each for each in (*panel.flat_components(), *first.flat_components()) if each.get("label") in refusals
        ]
        assert len(pressed) == len(refusals)
        for entry in pressed:
            said = told(await forge(here.system, here.requester, own, entry["custom_id"]))
            assert refusals[entry["label"]] in said
    assert selection(here)[:2] == (3, "[0]")
