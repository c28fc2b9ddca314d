from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from sandbox.comfyui import StandInComfyUI, StandInOptions
from tests.sandbox.comfyui.raw_client import RawClient

QUICK = StandInOptions(step_seconds=0)


@pytest.fixture
async def comfy() -> AsyncIterator[StandInComfyUI]:
    async with StandInComfyUI(options=QUICK) as server:
        yield server


@pytest.fixture
async def raw(comfy: StandInComfyUI) -> AsyncIterator[RawClient]:
    async with RawClient(comfy.url) as client:
        yield client
