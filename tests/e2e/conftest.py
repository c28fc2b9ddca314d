from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.e2e.house import House, built


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """A local Discord and a stand-in ComfyUI; the bot is started by the test."""
    async with built(tmp_path) as made:
        yield made
