"""Following prompts while the server, or the wire, misbehaves."""

from __future__ import annotations

import asyncio

import pytest

from bot.comfyui.client import ComfyClient
from bot.comfyui.exceptions import ComfyConnectionError, ExecutionOutOfMemory
from bot.comfyui.models import (
    Failed,
    Lost,
    NodeStarted,
    PreviewFrame,
    Queued,
    Started,
    Stepped,
    Succeeded,
)
from tests.comfyui.conftest import HASTE, PATIENT
from tests.comfyui.following import ending, first
from tests.comfyui.peer import GRAPH, JPEG, Peer


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


async def test_the_place_in_the_queue_is_kept_up(peer: Peer, prompt_id: str) -> None:
    peer.pending["first"] = {"prompt": GRAPH, "client_id": "a-browser"}
    async with ComfyClient(peer.url, PATIENT) as client:
        await peer.connections(1)
        with client.track(prompt_id) as tracking:
            await client.submit(prompt_id, GRAPH)
            assert await first(tracking, Queued) == Queued(2)
            await peer.run("first")
            await peer.status()
            assert await first(tracking, Queued) == Queued(1)


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
