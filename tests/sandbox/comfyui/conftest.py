from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from sandbox.comfyui import StandInComfyUI, StandInOptions
from tests.sandbox.comfyui.talk import Talk

QUICK = StandInOptions(step_seconds=0)


@pytest.fixture
async def comfy() -> AsyncIterator[StandInComfyUI]:
    async with StandInComfyUI(options=QUICK) as server:
        yield server


@pytest.fixture
async def talk(comfy: StandInComfyUI) -> AsyncIterator[Talk]:
    async with Talk(comfy.url) as client:
        yield client
