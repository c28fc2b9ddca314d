"""What a job takes in memory goes with it."""

from __future__ import annotations

import asyncio
import gc

import pytest

from bot.comfyui.prompt_tracker import PromptTracker
from bot.generation.active_job import ActiveJob
from cogs.delivery import delivery_of
from cogs.delivery.progress_editor import ProgressEditor
from tests.e2e.system import System


@pytest.mark.long
@pytest.mark.timeout(3000)
async def test_when_jobs_are_over_nothing_of_them_is_left(system: System, long_run: bool) -> None:
    jobs = 300 if long_run else 12
    async with system.running() as (services, bot):
        tasks_before = len(asyncio.all_tasks())
        for _ in range(jobs):
            await system.result(await system.imagine())
        await system.until_delivered(jobs)
        delivery = delivery_of(bot)
        async with asyncio.timeout(60):
            while delivery.shown_jobs or services.orchestrator.active_count:  # noqa: ASYNC110 - the last moments of tasks
                await asyncio.sleep(0.01)
        gc.collect()
        left = [one for one in gc.get_objects() if isinstance(one, ActiveJob | ProgressEditor | PromptTracker)]
        assert left == []
        assert len(asyncio.all_tasks()) <= tasks_before + 2
