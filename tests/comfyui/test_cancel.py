"""Cancelling prompts that wait or run, on servers that interrupt by id and on older ones."""

from __future__ import annotations

import pytest

from bot.comfyui.client import ComfyClient
from bot.comfyui.prompt_state import Interrupted
from tests.comfyui.scripted_server import GRAPH, ScriptedComfyUI
from tests.comfyui.waiting import wait_for_outcome


async def test_cancel_pending(server: ScriptedComfyUI, client: ComfyClient, prompt_id: str) -> None:
    with client.track(prompt_id) as tracker:
        await client.submit(prompt_id, GRAPH)
        assert await client.cancel(prompt_id)
        assert await wait_for_outcome(tracker) == Interrupted()
    assert server.calls.index("POST /queue") < server.calls.index("POST /interrupt")
    assert server.interrupted == []


async def test_cancel_running(server: ScriptedComfyUI, client: ComfyClient, prompt_id: str) -> None:
    with client.track(prompt_id) as tracker:
        await client.submit(prompt_id, GRAPH)
        await server.start_prompt(prompt_id)
        assert await client.cancel(prompt_id)
        assert await wait_for_outcome(tracker) == Interrupted()
    assert server.interrupted == [prompt_id]


@pytest.mark.parametrize("version", ["0.3.56", "0.3.57", "0.33.0"])
async def test_cancel_leaves_prompts_of_other_clients_alone(
    server: ScriptedComfyUI, client: ComfyClient, prompt_id: str, version: str
) -> None:
    server.version = version
    server.running["somebody's"] = {"prompt": GRAPH, "client_id": "a-browser"}
    with client.track(prompt_id) as tracker:
        await client.submit(prompt_id, GRAPH)
        assert await client.cancel(prompt_id)
        assert await wait_for_outcome(tracker) == Interrupted()
    assert not await client.cancel(prompt_id)
    assert list(server.running) == ["somebody's"]


async def test_cancel_running_on_an_old_server(server: ScriptedComfyUI, client: ComfyClient, prompt_id: str) -> None:
    server.version = "0.3.50"
    with client.track(prompt_id) as tracker:
        await client.submit(prompt_id, GRAPH)
        await server.start_prompt(prompt_id)
        assert await client.cancel(prompt_id)
        assert await wait_for_outcome(tracker) == Interrupted()
    assert server.interrupted == [prompt_id]
