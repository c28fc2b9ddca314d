"""Following prompts while the server, or the wire, misbehaves."""

from __future__ import annotations

import asyncio
import logging

import pytest

from bot.comfyui.client import ComfyClient
from bot.comfyui.exceptions import ComfyConnectionError, ExecutionOutOfMemory
from bot.comfyui.models import (
    ExecutionUpdate,
    Failed,
    Interrupted,
    Lost,
    NodeStarted,
    Outcome,
    PreviewFrame,
    Queued,
    Started,
    Stepped,
    Succeeded,
)
from bot.comfyui.options import ClientOptions
from bot.comfyui.tracking import Tracking
from tests.comfyui.conftest import HASTE
from tests.comfyui.peer import GRAPH, JPEG, Peer, image


async def ending(tracking: Tracking) -> Outcome:
    async with asyncio.timeout(10):
        return await tracking.outcome()


async def first(tracking: Tracking, kind: type[ExecutionUpdate]) -> ExecutionUpdate:
    async with asyncio.timeout(10):
        async for update in tracking:
            if isinstance(update, kind):
                return update
    raise AssertionError(kind)


async def test_flags_are_the_first_frame_of_every_connection(peer: Peer, client: ComfyClient) -> None:
    await peer.drop_sockets()
    await peer.connections(2)
    flags = {"type": "feature_flags", "data": {"supports_preview_metadata": True}}
    assert peer.first_frames == [flags, flags]


async def test_idle_connections_get_fresh_ids(peer: Peer, client: ComfyClient) -> None:
    await peer.drop_sockets()
    await peer.connections(2)
    assert len(set(peer.client_ids)) == 2


async def test_nothing_is_asked_while_the_socket_tells_all(peer: Peer, client: ComfyClient, prompt_id: str) -> None:
    with client.track(prompt_id) as tracking:
        await client.submit(prompt_id, GRAPH)
        await peer.run(prompt_id)
        await peer.finish(prompt_id)
        assert isinstance(await ending(tracking), Succeeded)
    assert "GET /history/id" not in peer.calls


async def test_only_this_prompt_is_heard(peer: Peer, client: ComfyClient, prompt_id: str) -> None:
    with client.track(prompt_id) as tracking:
        await client.submit(prompt_id, GRAPH)
        await peer.run(prompt_id)
        stranger = {"node": "77", "prompt_id": "another", "value": 1, "max": 2}
        await peer.emit(client.client_id, {"type": "progress", "data": stranger})
        await peer.emit(client.client_id, {"type": "execution_success", "data": {"prompt_id": "another"}})
        # Event 1 has no prompt id, and with our flags it comes from prompts without client id only.
        await peer.emit(client.client_id, b"\0\0\0\1\0\0\0\1" + JPEG)
        await peer.send(prompt_id, "executing", node="1", display_node="1")
        await peer.finish(prompt_id)
        updates = [update async for update in tracking]
    assert NodeStarted("1") in updates
    assert not [update for update in updates if isinstance(update, Stepped | PreviewFrame)]


async def test_old_servers_send_previews_without_an_id(peer: Peer, prompt_id: str) -> None:
    peer.flags = {}
    async with ComfyClient(peer.url, HASTE) as client:
        await peer.connections(1)
        with client.track(prompt_id) as tracking:
            await client.submit(prompt_id, GRAPH)
            await peer.run(prompt_id)
            await peer.emit(client.client_id, b"\0\0\0\1\0\0\0\2" + JPEG)
            assert await first(tracking, PreviewFrame) == PreviewFrame(JPEG, "image/png", None)


async def test_progress_in_floats_below_one(peer: Peer, client: ComfyClient, prompt_id: str) -> None:
    with client.track(prompt_id) as tracking:
        await client.submit(prompt_id, GRAPH)
        await peer.run(prompt_id)
        await peer.send(prompt_id, "progress", node="1", value=4.7e-07, max=0.5)
        assert await first(tracking, Stepped) == Stepped("1", 4.7e-07, 0.5)
        await peer.send(prompt_id, "progress", node="1", value=1, max=4)
        assert await first(tracking, Stepped) == Stepped("1", 1, 4)


async def test_rubbish_on_the_socket_is_passed_over(peer: Peer, client: ComfyClient, prompt_id: str) -> None:
    with client.track(prompt_id) as tracking:
        await client.submit(prompt_id, GRAPH)
        await peer.run(prompt_id)
        for rubbish in (b"", b"\0\0", b"\0\0\0\4\xff\xff\xff\xff{}", b"\0\0\0\3\0\0\0\1xhello", b"\0\0\0\4\0\0\0\2{}x"):
            await peer.emit(client.client_id, rubbish)
        await peer.emit(client.client_id, {"type": "progress", "data": {"prompt_id": prompt_id, "value": "?"}})
        await peer.emit(client.client_id, {"type": "from the future", "data": {"prompt_id": prompt_id}})
        await peer.emit(client.client_id, {"data": []})
        await peer.finish(prompt_id)
        assert isinstance(await ending(tracking), Succeeded)
    assert len(peer.client_ids) == 1


async def test_a_slow_watcher_gets_the_newest_preview_only(peer: Peer, client: ComfyClient, prompt_id: str) -> None:
    with client.track(prompt_id) as tracking:
        await client.submit(prompt_id, GRAPH)
        await peer.run(prompt_id)
        for step in range(50):
            await peer.send(prompt_id, "progress", node="1", value=step, max=50)
            await peer.preview(prompt_id, JPEG + bytes([step]))
        await peer.finish(prompt_id)
        await ending(tracking)
        updates = [update async for update in tracking]
    assert [update.data[-1] for update in updates if isinstance(update, PreviewFrame)] == [49]
    assert [update for update in updates if isinstance(update, Stepped)] == [Stepped("1", 49, 50)]


# -- deaf, dropped, absent sockets


async def test_a_deaf_socket_is_found_out_and_replaced(peer: Peer, client: ComfyClient, prompt_id: str) -> None:
    """It stays open and answers pings, and not one more frame comes; the prompt ends unheard."""
    peer.deaf = {1}
    with client.track(prompt_id) as tracking:
        await client.submit(prompt_id, GRAPH)
        await peer.run(prompt_id)
        await peer.connections(2)
        assert peer.client_ids[1] == peer.client_ids[0], "the running prompt's events go to that id"
        await peer.preview(prompt_id)
        assert isinstance(await first(tracking, PreviewFrame), PreviewFrame)
        await peer.finish(prompt_id)
        assert isinstance(await ending(tracking), Succeeded)


async def test_a_prompt_that_ends_on_a_deaf_socket(peer: Peer, client: ComfyClient, prompt_id: str) -> None:
    peer.deaf = {1}
    with client.track(prompt_id) as tracking:
        await client.submit(prompt_id, GRAPH)
        await peer.run(prompt_id)
        await peer.finish(prompt_id)
        assert isinstance(await ending(tracking), Succeeded)
    await peer.connections(2)


async def test_deaf_again_under_the_same_id_ends_in_a_fresh_one(
    peer: Peer, client: ComfyClient, prompt_id: str
) -> None:
    peer.deaf = {1, 2}
    with client.track(prompt_id) as tracking:
        await client.submit(prompt_id, GRAPH)
        await peer.run(prompt_id)
        await peer.connections(3)
        assert peer.client_ids[0] == peer.client_ids[1] != peer.client_ids[2]
        # The old id is silent now; the prompt is polled to its end.
        await peer.finish(prompt_id, say=False)
        assert isinstance(await ending(tracking), Succeeded)


async def test_a_dropped_socket_in_mid_job(peer: Peer, client: ComfyClient, prompt_id: str) -> None:
    with client.track(prompt_id) as tracking:
        await client.submit(prompt_id, GRAPH)
        await peer.run(prompt_id)
        await first(tracking, Started)
        peer.greet_running = "2"
        await peer.drop_sockets()
        await peer.connections(2)
        assert peer.client_ids[0] == peer.client_ids[1]
        assert await first(tracking, NodeStarted) == NodeStarted("2")
        await peer.send(prompt_id, "progress", node="2", value=1, max=2)
        assert await first(tracking, Stepped) == Stepped("2", 1, 2)
        await peer.finish(prompt_id)
        outcome = await ending(tracking)
    assert isinstance(outcome, Succeeded)
    assert [file.filename for file in outcome.files] == ["x_1.png"]


async def test_what_ended_while_the_socket_was_away(peer: Peer, client: ComfyClient, prompt_id: str) -> None:
    """Nothing is replayed: the outputs heard before the gap are not taken for all of them."""
    outputs = {"2": {"images": [image("a.png")]}, "3": {"images": [image("b.png")]}}
    with client.track(prompt_id) as tracking:
        await client.submit(prompt_id, GRAPH)
        await peer.run(prompt_id)
        await peer.send(prompt_id, "executed", node="2", output=outputs["2"])
        await peer.finish(prompt_id, outputs, say=False)
        await peer.drop_sockets()
        outcome = await ending(tracking)
    assert isinstance(outcome, Succeeded)
    assert [file.filename for file in outcome.files] == ["a.png", "b.png"]


async def test_no_websocket_at_all(peer: Peer, prompt_id: str) -> None:
    peer.websocket = False
    async with ComfyClient(peer.url, HASTE) as client:
        with client.track(prompt_id) as tracking:
            await client.submit(prompt_id, GRAPH)
            assert await first(tracking, Queued) == Queued(1)
            await peer.run(prompt_id)
            assert await first(tracking, Started) == Started()
            assert tracking.started_at is not None
            await peer.finish(prompt_id)
            assert isinstance(await ending(tracking), Succeeded)
        assert not client.connected
    assert "GET /history" not in peer.calls, "the whole history is never asked for"


def test_polling_slows_down() -> None:
    patient = ClientOptions()
    assert [patient.poll_interval(seconds) for seconds in (0, 29.9, 30, 59.9, 60, 1e4)] == [2, 2, 5, 5, 10, 10]


async def test_the_server_restarts_in_mid_job(peer: Peer, client: ComfyClient, prompt_id: str) -> None:
    with client.track(prompt_id) as tracking:
        await client.submit(prompt_id, GRAPH)
        await peer.run(prompt_id)
        await first(tracking, Started)
        await peer.stop()
        await peer.start()
        assert await ending(tracking) == Lost()


async def test_slow_loads_with_silence(peer: Peer, client: ComfyClient, prompt_id: str) -> None:
    """Silence alone ends nothing, however often the watchdog looks; what comes after it is heard."""
    with client.track(prompt_id) as tracking:
        await client.submit(prompt_id, GRAPH)
        await peer.run(prompt_id)
        await peer.connections(3)  # looked into twice
        assert not tracking.ended
        await peer.send(prompt_id, "progress", node="1", value=1, max=2)
        await peer.finish(prompt_id)
        assert isinstance(await ending(tracking), Succeeded)


async def test_the_watchdog_grows_patient(peer: Peer, client: ComfyClient, prompt_id: str) -> None:
    with client.track(prompt_id) as tracking:
        await client.submit(prompt_id, GRAPH)
        await peer.run(prompt_id)
        before = tracking.patience
        await peer.connections(2)
        await peer.until(lambda: tracking.patience > before)
        assert tracking.patience >= 2 * HASTE.watchdog_silence


# -- ends that are not what they seem


async def test_a_blocked_branch_is_not_the_end(peer: Peer, client: ComfyClient, prompt_id: str) -> None:
    with client.track(prompt_id) as tracking:
        await client.submit(prompt_id, GRAPH)
        await peer.run(prompt_id)
        blocked = {"exception_type": "ExecutionBlocked", "exception_message": "Execution Blocked: not today"}
        await peer.send(prompt_id, "execution_error", node_id="1", node_type="X", **blocked)
        await peer.send(prompt_id, "executing", node="2")
        await first(tracking, NodeStarted)
        assert not tracking.ended
        await peer.finish(prompt_id)
        outcome = await ending(tracking)
    assert isinstance(outcome, Succeeded)
    assert outcome.blocked == ("Execution Blocked: not today",)


async def test_a_success_that_is_a_failure(peer: Peer, client: ComfyClient, prompt_id: str) -> None:
    """A dynamic cycle: status_str is "success", the last message an error, and no execution_success comes."""
    with client.track(prompt_id) as tracking:
        await client.submit(prompt_id, GRAPH)
        await peer.run(prompt_id)
        data = {"node_id": "1", "exception_type": "graph.DependencyCycleError", "exception_message": "cycle"}
        await peer.finish(prompt_id, {}, end="execution_error", status="success", data=data)
        outcome = await ending(tracking)
    assert isinstance(outcome, Failed)
    assert outcome.error.exception_type == "graph.DependencyCycleError"


async def test_a_failure_keeps_the_files_of_other_branches(peer: Peer, client: ComfyClient, prompt_id: str) -> None:
    with client.track(prompt_id) as tracking:
        await client.submit(prompt_id, GRAPH)
        await peer.run(prompt_id)
        data = {"exception_type": "torch.OutOfMemoryError", "exception_message": "CUDA out of memory.\n"}
        await peer.finish(prompt_id, end="execution_error", data=data)
        outcome = await ending(tracking)
    assert isinstance(outcome, Failed)
    assert isinstance(outcome.error, ExecutionOutOfMemory)
    assert str(outcome.error) == "CUDA out of memory."
    assert [file.filename for file in outcome.files] == ["x_1.png"]


async def test_somebody_cleared_the_queue(peer: Peer, client: ComfyClient, prompt_id: str) -> None:
    with client.track(prompt_id) as tracking:
        await client.submit(prompt_id, GRAPH)
        assert await first(tracking, Queued) == Queued(1)
        peer.pending.clear()
        await peer.status()
        assert await ending(tracking) == Lost()


async def test_somebody_cleared_the_history(peer: Peer, client: ComfyClient, prompt_id: str) -> None:
    """The error was heard; that nothing is left to ask makes it no loss."""
    with client.track(prompt_id) as tracking:
        await client.submit(prompt_id, GRAPH)
        await peer.run(prompt_id)
        await peer.send(prompt_id, "execution_error", node_id="1", exception_type="ValueError", exception_message="no")
        peer.running.clear()
        outcome = await ending(tracking)
    assert isinstance(outcome, Failed)
    assert outcome.error.message == "no"


# -- work found at start


async def test_work_of_an_earlier_process_is_heard_again(peer: Peer, client: ComfyClient, prompt_id: str) -> None:
    body = {"prompt": GRAPH, "prompt_id": prompt_id, "client_id": "chorus-of-yesterday"}
    peer.pending[prompt_id] = body
    await peer.run(prompt_id)
    with client.track(prompt_id) as tracking:
        assert await first(tracking, Started) == Started()
        await peer.until(lambda: peer.client_ids[-1] == "chorus-of-yesterday" and len(peer.first_frames) == 2)
        await peer.send(prompt_id, "progress", node="1", value=1, max=2)
        assert await first(tracking, Stepped) == Stepped("1", 1, 2)
        await peer.finish(prompt_id)
        assert isinstance(await ending(tracking), Succeeded)


async def test_the_id_of_a_browser_is_not_taken(peer: Peer, client: ComfyClient, prompt_id: str) -> None:
    peer.pending[prompt_id] = {"prompt": GRAPH, "prompt_id": prompt_id, "client_id": "a-browser"}
    await peer.run(prompt_id)
    with client.track(prompt_id) as tracking:
        await first(tracking, Started)
        await peer.finish(prompt_id)
        assert isinstance(await ending(tracking), Succeeded)
    assert "a-browser" not in peer.client_ids


async def test_work_that_is_nowhere(peer: Peer, client: ComfyClient, prompt_id: str) -> None:
    with client.track(prompt_id) as tracking:
        assert await ending(tracking) == Lost()
    asked = [call for call in peer.calls if call in {"GET /queue", "GET /history/id"}]
    assert asked == ["GET /queue", "GET /history/id"] * 2, "the queue first, and twice before it is believed"


async def test_watching_may_begin_before_the_submission(peer: Peer, client: ComfyClient, prompt_id: str) -> None:
    with client.track(prompt_id) as tracking:
        watching = asyncio.create_task(ending(tracking))
        await peer.until(lambda: "GET /history/id" in peer.calls)
        await client.submit(prompt_id, GRAPH)
        await peer.run(prompt_id)
        await peer.finish(prompt_id)
        assert isinstance(await watching, Succeeded)


async def test_closing_ends_the_waiting(peer: Peer, prompt_id: str) -> None:
    async with ComfyClient(peer.url, HASTE) as client:
        with client.track(prompt_id) as tracking:
            await client.submit(prompt_id, GRAPH)
            waiting = asyncio.create_task(tracking.outcome())
            await first(tracking, Queued)
        with pytest.raises(ComfyConnectionError):
            await waiting
        with client.track(prompt_id), pytest.raises(ValueError, match="tracked already"), client.track(prompt_id):
            pass


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
    async with asyncio.timeout(10):
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
