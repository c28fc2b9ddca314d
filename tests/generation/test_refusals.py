"""What cannot work is refused before it waits, with a reason."""

import asyncio
from pathlib import Path

import pytest

from bot.domain.jobs import GenerationRequest, Job, JobKind
from bot.errors import (
    CharacterNotFound,
    ChorusError,
    InputInvalid,
    MissingModel,
    MissingNode,
    QueueFull,
    WorkflowInvalid,
    WorkflowNotFound,
)
from bot.generation.queue import QueueLimits
from sandbox.comfyui import StandInComfyUI
from tests.generation.harness import Harness, failed, node, open_harness, picture, picture_graph, speech


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        (picture("   "), InputInvalid),
        (picture("x" * 20_001), InputInvalid),
        (picture(seed=-1), InputInvalid),
        (picture(seed=2**64), InputInvalid),
        (picture(overrides={"width": 0}), InputInvalid),
        (picture(overrides={"width": 10**9}), InputInvalid),
        (picture(overrides={"steps": "many"}), InputInvalid),
        (picture(overrides={"cfg": float("nan")}), InputInvalid),
        (picture(overrides={"denoise": 2}), InputInvalid),
        (picture(overrides={"sharpness": 1}), InputInvalid),
        (picture("half \ud800"), InputInvalid),
        (picture(negative="half \udfff"), InputInvalid),
        (picture(overrides={"sampler": "\ud800"}), InputInvalid),
        (picture(overrides={"lora": "ink\udc00:1"}), InputInvalid),
        (speech("  "), InputInvalid),
        (speech(), InputInvalid),
        (picture(character_id="nobody"), CharacterNotFound),
        (picture(workflow_name="../x"), WorkflowNotFound),
        (picture(workflow_hash="f" * 64), WorkflowNotFound),
        (picture(kind=JobKind.VIDEO), WorkflowNotFound),
    ],
)
async def test_what_cannot_work_is_not_accepted(
    harness: Harness, request_: GenerationRequest, error: type[ChorusError]
) -> None:
    with pytest.raises(error):
        await harness.orchestrator.submit(request_)
    assert await harness.store.unfinished("run") == []


async def test_a_workflow_without_a_place_for_the_prompt_is_not_accepted(harness: Harness) -> None:
    harness.files.graphs[JobKind.IMAGE, "default"] = {
        "1": node("EmptyImage", width=64, height=64, batch_size=1, color=0),
        "2": node("SaveImage", images=["1", 0], filename_prefix="t"),
    }
    with pytest.raises(WorkflowInvalid):
        await harness.draw()


async def test_a_missing_node_is_told_at_once_when_it_is_known_and_later_when_not(harness: Harness) -> None:
    graph = picture_graph()
    graph["6"]["class_type"] = "NoSuchNode"
    harness.files.graphs[JobKind.IMAGE, "broken"] = graph
    await failed(harness, await harness.draw(workflow_name="broken"), "MISSING_NODE")
    with pytest.raises(MissingNode, match="NoSuchNode"):
        await harness.draw(workflow_name="broken")


async def test_a_missing_model_is_told_likewise(harness: Harness) -> None:
    harness.files.graphs[JobKind.IMAGE, "broken"] = picture_graph(ckpt_name="nope.safetensors")
    await failed(harness, await harness.draw(workflow_name="broken"), "MISSING_MODEL")
    with pytest.raises(MissingModel, match=r"nope\.safetensors"):
        await harness.draw(workflow_name="broken")


async def test_the_queue_is_limited_and_says_for_how_long(tmp_path: Path, comfy: StandInComfyUI) -> None:
    async with open_harness(tmp_path, comfy.url, queue_limits=QueueLimits(3, 2)) as harness:
        await harness.ended(await harness.draw("teach it how long"))
        async with comfy.set_breakpoint("KSampler") as hold:
            running = await harness.draw()
            await hold.reached.wait()
            waiting = [await harness.draw(requester=1), await harness.draw(requester=1)]
            with pytest.raises(QueueFull, match="You already have 2"):
                await harness.draw(requester=1)
            waiting.append(await harness.draw(requester=2))
            with pytest.raises(QueueFull, match=r"3 jobs wait\. A place should be free in about \d+ second"):
                await harness.draw(requester=3)
        for job in (running, *waiting):
            await harness.ended(job)
        waiting = [await harness.draw(requester=1)]
        await harness.ended(waiting[0])


async def test_many_at_once_cannot_pass_the_limit(tmp_path: Path, comfy: StandInComfyUI) -> None:
    async with (
        open_harness(tmp_path, comfy.url, queue_limits=QueueLimits(100, 3)) as harness,
        comfy.set_breakpoint("KSampler") as hold,
    ):
        running = await harness.draw(requester=5)
        await hold.reached.wait()
        results = await asyncio.gather(*(harness.draw(requester=1) for _ in range(10)), return_exceptions=True)
        assert sum(isinstance(result, Job) for result in results) == 3
        assert sum(isinstance(result, QueueFull) for result in results) == 7
        for job in results:
            if isinstance(job, Job):
                assert await harness.orchestrator.cancel(job.id)
        assert await harness.orchestrator.cancel(running.id)


# -- while it runs
