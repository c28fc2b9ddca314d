"""Batches survive kill -9 and restarts: each picture arrives once, by the real bot between the stand-ins."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.batch_system import EDIT, POST, assert_each_once, batch, finished, menu_of, pictures, start_twelve
from tests.e2e.drawing_system import press
from tests.e2e.system import System, open_system

CALLBACK = ("POST", "/interactions/*/*/callback")


@pytest.mark.parametrize("made", [0, 1, 5, 11])
async def test_killed_while_it_runs_each_picture_arrives_once(system: System, made: int) -> None:
    async with system.start() as bot:
        await bot.ready()
        await start_twelve(system)
        await system.until_rows("SELECT count(*) FROM deliveries WHERE kind = 'answer' AND state = 'sent'", (1,))
        await system.until_rows(f"SELECT count(*) >= {made} FROM jobs WHERE state = 'generated'", (1,))
        await bot.kill()
    async with system.start() as bot:
        await bot.ready()
        await system.until_rows("SELECT state FROM batches", ("delivered",))
        await bot.stop()
    assert_each_once(system, 12)


@pytest.mark.parametrize("applied", [False, True])
@pytest.mark.parametrize("request_", [EDIT, POST], ids=["sheet", "further files"])
async def test_killed_while_it_is_posted_each_picture_arrives_once(
    tmp_path: Path, request_: tuple[str, str], applied: bool
) -> None:
    # Progress is not shown, so that the first edit is the result.
    async with open_system(tmp_path, discord={"progress_interval_seconds": 60}) as system:
        hold = system.discord.faults.set_breakpoint(*request_, applied=applied)
        async with system.start() as bot:
            await bot.ready()
            await start_twelve(system)
            await hold.wait_reached(timeout=60)
            await bot.kill()
            system.discord.faults.clear()
        async with system.start() as bot:
            await bot.ready()
            await system.until_rows("SELECT state FROM batches", ("delivered",))
            await bot.stop()
        assert_each_once(system, 12)


@pytest.mark.parametrize("applied", [False, True])
async def test_killed_while_it_is_answered(system: System, applied: bool) -> None:
    """What Discord showed is made; what the person was told had failed is withdrawn."""
    async with system.start() as bot:
        await bot.ready()
        hold = system.discord.faults.set_breakpoint(*CALLBACK, applied=applied)
        answer = await system.ada.slash(system.room, "batch", prompt="a door", count=3, wait=False)
        await hold.wait_reached()
        await bot.kill()
        answer.interaction.failed = not applied
        system.discord.faults.clear()
    async with system.start() as bot:
        await system.until_rows("SELECT state FROM batches", ("delivered",))
        await bot.stop()
    if applied:
        assert_each_once(system, 3)
    else:
        assert system.room.bot_messages == []
        assert system.rows("SELECT count(*) FROM jobs WHERE delivered_at IS NULL") == [(0,)]


async def test_what_was_stopped_stays_stopped_after_a_kill(system: System) -> None:
    async with system.start() as bot, system.comfy.set_breakpoint("KSampler") as hold:
        await bot.ready()
        answer = await batch(system, count=4)
        await hold.reached.wait()
        await system.ada.press(answer.message, "Stop the rest", wait=False)
        await system.until_rows("SELECT state FROM batches", ("stopped",))
        await bot.kill()
    async with system.start() as bot:
        await bot.ready()
        await system.until_rows("SELECT state FROM batches", ("delivered",))
        await bot.stop()
    assert "cancelled" in system.states()
    assert set(system.states()) <= {"cancelled", "delivered"}
    assert len(pictures(system.room.bot_messages)) == system.states().count("delivered")


async def test_buttons_work_after_a_restart(system: System) -> None:
    async with system.running():
        proposal = await batch(system, count=9)
        message = await finished(system, (await batch(system, workflows="default, slow")).message)
    async with system.running():
        start = await system.ada.press(proposal.message, "Start")
        await press(system.bob, message, "A: default")
        menu = menu_of(message)
        assert menu is not None
        opened = await system.ada.select(message, menu["custom_id"], "0")
        assert (await opened.wait_for_message(lambda found: bool(found.attachments))).ephemeral
        await finished(system, start.message)
    assert system.rows("SELECT count(*) FROM batch_votes") == [(1,)]
