"""What the HTTP endpoints tell of a server, and how long it is remembered."""

from __future__ import annotations

import asyncio

import pytest

from bot.comfyui.client import ComfyClient
from bot.comfyui.exceptions import ComfyConnectionError
from tests.comfyui.scripted_server import ScriptedComfyUI


async def test_object_info_is_cached_until_the_server_is_back_after_an_outage(
    server: ScriptedComfyUI, client: ComfyClient
) -> None:
    assert client.cached_object_info is None
    info = await client.object_info()
    assert client.cached_object_info is info
    assert await client.object_info() is info
    assert server.calls.count("GET /object_info") == 1
    await client.object_info(refresh=True)
    assert server.calls.count("GET /object_info") == 2
    await server.stop()
    with pytest.raises(ComfyConnectionError):
        await client.system_stats()
    assert client.cached_object_info is not None, "still used for checks during the outage"
    waiting = asyncio.create_task(client.wait_available())
    await server.start()
    async with asyncio.timeout(60):
        await waiting
    assert client.cached_object_info is None
    await client.free()
    assert server.calls[-1] == 'POST /free {"unload_models": true, "free_memory": true}'


async def test_the_queue_is_sorted_by_number(server: ScriptedComfyUI, client: ComfyClient) -> None:
    for number in (1, 7, 5, 10, 30, 40, 20, 50):
        server.pending[f"p{number}"] = {"number": number, "client_id": "c"}
    snapshot = await client.queue()
    assert [entry.number for entry in snapshot.pending] == [1, 5, 7, 10, 20, 30, 40, 50]
    assert snapshot.position("p20") == 5
    assert snapshot.position("none") is None
