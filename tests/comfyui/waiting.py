"""Waiting for a tracker, with a deadline."""

from __future__ import annotations

import asyncio

from bot.comfyui.execution_updates import ExecutionUpdate
from bot.comfyui.prompt_state import Outcome
from bot.comfyui.prompt_tracker import PromptTracker

DEADLINE_SECONDS = 60


async def wait_for_outcome(tracker: PromptTracker) -> Outcome:
    async with asyncio.timeout(DEADLINE_SECONDS):
        return await tracker.outcome()


async def wait_for_update(tracker: PromptTracker, kind: type[ExecutionUpdate]) -> ExecutionUpdate:
    """The next update of that type; others are passed over."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        async for update in tracker:
            if isinstance(update, kind):
                return update
    raise AssertionError(kind)
