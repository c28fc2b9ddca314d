"""Waiting on a tracking, with a deadline."""

from __future__ import annotations

import asyncio

from bot.comfyui.models import ExecutionUpdate, Outcome
from bot.comfyui.tracking import Tracking


async def ending(tracking: Tracking) -> Outcome:
    async with asyncio.timeout(60):
        return await tracking.outcome()


async def first(tracking: Tracking, kind: type[ExecutionUpdate]) -> ExecutionUpdate:
    async with asyncio.timeout(60):
        async for update in tracking:
            if isinstance(update, kind):
                return update
    raise AssertionError(kind)
