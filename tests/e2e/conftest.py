from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.e2e.chat_system import ChatSystem, open_chat_system
from tests.e2e.system import System, open_system


@pytest.fixture
async def system(tmp_path: Path) -> AsyncIterator[System]:
    """A local Discord and a stand-in ComfyUI; the bot is started by the test."""
    async with open_system(tmp_path) as made:
        yield made


@pytest.fixture
async def chat(tmp_path: Path) -> AsyncIterator[ChatSystem]:
    """As above, with a scripted model and characters that talk."""
    async with open_chat_system(tmp_path) as made:
        yield made
