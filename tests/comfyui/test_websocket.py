"""WebSockets that are stale, dropped or absent, and servers that restart."""

from __future__ import annotations

import uuid

from bot.comfyui.client import ComfyClient
from bot.comfyui.execution_updates import NodeProgress, NodeStarted, PreviewFrame, Queued, Started
from bot.comfyui.options import ClientOptions
from bot.comfyui.prompt_state import Lost, Succeeded
from tests.comfyui.client_options import FAST, NO_POLLING
from tests.comfyui.scripted_server import GRAPH, ScriptedComfyUI, output_file
from tests.comfyui.waiting import wait_for_outcome, wait_for_update


async def test_a_stale_connection_is_replaced_under_the_same_id(
    server: ScriptedComfyUI, client: ComfyClient, prompt_id: str
) -> None:
    """A stale connection stays open and answers pings, and no frame arrives on it."""
    server.stale = {1}
    with client.track(prompt_id) as tracker:
        await client.submit(prompt_id, GRAPH)
        await server.start_prompt(prompt_id)
        await server.wait_for_connections(2)
        assert server.client_ids[1] == server.client_ids[0], "ComfyUI sends the running prompt's events to that id"
        await server.send_preview(prompt_id)
        assert isinstance(await wait_for_update(tracker, PreviewFrame), PreviewFrame)
        await server.finish_prompt(prompt_id)
        assert isinstance(await wait_for_outcome(tracker), Succeeded)


async def test_a_prompt_that_ends_on_a_stale_connection(
    server: ScriptedComfyUI, client: ComfyClient, prompt_id: str
) -> None:
    server.stale = {1}
    with client.track(prompt_id) as tracker:
        await client.submit(prompt_id, GRAPH)
        await server.start_prompt(prompt_id)
        await server.finish_prompt(prompt_id)
        assert isinstance(await wait_for_outcome(tracker), Succeeded)
    await server.wait_for_connections(2)


async def test_every_connection_of_an_id_is_stale(server: ScriptedComfyUI, client: ComfyClient, prompt_id: str) -> None:
    """The id is kept while the prompt needs it and polling finds the end; the next prompt gets a new id."""
    server.stale = set(range(1, 99))
    with client.track(prompt_id) as tracker:
        await client.submit(prompt_id, GRAPH)
        await server.start_prompt(prompt_id)
        await server.wait_for_connections(3)
        assert len(set(server.client_ids)) == 1
        await server.finish_prompt(prompt_id)
        assert isinstance(await wait_for_outcome(tracker), Succeeded)
    server.stale.clear()
    again = str(uuid.uuid4())
    with client.track(again) as tracker:
        submission = await client.submit(again, GRAPH)
        assert submission.client_id not in server.client_ids[:3]
        await server.start_prompt(again)
        await server.finish_prompt(again)
        assert isinstance(await wait_for_outcome(tracker), Succeeded)


async def test_a_connection_that_drops_while_a_prompt_runs(
    server: ScriptedComfyUI, client: ComfyClient, prompt_id: str
) -> None:
    with client.track(prompt_id) as tracker:
        await client.submit(prompt_id, GRAPH)
        await server.start_prompt(prompt_id)
        await wait_for_update(tracker, Started)
        server.greeting_node = "2"
        await server.close_websockets()
        await server.wait_for_connections(2)
        assert server.client_ids[0] == server.client_ids[1]
        assert await wait_for_update(tracker, NodeStarted) == NodeStarted("2")
        await server.send_event(prompt_id, "progress", node="2", value=1, max=2)
        assert await wait_for_update(tracker, NodeProgress) == NodeProgress("2", 1, 2)
        await server.finish_prompt(prompt_id)
        outcome = await wait_for_outcome(tracker)
    assert isinstance(outcome, Succeeded)
    assert [file.filename for file in outcome.files] == ["x_1.png"]


async def test_a_prompt_that_ends_while_disconnected(
    server: ScriptedComfyUI, client: ComfyClient, prompt_id: str
) -> None:
    """ComfyUI does not repeat events, so the outputs reported before are not taken for all of them."""
    outputs = {"2": {"images": [output_file("a.png")]}, "3": {"images": [output_file("b.png")]}}
    with client.track(prompt_id) as tracker:
        await client.submit(prompt_id, GRAPH)
        await server.start_prompt(prompt_id)
        await server.send_event(prompt_id, "executed", node="2", output=outputs["2"])
        await server.finish_prompt(prompt_id, outputs, announced=False)
        await server.close_websockets()
        outcome = await wait_for_outcome(tracker)
    assert isinstance(outcome, Succeeded)
    assert [file.filename for file in outcome.files] == ["a.png", "b.png"]


async def test_after_a_disconnection_the_history_decides(
    server: ScriptedComfyUI, client: ComfyClient, prompt_id: str
) -> None:
    """One output was reported before the disconnection and one during it; the success comes after it."""
    with client.track(prompt_id) as tracker:
        await client.submit(prompt_id, GRAPH)
        await server.start_prompt(prompt_id)
        await server.send_event(prompt_id, "executed", node="2", output={"images": [output_file("a.png")]})
        await server.send_event(prompt_id, "executing", node="3")
        await wait_for_update(tracker, NodeStarted)
        await server.close_websockets()
        await server.wait_for_connections(2)
        outputs = {"2": {"images": [output_file("a.png")]}, "3": {"images": [output_file("b.png")]}}
        await server.finish_prompt(prompt_id, outputs, announced=False)
        await server.send_event_to(client.client_id, prompt_id, "execution_success", timestamp=3500)
        outcome = await wait_for_outcome(tracker)
    assert isinstance(outcome, Succeeded)
    assert [file.filename for file in outcome.files] == ["a.png", "b.png"]


async def test_a_reconnection_causes_a_query_at_once(server: ScriptedComfyUI, prompt_id: str) -> None:
    async with ComfyClient(server.url, NO_POLLING) as client:
        await server.wait_for_connections(1)
        with client.track(prompt_id) as tracker:
            await client.submit(prompt_id, GRAPH)
            await server.start_prompt(prompt_id)
            await wait_for_update(tracker, Started)
            await server.finish_prompt(prompt_id, announced=False)
            await server.close_websockets()
            assert isinstance(await wait_for_outcome(tracker), Succeeded)


async def test_polling_without_a_websocket(server: ScriptedComfyUI, prompt_id: str) -> None:
    server.has_websocket = False
    async with ComfyClient(server.url, FAST) as client:
        with client.track(prompt_id) as tracker:
            await client.submit(prompt_id, GRAPH)
            assert await wait_for_update(tracker, Queued) == Queued(1)
            await server.start_prompt(prompt_id)
            assert await wait_for_update(tracker, Started) == Started()
            await server.finish_prompt(prompt_id)
            assert isinstance(await wait_for_outcome(tracker), Succeeded)
        assert not client.connected
    assert "GET /history" not in server.calls, "the whole history is large and never asked for"


def test_the_interval_of_polling_grows() -> None:
    options = ClientOptions()
    assert [options.poll_interval(seconds) for seconds in (0, 29.9, 30, 59.9, 60, 1e4)] == [2, 2, 5, 5, 10, 10]


async def test_the_server_restarts_while_a_prompt_runs(
    server: ScriptedComfyUI, client: ComfyClient, prompt_id: str
) -> None:
    with client.track(prompt_id) as tracker:
        await client.submit(prompt_id, GRAPH)
        await server.start_prompt(prompt_id)
        await wait_for_update(tracker, Started)
        await server.stop()
        await server.start()
        assert await wait_for_outcome(tracker) == Lost()


async def test_long_silence_does_not_end_a_prompt(server: ScriptedComfyUI, client: ComfyClient, prompt_id: str) -> None:
    """The watchdog asks and reconnects, and events that come after the silence still count."""
    with client.track(prompt_id) as tracker:
        await client.submit(prompt_id, GRAPH)
        await server.start_prompt(prompt_id)
        await server.wait_for_connections(3)  # the watchdog has reconnected twice
        assert not tracker.ended
        await server.send_event(prompt_id, "progress", node="1", value=1, max=2)
        await server.finish_prompt(prompt_id)
        assert isinstance(await wait_for_outcome(tracker), Succeeded)


async def test_each_silence_makes_the_watchdog_wait_longer(
    server: ScriptedComfyUI, client: ComfyClient, prompt_id: str
) -> None:
    with client.track(prompt_id) as tracker:
        await client.submit(prompt_id, GRAPH)
        await server.start_prompt(prompt_id)
        before = tracker.schedule.silence_limit
        await server.wait_for_connections(2)
        await server.wait_until(lambda: tracker.schedule.silence_limit > before)
        assert tracker.schedule.silence_limit >= 2 * FAST.watchdog_silence
