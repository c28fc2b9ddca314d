"""One process owns a database and its jobs, whichever data folders and URLs lead to it."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.domain.jobs import JobState
from bot.errors import ConfigError
from bot.services import open_services
from bot.settings import Settings, default_settings
from bot.storage.database import database_file
from sandbox.comfyui import StandInComfyUI
from tests.settings_effects.running import image_graph, picture, write_character, write_workflow


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_character(tmp_path)
    write_workflow(tmp_path, "nova/image/default", image_graph())
    return tmp_path


def settings(folder: Path, data: str, database: str, comfy: str = "http://127.0.0.1:9") -> Settings:
    storage = {"data_dir": data, "database_url": f"sqlite:///{database}"}
    return default_settings(folder, {"storage": storage, "comfyui": {"url": comfy}})


async def test_a_second_data_folder_does_not_own_the_same_database(folder: Path) -> None:
    (folder / "link.db").symlink_to(folder / "shared.db")
    async with open_services(settings(folder, "one", "shared.db"), owner=True):
        for name in ("shared.db", "link.db", f"{folder}/one/../shared.db"):
            with pytest.raises(ConfigError, match=r"Another Chorus is running with the database .*shared\.db"):
                async with open_services(settings(folder, "two", name), owner=True):
                    pass
        async with open_services(settings(folder, "two", "other.db"), owner=True):
            pass
    async with open_services(settings(folder, "two", "shared.db"), owner=True):
        pass


async def test_a_refused_owner_leaves_its_data_folder_free(folder: Path) -> None:
    async with open_services(settings(folder, "one", "shared.db"), owner=True):
        with pytest.raises(ConfigError):
            async with open_services(settings(folder, "two", "shared.db"), owner=True):
                pass
        async with open_services(settings(folder, "two", "other.db"), owner=True):
            pass


async def test_a_command_with_another_data_folder_is_known_to_live(folder: Path) -> None:
    async with (
        StandInComfyUI() as comfy,
        comfy.set_breakpoint("KSampler", times=1) as hold,
        open_services(settings(folder, "two", "shared.db", comfy.url)) as command,
    ):
        job = await command.orchestrator.submit(picture())
        await hold.reached.wait()
        async with open_services(settings(folder, "one", "shared.db", comfy.url), owner=True) as bot:
            await bot.orchestrator.recover()
            stored = await bot.jobs.get(job.id)
        hold.release()
    assert stored is not None
    assert stored.state is JobState.RUNNING


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("sqlite+aiosqlite:////a/b/../c.db", "/a/c.db"),
        ("sqlite+aiosqlite:////a/c%20d.db?timeout=5", "/a/c d.db"),
        ("sqlite+aiosqlite://", None),
        ("sqlite+aiosqlite:///:memory:", None),
        ("postgresql+asyncpg://ada:secret@host/chorus", None),
        ("what", None),
    ],
)
def test_the_file_of_a_database(url: str, expected: str | None) -> None:
    assert database_file(url) == (Path(expected) if expected else None)
