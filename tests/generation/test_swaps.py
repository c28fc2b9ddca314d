"""VRAM hand-over end to end: chat and pictures share the GPU, in groups, and waiting people see why."""

import asyncio
from pathlib import Path

from bot.domain.job_updates import Waiting
from bot.domain.jobs import JobState
from bot.gpu_lock import GpuLock
from sandbox.comfyui import StandInComfyUI
from tests.generation.harness import open_harness
from tests.generation.test_gpu import Diary


async def test_pictures_wait_for_the_turn_and_are_drawn_in_one_group(tmp_path: Path, comfy: StandInComfyUI) -> None:
    diary = Diary()
    async with open_harness(tmp_path, comfy.url, handover=diary) as harness:
        async with harness.gpu.conversation():
            jobs = [await harness.draw(f"number {n}") for n in range(3)]
            seen = harness.orchestrator.watch(jobs[0].id)
            async for update in seen:
                if isinstance(update, Waiting) and update.reason == "the model is speaking":
                    break
            await seen.aclose()
            assert comfy.log.find("submitted") == []
        for job in jobs:
            assert (await harness.ended(job)).state is JobState.GENERATED
        assert diary.entries == ["free comfy", "unload model"]
        assert harness.gpu.swaps.count == 2


async def test_a_turn_waits_for_the_picture_that_is_being_drawn(tmp_path: Path, comfy: StandInComfyUI) -> None:
    diary = Diary()
    async with open_harness(tmp_path, comfy.url, handover=diary) as harness:
        async with comfy.set_breakpoint("KSampler", times=1) as hold:
            job = await harness.draw()
            await hold.reached.wait()
            turn = asyncio.create_task(_speak(harness.gpu, diary))
            hold.release()
            assert (await harness.ended(job)).state is JobState.GENERATED
        await asyncio.wait_for(turn, 10)
        assert diary.entries == ["unload model", "free comfy", "spoke"]


async def test_a_comfyui_that_is_away_does_not_keep_the_model_from_speaking(
    tmp_path: Path, comfy: StandInComfyUI
) -> None:
    diary = Diary()
    await comfy.kill()
    async with open_harness(tmp_path, comfy.url, handover=diary) as harness:
        job = await harness.draw()
        await asyncio.wait_for(_speak(harness.gpu, diary), 10)
        await comfy.start()
        assert (await harness.ended(job)).state is JobState.GENERATED
        assert diary.entries == ["free comfy", "spoke", "unload model"]


async def _speak(gpu: GpuLock, diary: Diary) -> None:
    async with gpu.conversation():
        diary.entries.append("spoke")
