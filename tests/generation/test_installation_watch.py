"""What is installed or removed on ComfyUI is known without a restart of the bot, and without one of ComfyUI."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from bot.comfyui.client import ComfyClient
from bot.domain.jobs import JobKind, JobState
from bot.errors import MissingModel
from bot.generation.installation_watch import InstallationWatch
from sandbox.comfyui import StandInComfyUI
from tests.generation.harness import OPTIONS, Harness, failed, picture_graph

LATER = "later.safetensors"


@pytest.fixture
async def client(comfy: StandInComfyUI) -> AsyncIterator[ComfyClient]:
    async with ComfyClient(comfy.url, OPTIONS) as opened:
        yield opened


def object_infos(comfy: StandInComfyUI) -> int:
    return len(comfy.log.requests("GET", "/object_info"))


async def test_a_model_that_was_added_is_noticed_and_nothing_else_is_fetched(
    comfy: StandInComfyUI, client: ComfyClient
) -> None:
    await client.object_info()
    await client.refresh_object_info()
    fetched = object_infos(comfy)
    for _ in range(3):
        assert not await client.refresh_object_info()
    assert object_infos(comfy) == fetched
    before = client.cached_object_info
    comfy.models["checkpoints"].append(LATER)
    assert await client.refresh_object_info()
    after = client.cached_object_info
    assert after is not before
    assert LATER in json.dumps(after)
    comfy.models["checkpoints"].remove(LATER)
    assert await client.refresh_object_info()
    assert LATER not in json.dumps(client.cached_object_info)


async def test_what_did_not_change_stays_the_same_object(comfy: StandInComfyUI, client: ComfyClient) -> None:
    before = await client.object_info()
    assert not await client.refresh_object_info(), "the first look compares, but finds nothing new"
    assert await client.object_info(refresh=True) is before
    assert object_infos(comfy) == 3


async def test_the_watch_tells_of_models_and_of_restarts_with_other_nodes(
    comfy: StandInComfyUI, client: ComfyClient
) -> None:
    async with InstallationWatch([client], interval_seconds=0.05) as watch, asyncio.timeout(20):
        revision = await watch.wait_changed(0)
        assert watch.object_infos is not None
        comfy.models["checkpoints"].append(LATER)
        revision = await watch.wait_changed(revision)
        assert LATER in json.dumps(watch.object_infos)
    async with InstallationWatch([client], interval_seconds=600) as watch, asyncio.timeout(20):
        revision = await watch.wait_changed(0)
        await comfy.kill()
        del comfy.nodes["KSampler"]
        await comfy.start()
        await watch.wait_changed(revision)
        infos: Any = watch.object_infos
        assert "KSampler" not in infos[client.url]


async def test_a_missing_model_that_appears_is_usable_at_once(harness: Harness, comfy: StandInComfyUI) -> None:
    harness.files.graphs[JobKind.IMAGE, "default"] = picture_graph(ckpt_name=LATER)
    await failed(harness, await harness.draw(), "MISSING_MODEL")
    with pytest.raises(MissingModel):
        await harness.draw()
    comfy.models["checkpoints"].append(LATER)
    assert (await harness.ended(await harness.draw())).state is JobState.GENERATED


async def test_a_job_that_waits_for_its_turn_finds_a_model_that_was_added_meanwhile(
    harness: Harness, comfy: StandInComfyUI
) -> None:
    harness.files.graphs[JobKind.IMAGE, "later"] = picture_graph(ckpt_name=LATER)
    comfy.models["checkpoints"].append(LATER)
    await harness.client.object_info()
    async with comfy.set_breakpoint("KSampler", times=1) as hold:
        first = await harness.draw()
        await hold.reached.wait()
        second = await harness.draw("prepared while the first one runs")
        third = await harness.draw(workflow_name="later")
        comfy.models["checkpoints"].remove(LATER)
        await harness.client.object_info(refresh=True)
        comfy.models["checkpoints"].append(LATER)
        hold.release()
        for job in (first, second, third):
            assert (await harness.ended(job)).state is JobState.GENERATED


async def test_a_model_that_was_removed_is_known_after_the_first_refusal(
    harness: Harness, comfy: StandInComfyUI
) -> None:
    comfy.models["checkpoints"].append(LATER)
    harness.files.graphs[JobKind.IMAGE, "default"] = picture_graph(ckpt_name=LATER)
    assert (await harness.ended(await harness.draw("one"))).state is JobState.GENERATED
    comfy.models["checkpoints"].remove(LATER)
    done = await harness.ended(await harness.draw("two"))
    assert done.error is not None
    assert done.error.code == "MISSING_MODEL"
    with pytest.raises(MissingModel):
        await harness.draw("three")
    assert len(comfy.log.find("submitted")) == 1
