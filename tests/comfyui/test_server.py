"""Cancelling, and what is known of the server."""

from __future__ import annotations

import asyncio
import logging

import pytest

from bot.comfyui.client import ComfyClient
from bot.comfyui.exceptions import ComfyConnectionError
from bot.comfyui.models import (
    Interrupted,
)
from tests.comfyui.following import ending
from tests.comfyui.peer import GRAPH, Peer

# -- cancelling


async def test_cancel_pending(peer: Peer, client: ComfyClient, prompt_id: str) -> None:
    with client.track(prompt_id) as tracking:
        await client.submit(prompt_id, GRAPH)
        assert await client.cancel(prompt_id)
        assert await ending(tracking) == Interrupted()
    assert peer.calls.index("POST /queue") < peer.calls.index("POST /interrupt")
    assert peer.interrupted == []


async def test_cancel_running(peer: Peer, client: ComfyClient, prompt_id: str) -> None:
    with client.track(prompt_id) as tracking:
        await client.submit(prompt_id, GRAPH)
        await peer.run(prompt_id)
        assert await client.cancel(prompt_id)
        assert await ending(tracking) == Interrupted()
    assert peer.interrupted == [prompt_id]


@pytest.mark.parametrize("version", ["0.3.56", "0.3.57", "0.33.0"])
async def test_cancel_leaves_the_work_of_others_alone(
    peer: Peer, client: ComfyClient, prompt_id: str, version: str
) -> None:
    peer.version = version
    peer.running["somebody's"] = {"prompt": GRAPH, "client_id": "a-browser"}
    with client.track(prompt_id) as tracking:
        await client.submit(prompt_id, GRAPH)
        assert await client.cancel(prompt_id)
        assert await ending(tracking) == Interrupted()
    assert not await client.cancel(prompt_id)
    assert list(peer.running) == ["somebody's"]


async def test_cancel_running_on_an_old_server(peer: Peer, client: ComfyClient, prompt_id: str) -> None:
    peer.version = "0.3.50"
    with client.track(prompt_id) as tracking:
        await client.submit(prompt_id, GRAPH)
        await peer.run(prompt_id)
        assert await client.cancel(prompt_id)
        assert await ending(tracking) == Interrupted()
    assert peer.interrupted == [prompt_id]


# -- the rest of the server


async def test_what_is_known_of_the_server_dies_with_it(
    peer: Peer, client: ComfyClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    assert client.cached_object_info is None
    info = await client.object_info()
    assert client.cached_object_info is info
    assert await client.object_info() is info
    assert peer.calls.count("GET /object_info") == 1
    await client.object_info(refresh=True)
    assert peer.calls.count("GET /object_info") == 2
    await peer.stop()
    with pytest.raises(ComfyConnectionError):
        await client.system_stats()
    assert client.cached_object_info is not None, "still good for checking while jobs wait"
    waiting = asyncio.create_task(client.wait_available())
    await peer.start()
    async with asyncio.timeout(60):
        await waiting
    assert client.cached_object_info is None
    await client.free()
    assert peer.calls[-1] == 'POST /free {"unload_models": true, "free_memory": true}'


async def test_the_queue_in_order(peer: Peer, client: ComfyClient) -> None:
    for number in (1, 7, 5, 10, 30, 40, 20, 50):
        peer.pending[f"p{number}"] = {"number": number, "client_id": "c"}
    snapshot = await client.queue()
    assert [entry.number for entry in snapshot.pending] == [1, 5, 7, 10, 20, 30, 40, 50]
    assert snapshot.position("p20") == 5
    assert snapshot.position("none") is None
