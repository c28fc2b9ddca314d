"""The bot as a process, when what it stands on fails it: a Discord that hangs, a full disk, files of an older kind."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path

import pytest

from tests.e2e.system import WORKFLOWS, System

EDIT = ("PATCH", "/channels/*/messages/*")


async def test_it_stops_within_five_seconds_while_discord_hangs(system: System) -> None:
    async with system.start() as bot:
        await bot.ready()
        hold = system.discord.faults.set_breakpoint(*EDIT, applied=False)
        message = await system.imagine()
        await hold.wait_reached(timeout=60)
        async with asyncio.timeout(5):
            code, output = await bot.stop()
        system.discord.faults.clear()
    assert code == 0
    assert "Traceback" not in output
    async with system.start() as bot:
        await bot.ready()
        await system.result(message)
        await bot.stop()
    assert system.room.bot_messages == [message]


async def test_old_flat_workflow_files_are_moved_at_start_and_never_over_another(system: System) -> None:
    folder = system.folder / "workflows"
    for name, seed in (("nova", 1), ("alex", 2)):
        (folder / name).mkdir(exist_ok=True)
        (folder / name / "workflow.json").write_text(json.dumps(WORKFLOWS["default"] | {"_": {"seed": seed}}))
    kept = (folder / "nova" / "image" / "default.json").read_bytes()
    async with system.start() as bot:
        await bot.ready()
        code, output = await bot.stop()
    assert code == 0
    assert (folder / "nova" / "image" / "default.json").read_bytes() == kept
    assert (folder / "nova" / "workflow.json").exists()
    assert (folder / "alex" / "image" / "default.json").exists()
    assert not (folder / "alex" / "workflow.json").exists()
    assert "alex" in output


async def test_a_workflow_that_changes_on_disk_is_used_without_a_restart(system: System) -> None:
    async with system.running() as (services, _):
        seen = services.workflows.revision
        new = system.folder / "workflows" / "nova" / "image" / "fresh.json"
        new.write_text(json.dumps(WORKFLOWS["default"]), encoding="utf-8")
        async with asyncio.timeout(60):
            await services.workflows.wait_changed(seen)
        await system.result(await system.imagine(workflow="fresh"))
        seen = services.workflows.revision
        new.write_text("{", encoding="utf-8")
        async with asyncio.timeout(60):
            await services.workflows.wait_changed(seen)
        assert new in services.workflows.problems
        await system.result(await system.imagine(workflow="fresh"))


async def test_a_disk_that_cannot_take_the_result_is_told_to_the_person(system: System) -> None:
    async with system.running() as (services, _):
        images = services.settings.storage.data_dir / "images"
        shutil.rmtree(images, ignore_errors=True)
        images.write_text("in the way", encoding="utf-8")
        message = await system.imagine()
        await system.room.wait_for_edit(message, lambda shown: "GENERATION_FAILED" in shown.text())
        told = (await system.ada.press(message, "Details")).message
        assert "saved" in told.text() or "disk" in told.text()
        images.unlink()
        again = await system.imagine()
        await system.result(again)
        await system.until_delivered(2)
    assert system.states() == ["failed", "delivered"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full is Linux's")
async def test_a_full_disk_for_the_log_does_not_stop_the_bot(system: System) -> None:
    logs = system.folder / "data" / "logs"
    logs.mkdir(parents=True)
    (logs / "chorus.log").symlink_to("/dev/full")
    async with system.start() as bot:
        await bot.ready()
        await system.result(await system.imagine())
        code, output = await bot.stop()
    assert code == 0
    assert "Traceback" not in output
    assert output.count("log file cannot be written") == 1
