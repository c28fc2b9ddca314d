from collections.abc import AsyncIterator

import pytest

from sandbox.comfyui import StandInComfyUI, StandInOptions


@pytest.fixture
async def comfy() -> AsyncIterator[StandInComfyUI]:
    async with StandInComfyUI(options=StandInOptions(step_seconds=0.0)) as server:
        yield server
