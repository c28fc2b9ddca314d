"""`chorus backup` while the bot runs, `chorus restore` when it does not, and backups by the clock."""

from __future__ import annotations

import asyncio
import logging
import random
import zipfile
from pathlib import Path

import pytest

from bot.cli.app import main
from bot.services import open_services
from tests.e2e.system import DEADLINE, System, open_system

HOURS = 1 / 3600
"""A second."""


async def run(system: System, capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    """The exit code, and everything that was printed."""
    code = await asyncio.to_thread(main, [*arguments, "--config", str(system.config)])
    printed = capsys.readouterr()
    return code, " ".join((printed.out + printed.err).split())


async def test_backed_up_while_running_and_restored(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with open_system(tmp_path) as system:
        archive = tmp_path / "chorus.zip"
        async with system.start() as bot:
            await bot.ready()
            first = await system.result(await system.imagine(prompt="the first"))
            code, text = await run(system, capsys, "backup", str(archive))
            assert (code, "verified" in text) == (0, True), text
            await system.result(await system.imagine(prompt="the second"))
            code, text = await run(system, capsys, "restore", str(archive))
            assert (code, "Another Chorus is running" in text) == (2, True), text
            assert system.rows("SELECT count(*) FROM images") == [(2,)]
            await bot.stop()
        code, text = await run(system, capsys, "restore", str(archive))
        assert (code, "Restored the backup" in text, "before-restore-" in text) == (0, True, True), text
        assert system.rows("SELECT prompt FROM images") == [("the first",)]
        async with system.start() as bot:
            await bot.ready()
            again = await system.bob.press(first, "Again", wait=True)
            await system.result(again.message)
            await system.until_rows("SELECT count(*) FROM images", (2,))
            assert (await bot.stop())[0] == 0


@pytest.mark.long
async def test_killed_while_it_restores(tmp_path: Path, capsys: pytest.CaptureFixture[str], long_run: bool) -> None:
    random.seed(20261122)
    async with open_system(tmp_path) as system:
        archive = tmp_path / "chorus.zip"
        async with system.running():
            for number in range(3):
                await system.result(await system.imagine(prompt=f"picture {number}"))
        assert (await run(system, capsys, "backup", str(archive)))[0] == 0
        for _ in range(30 if long_run else 4):
            process = await system.command("restore", str(archive))
            await asyncio.sleep(random.uniform(0.0, 0.6))
            process.kill()
            await process.communicate()
            assert (await run(system, capsys, "restore", str(archive)))[0] == 0
            assert system.rows("SELECT count(*) FROM images") == [(3,)]
            async with system.running() as (services, _):
                assert len(await services.jobs.unfinished("run")) == 0


@pytest.mark.setting("backup.every_hours", "backup.folder", "backup.keep")
async def test_backups_by_the_clock(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = tmp_path / "copies"
    backup = {"every_hours": HOURS, "folder": "copies", "keep": 2}
    async with open_system(tmp_path, backup=backup) as system:
        seen: set[str] = set()
        with caplog.at_level(logging.INFO, logger="bot.backup"):
            async with open_services(system.settings, owner=True), asyncio.timeout(DEADLINE):
                while len(seen) < 4:
                    seen |= await asyncio.to_thread(_archives, folder)
                    await asyncio.sleep(0.05)
        kept = await asyncio.to_thread(_archives, folder)
        assert len(kept) == 2
        assert min(kept) > min(seen)
        assert caplog.text.count("the database and") >= 4
        with zipfile.ZipFile(folder / max(kept)) as opened:
            assert "workflows/nova/image/default.json" in opened.namelist()


async def test_a_failed_backup_by_the_clock_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "copies").write_text("in the way", encoding="utf-8")
    async with open_system(tmp_path, backup={"every_hours": HOURS, "folder": "copies"}) as system:
        async with open_services(system.settings, owner=True), asyncio.timeout(DEADLINE):
            while "the scheduled backup failed" not in caplog.text:  # noqa: ASYNC110 - a thread logs it
                await asyncio.sleep(0.01)
        assert "Trying again in 10 minutes" in caplog.text


def _archives(folder: Path) -> set[str]:
    return {path.name for path in folder.glob("chorus-*.zip")}
