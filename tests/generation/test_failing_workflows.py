"""Nobody waits behind a workflow that fails every time, and one person's odd wish takes it from nobody."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from bot.domain.jobs import InputFile, Job, JobKind, JobState
from bot.errors import WorkflowFailing
from bot.file_hash import sha256_of_file
from sandbox.comfyui import StandInComfyUI
from tests.generation.harness import Harness, node, open_harness, picture_graph
from tests.media.sample_images import comfy_png

BOOM = {"KSampler": "boom"}


async def drawn(harness: Harness, **more: Any) -> Job:
    return await harness.ended(await harness.draw(**more))


async def fail(harness: Harness, times: int, **more: Any) -> None:
    for _ in range(times):
        done = await drawn(harness, **more)
        assert done.state is JobState.FAILED
        assert done.error is not None
        assert done.error.code != "WORKFLOW_FAILING"


async def test_after_three_failures_a_workflow_is_refused_with_the_reason(
    harness: Harness, comfy: StandInComfyUI
) -> None:
    comfy.faults.failing_nodes |= BOOM
    await fail(harness, 3)
    with pytest.raises(WorkflowFailing, match=r'failed 3 times in a row .* the node "Paint"'):
        await harness.draw()
    assert len(comfy.log.find("submitted")) == 3
    comfy.faults.failing_nodes.clear()
    with pytest.raises(WorkflowFailing):
        await harness.draw("whatever changed inside the node cannot be seen")


async def test_the_refusal_survives_a_restart(tmp_path: Path, comfy: StandInComfyUI) -> None:
    comfy.faults.failing_nodes |= BOOM
    async with open_harness(tmp_path, comfy.url) as harness:
        await fail(harness, 2)
    async with open_harness(tmp_path, comfy.url) as harness:
        await fail(harness, 1)
    async with open_harness(tmp_path, comfy.url) as harness:
        with pytest.raises(WorkflowFailing):
            await harness.draw()


async def test_what_waits_when_it_is_refused_takes_no_gpu_time(harness: Harness, comfy: StandInComfyUI) -> None:
    comfy.faults.failing_nodes |= BOOM
    async with comfy.set_breakpoint("KSampler", times=1) as hold:
        jobs = [await harness.draw(f"number {number}") for number in range(8)]
        await hold.reached.wait()
        hold.release()
        ended = await asyncio.gather(*map(harness.ended, jobs))
    codes = [job.error.code for job in ended if job.error is not None]
    assert codes[:3] == ["GENERATION_FAILED"] * 3
    # Those in between were prepared while the third one ended.
    assert codes[-3:] == ["WORKFLOW_FAILING"] * 3
    assert len(comfy.log.find("submitted")) == codes.count("GENERATION_FAILED")


async def test_success_between_failures_starts_the_count_anew(harness: Harness, comfy: StandInComfyUI) -> None:
    for _ in range(2):
        comfy.faults.failing_nodes |= BOOM
        await fail(harness, 2)
        comfy.faults.failing_nodes.clear()
        assert (await drawn(harness)).state is JobState.GENERATED


async def test_a_changed_file_is_run_again(harness: Harness, comfy: StandInComfyUI) -> None:
    comfy.faults.failing_nodes |= BOOM
    await fail(harness, 3)
    harness.files.graphs[JobKind.IMAGE, "default"] = picture_graph(steps=3)
    await fail(harness, 1)


async def test_an_updated_node_pack_is_tried_again(tmp_path: Path, comfy: StandInComfyUI) -> None:
    comfy.faults.failing_nodes |= BOOM
    async with open_harness(tmp_path, comfy.url) as harness:
        await fail(harness, 3)
    comfy.models["checkpoints"].append("another.safetensors")
    async with open_harness(tmp_path, comfy.url) as harness:
        await harness.client.object_info()
        await fail(harness, 3)
        with pytest.raises(WorkflowFailing):
            await harness.draw()


async def test_a_restart_of_comfyui_lets_one_job_through(harness: Harness, comfy: StandInComfyUI) -> None:
    comfy.faults.failing_nodes |= BOOM
    await fail(harness, 3)
    for _ in range(2):
        await comfy.restart()
        async with asyncio.timeout(10):
            await harness.client.wait_available()
        await fail(harness, 1)
        with pytest.raises(WorkflowFailing):
            await harness.draw()


async def test_a_trial_runs_all_the_same_and_lifts_the_refusal(harness: Harness, comfy: StandInComfyUI) -> None:
    comfy.faults.failing_nodes |= BOOM
    await fail(harness, 3)
    await fail(harness, 1, trial=True)
    comfy.faults.failing_nodes.clear()
    with pytest.raises(WorkflowFailing):
        await harness.draw()
    assert (await drawn(harness, trial=True)).state is JobState.GENERATED
    assert (await drawn(harness)).state is JobState.GENERATED


async def test_settings_of_a_person_do_not_count(harness: Harness, comfy: StandInComfyUI) -> None:
    comfy.faults.failing_nodes |= BOOM
    await fail(harness, 4, overrides={"steps": 3})
    comfy.faults.failing_nodes.clear()
    assert (await drawn(harness)).state is JobState.GENERATED


async def test_one_odd_picture_of_one_person_counts_once(
    harness: Harness, comfy: StandInComfyUI, tmp_path: Path
) -> None:
    graph = picture_graph()
    graph["8"] = node("LoadImage", image="__CHORUS_REFERENCE_IMAGE__")
    graph["9"] = node("VAEEncode", pixels=["8", 0], vae=["1", 2])
    graph["5"]["inputs"]["latent_image"] = ["9", 0]
    harness.files.graphs[JobKind.IMAGE, "default"] = graph
    comfy.faults.failing_nodes |= BOOM

    def given(number: int) -> tuple[InputFile, ...]:
        path = comfy_png(tmp_path / f"{number}.png", width=64 + number)
        return (InputFile(role="reference_image", path=str(path), sha256=sha256_of_file(path)),)

    await fail(harness, 4, inputs=given(0))
    await fail(harness, 1, inputs=given(1))
    await fail(harness, 1, inputs=given(2))
    with pytest.raises(WorkflowFailing):
        await harness.draw(inputs=given(3))


async def test_memory_cancellation_and_restarts_do_not_count(harness: Harness, comfy: StandInComfyUI) -> None:
    comfy.faults.out_of_memory = 6
    await fail(harness, 3)
    for _ in range(3):
        async with comfy.set_breakpoint("KSampler", times=1) as hold:
            job = await harness.draw()
            await hold.reached.wait()
            await harness.orchestrator.cancel(job.id)
            assert (await harness.ended(job)).state is JobState.CANCELLED
    assert (await drawn(harness)).state is JobState.GENERATED


async def test_a_refused_value_counts_like_a_failing_node(harness: Harness) -> None:
    harness.files.graphs[JobKind.IMAGE, "default"] = picture_graph(steps=0)
    await fail(harness, 3)
    with pytest.raises(WorkflowFailing, match='"steps" is too small'):
        await harness.draw()
    harness.files.graphs[JobKind.IMAGE, "other"] = picture_graph()
    assert (await drawn(harness, workflow_name="other")).state is JobState.GENERATED
