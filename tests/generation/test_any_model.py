"""A workflow for any model draws with what the server has, by jobs from acceptance to the sidecar."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.domain.jobs import Derivation, Job, JobKind, JobState
from bot.errors import MissingModel
from sandbox.comfyui import StandInComfyUI, StandInOptions
from tests.generation.harness import Harness, open_harness, picture, picture_graph
from tests.workflows.families.servers import CHECKPOINTS, INSTALLED

ANY_MODEL = picture_graph(ckpt_name="__CHORUS_MODEL__", width=1024, height=1024)
SMALL = {"width": 64, "height": 64, "steps": 1}


def stand_in(files: Mapping[str, list[str]], **more: Any) -> StandInComfyUI:
    folders = {folder: list(files.get(folder, [])) for folder in StandInOptions().models}
    return StandInComfyUI(options=replace(StandInOptions(step_seconds=0), models=folders, **more))


async def drawn(harness: Harness, **more: Any) -> Job:
    harness.files.graphs[JobKind.IMAGE, "default"] = ANY_MODEL
    return await harness.ended(await harness.draw(overrides=SMALL, **more))


def sidecar(harness: Harness, job: Job) -> dict[str, object]:
    return json.loads((harness.data / job.artifacts[0].path).with_suffix(".json").read_text("utf-8"))


@pytest.mark.parametrize("family", INSTALLED)
async def test_a_picture_is_drawn_with_each_family(tmp_path: Path, family: str) -> None:
    async with stand_in(INSTALLED[family]) as comfy, open_harness(tmp_path, comfy.url) as harness:
        first = await drawn(harness)  # accepted before ComfyUI was asked
        second = await drawn(harness, seed=3)  # accepted with what is known of it
        assert (first.state, second.state) == (JobState.GENERATED, JobState.GENERATED)
        assert first.workflow_hash == second.workflow_hash
        for job in (first, second):
            stored = sidecar(harness, job)["workflow"]
            assert isinstance(stored, dict)
            assert stored["hash"] == job.workflow_hash
            assert "__CHORUS_MODEL__" not in json.dumps(stored["graph"])
            assert job.effective_settings["model"] in json.dumps(stored["graph"]).replace("\\\\", "\\")


async def test_a_repetition_runs_the_stored_graph_and_again_takes_what_is_there_now(tmp_path: Path) -> None:
    async with stand_in(INSTALLED["sd15"]) as comfy, open_harness(tmp_path, comfy.url) as harness:
        made = await drawn(harness)
        comfy.models[CHECKPOINTS].append("sd_xl_base_1.0.safetensors")
        await harness.client.object_info(refresh=True)
        repeated = await drawn(harness, workflow_hash=made.workflow_hash, derivation=Derivation.REPEAT, seed=made.seed)
        again = await drawn(harness, derivation=Derivation.AGAIN)
    assert repeated.effective_settings["model"] == "v1-5-pruned-emaonly-fp16.safetensors"
    assert repeated.workflow_hash == made.workflow_hash
    assert again.effective_settings["model"] == "sd_xl_base_1.0.safetensors"


async def test_a_person_may_name_the_model(tmp_path: Path) -> None:
    files = {CHECKPOINTS: ["sd_xl_base_1.0.safetensors", "v1-5-pruned-emaonly-fp16.safetensors"]}
    async with stand_in(files) as comfy, open_harness(tmp_path, comfy.url) as harness:
        harness.files.graphs[JobKind.IMAGE, "default"] = ANY_MODEL
        await harness.client.object_info()
        overrides = SMALL | {"model": "v1-5-pruned-emaonly-fp16.safetensors"}
        job = await harness.ended(await harness.orchestrator.submit(picture("a boat", overrides=overrides)))
    assert job.effective_settings["model"] == "v1-5-pruned-emaonly-fp16.safetensors"
    assert job.effective_settings["cfg"] == 7.0


@pytest.mark.parametrize(
    ("facts", "cfg"),
    [
        ({"model_metadata": {"mymerge.safetensors": {"modelspec.architecture": "stable-diffusion-v1"}}}, 7.0),
        ({"model_sizes": {"mymerge.safetensors": 2_132_625_894}}, 7.0),
        ({"model_metadata": {"mymerge.safetensors": {"modelspec.architecture": "flux-1-schnell"}}}, 1.0),
    ],
)
async def test_the_server_is_asked_about_files_whose_names_tell_nothing(
    tmp_path: Path, facts: dict[str, Any], cfg: float
) -> None:
    files = {CHECKPOINTS: ["mymerge.safetensors"]}
    async with stand_in(files, **facts) as comfy, open_harness(tmp_path, comfy.url) as harness:
        job = await drawn(harness)
    assert job.effective_settings["cfg"] == cfg


async def test_without_a_model_the_error_names_a_download(tmp_path: Path) -> None:
    async with stand_in({}) as comfy, open_harness(tmp_path, comfy.url) as harness:
        first = await drawn(harness)  # accepted before ComfyUI was asked
        assert first.error is not None
        assert first.error.code == "MISSING_MODEL"
        assert "models/checkpoints" in first.error.advice
        with pytest.raises(MissingModel) as caught:
            await drawn(harness)
        assert "v1-5-pruned-emaonly-fp16.safetensors" in caught.value.advice
