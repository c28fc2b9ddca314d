from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from bot.comfyui.client import ComfyClient
from bot.comfyui.options import ClientOptions
from tests.comfyui.peer import Peer

HASTE = ClientOptions(
    retry_backoff=0.02,
    reconnect_max=0.1,
    poll_initial=0.05,
    poll_max=0.1,
    watchdog_after_submit=0.2,
    watchdog_silence=0.3,
    settle_delay=0.05,
)

PATIENT = replace(HASTE, poll_initial=1e6, poll_max=1e6, watchdog_after_submit=1e6, watchdog_silence=1e6)
"""Nothing is asked by the clock, so what is asked has another cause."""


@pytest.fixture
async def peer() -> AsyncIterator[Peer]:
    async with Peer() as server:
        yield server


@pytest.fixture
async def client(peer: Peer) -> AsyncIterator[ComfyClient]:
    async with ComfyClient(peer.url, HASTE) as opened:
        await peer.connections(1)
        yield opened


@pytest.fixture
def prompt_id() -> str:
    return str(uuid.uuid4())
