from __future__ import annotations

import uuid
from collections.abc import AsyncIterator

import pytest

from bot.comfyui.client import ComfyClient
from tests.comfyui.client_options import FAST
from tests.comfyui.scripted_server import ScriptedComfyUI


@pytest.fixture
async def server() -> AsyncIterator[ScriptedComfyUI]:
    async with ScriptedComfyUI() as opened:
        yield opened


@pytest.fixture
async def client(server: ScriptedComfyUI) -> AsyncIterator[ComfyClient]:
    async with ComfyClient(server.url, FAST) as opened:
        await server.wait_for_connections(1)
        yield opened


@pytest.fixture
def prompt_id() -> str:
    return str(uuid.uuid4())
