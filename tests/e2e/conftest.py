from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.e2e.house import House, built
from tests.e2e.parlour import Parlour, furnished


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """A local Discord and a stand-in ComfyUI; the bot is started by the test."""
    async with built(tmp_path) as made:
        yield made


@pytest.fixture
async def parlour(tmp_path: Path) -> AsyncIterator[Parlour]:
    """As above, with a scripted model and characters that talk."""
    async with furnished(tmp_path) as made:
        yield made
