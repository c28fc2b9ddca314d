"""kill -9 between any two steps of the panel of a region: nothing is lost, and nothing is started twice."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sandbox.discord import Message, SimulatedInteraction
from tests.e2e.drawing_system import SHARED, DrawingSystem, open_drawing_system, press, told_soon
from tests.e2e.system import labels

CALLBACK = ("POST", "/interactions/*/*/callback")
POST = ("POST", "/channels/*/messages")


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[DrawingSystem]:
    async with open_drawing_system(tmp_path) as made:
        shutil.copy(SHARED / "inpaint.json", made.system.folder / "workflows" / "nova" / "image" / "inpaint.json")
        yield made


async def chosen_panel(here: DrawingSystem) -> tuple[Message, Message]:
    """A picture, and a panel on which its first cell is chosen."""
    first = await here.drawn()
    panel = (await press(here.requester, first, "Region")).message
    await press(here.requester, panel, "1")
    return first, panel


@pytest.mark.parametrize("applied", [False, True])
async def test_a_cell_that_was_stored_and_not_shown_stays_chosen(here: DrawingSystem, applied: bool) -> None:
    async with here.system.start() as bot:
        await bot.ready()
        _, panel = await chosen_panel(here)
        hold = here.system.discord.faults.set_breakpoint(*CALLBACK, applied=applied)
        pressed = await here.requester.press(panel, "5", wait=False)
        await hold.wait_reached()
        await bot.kill()
        pressed.interaction.failed = not applied
        here.system.discord.faults.clear()
    assert ("✓ 5" in labels(panel)) is applied
    async with here.system.start() as bot:
        await bot.ready()
        if not applied:  # the person presses what still looks free
            await press(here.requester, panel, "5")
        await press(here.requester, panel, "9")
        await bot.stop()
    assert here.system.rows("SELECT cells FROM region_selections") == [("[0, 4, 8]",)]
    assert [label for label in labels(panel) if "✓" in label] == ["✓ 1", "✓ 5", "✓ 9"]


async def submit(here: DrawingSystem, form: SimulatedInteraction, *, wait: bool) -> SimulatedInteraction:
    return await here.requester.submit_modal(form, {"words": "a red balloon"}, wait=wait)


@pytest.mark.parametrize(
    ("request_", "applied"),
    [(CALLBACK, False), (CALLBACK, True), (POST, False), (POST, True)],
    ids=["before the answer", "after the answer", "before the post", "after the post"],
)
async def test_a_form_that_is_sent_again_makes_one_picture(
    here: DrawingSystem, request_: tuple[str, str], applied: bool
) -> None:
    """Before the answer nothing was stored but the words; from the post on the job is found again by the panel."""
    async with here.system.start() as bot:
        await bot.ready()
        first, panel = await chosen_panel(here)
        form = await press(here.requester, panel, "Draw")
        hold = here.system.discord.faults.set_breakpoint(*request_, applied=applied)
        sent = await submit(here, form, wait=False)
        await hold.wait_reached(timeout=60)
        await bot.kill()
        here.system.discord.faults.clear()
        sent.interaction.failed = request_ == CALLBACK and not applied
    started = request_ == POST
    assert here.system.rows("SELECT starts, words FROM region_selections") == [(int(started), "a red balloon")]
    assert here.count() == 1 + started
    async with here.system.start() as bot:
        await bot.ready()
        said = await told_soon(await submit(here, form, wait=True))
        assert ("started already" in said) is started
        await here.next_result(first)
        await bot.stop()
    assert here.count() == 2
    assert here.system.states() == ["delivered", "delivered"]
    [(job_id,)] = here.system.rows("SELECT id FROM jobs ORDER BY number LIMIT 1 OFFSET 1")
    assert here.system.rows("SELECT starts, started_job_id FROM region_selections") == [(1, job_id)]
    assert len([message for message in here.room.bot_messages if message.attachments]) == 2


async def test_killed_while_it_is_drawn_the_panel_says_so(here: DrawingSystem) -> None:
    async with here.system.start() as bot:
        await bot.ready()
        first, panel = await chosen_panel(here)
        form = await press(here.requester, panel, "Draw")
        async with here.system.comfy.set_breakpoint("KSampler") as drawing:
            await told_soon(await submit(here, form, wait=True))
            await drawing.reached.wait()
            await bot.kill()
            async with here.system.start() as again:
                await again.ready()
                said = await told_soon(await press(here.requester, panel, "Draw"))
                assert "started already: https://" in said
                drawing.release()
                await here.next_result(first)
                await again.stop()
    assert here.count() == 2
