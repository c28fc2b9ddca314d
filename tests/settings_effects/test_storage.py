"""What the keys of `storage`, `paths` and `media` do."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from bot.domain.jobs import JobKind, JobState
from sandbox.comfyui import StandInComfyUI
from tests.settings_effects.running import image_graph, made, picture, running, write_workflow


@pytest.mark.setting("storage.data_dir")
async def test_everything_is_kept_in_the_data_folder(tmp_path: Path, comfy: StandInComfyUI) -> None:
    async with running(tmp_path, comfy.url, storage={"data_dir": "elsewhere"}) as services:
        job = await made(services, picture())
    assert (tmp_path / "elsewhere" / "chorus.db").is_file()
    assert (tmp_path / "elsewhere" / job.artifacts[0].path).is_file()
    assert not (tmp_path / "data").exists()


@pytest.mark.setting("storage.database_url")
async def test_the_database_may_be_elsewhere(tmp_path: Path, comfy: StandInComfyUI) -> None:
    async with running(tmp_path, comfy.url, storage={"database_url": "sqlite:///other.db"}) as services:
        await made(services, picture())
    assert (tmp_path / "other.db").is_file()
    assert not (tmp_path / "data" / "chorus.db").exists()


@pytest.mark.setting("paths.characters", "paths.workflows")
async def test_characters_and_workflows_are_read_from_their_folders(tmp_path: Path, comfy: StandInComfyUI) -> None:
    (tmp_path / "people").mkdir()
    (tmp_path / "people" / "eve.yaml").write_text("name: Eve\nsystem_prompt: You paint.\n", encoding="utf-8")
    write_workflow(tmp_path, "eve/image/default", image_graph())
    shutil.copytree(tmp_path / "workflows", tmp_path / "graphs")
    paths = {"characters": "people", "workflows": "graphs"}
    async with running(tmp_path, comfy.url, paths=paths) as services:
        assert services.characters.names() == {"eve": "Eve"}
        assert services.workflows.names("nova", JobKind.IMAGE) == []
        assert (await made(services, picture(character_id="eve"))).state is JobState.GENERATED


@pytest.mark.setting("media.max_download_bytes")
async def test_a_larger_file_is_refused(tmp_path: Path, comfy: StandInComfyUI) -> None:
    async with running(tmp_path, comfy.url, media={"max_download_bytes": 1000}) as services:
        job = await made(services, picture())
    assert job.error is not None
    assert job.error.code == "OUTPUT_TOO_LARGE"
