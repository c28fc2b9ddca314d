from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sandbox.comfyui import StandInComfyUI, StandInOptions
from tests.generation.harness import Harness, open_harness
from tests.generation.tones import install


@pytest.fixture
async def comfy() -> AsyncIterator[StandInComfyUI]:
    async with StandInComfyUI(options=StandInOptions(step_seconds=0.0, previews=False)) as server:
        install(server)
        yield server


@pytest.fixture
async def harness(tmp_path: Path, comfy: StandInComfyUI) -> AsyncIterator[Harness]:
    async with open_harness(tmp_path, comfy.url) as opened:
        yield opened
