"""Following prompts: ordinary ones, odd events, unusual ends, and prompts of an earlier process."""

from __future__ import annotations

import asyncio

import pytest

from bot.comfyui.client import ComfyClient
from bot.comfyui.exceptions import ComfyConnectionError, ExecutionOutOfMemory
from bot.comfyui.execution_updates import NodeProgress, NodeStarted, PreviewFrame, Queued, Started
from bot.comfyui.prompt_state import Failed, Lost, Succeeded
from tests.comfyui.client_options import FAST, NO_POLLING
from tests.comfyui.scripted_server import GRAPH, JPEG, ScriptedComfyUI
from tests.comfyui.waiting import wait_for_outcome, wait_for_update


async def test_feature_flags_are_the_first_frame_of_every_connection(
    server: ScriptedComfyUI, client: ComfyClient
) -> None:
    await server.close_websockets()
    await server.wait_for_connections(2)
    flags = {"type": "feature_flags", "data": {"supports_preview_metadata": True}}
    assert server.first_frames == [flags, flags]


async def test_idle_connections_get_new_ids(server: ScriptedComfyUI, client: ComfyClient) -> None:
    await server.close_websockets()
    await server.wait_for_connections(2)
    assert len(set(server.client_ids)) == 2


async def test_nothing_is_polled_while_events_arrive(
    server: ScriptedComfyUI, client: ComfyClient, prompt_id: str
) -> None:
    with client.track(prompt_id) as tracker:
        await client.submit(prompt_id, GRAPH)
        await server.start_prompt(prompt_id)
        await server.finish_prompt(prompt_id)
        assert isinstance(await wait_for_outcome(tracker), Succeeded)
    assert "GET /history/id" not in server.calls


async def test_events_of_other_prompts_are_dropped(
    server: ScriptedComfyUI, client: ComfyClient, prompt_id: str
) -> None:
    with client.track(prompt_id) as tracker:
        await client.submit(prompt_id, GRAPH)
        await server.start_prompt(prompt_id)
        other = {"node": "77", "prompt_id": "another", "value": 1, "max": 2}
        await server.send_frame(client.client_id, {"type": "progress", "data": other})
        await server.send_frame(client.client_id, {"type": "execution_success", "data": {"prompt_id": "another"}})
        # Event 1 has no prompt id; with our feature flags it comes only from prompts that have no client id.
        await server.send_frame(client.client_id, b"\0\0\0\1\0\0\0\1" + JPEG)
        await server.send_event(prompt_id, "executing", node="1", display_node="1")
        await server.finish_prompt(prompt_id)
        updates = [update async for update in tracker]
    assert NodeStarted("1") in updates
    assert not [update for update in updates if isinstance(update, NodeProgress | PreviewFrame)]


async def test_old_servers_send_previews_without_an_id(server: ScriptedComfyUI, prompt_id: str) -> None:
    server.feature_flags = {}
    async with ComfyClient(server.url, FAST) as client:
        await server.wait_for_connections(1)
        with client.track(prompt_id) as tracker:
            await client.submit(prompt_id, GRAPH)
            await server.start_prompt(prompt_id)
            await server.send_frame(client.client_id, b"\0\0\0\1\0\0\0\2" + JPEG)
            assert await wait_for_update(tracker, PreviewFrame) == PreviewFrame(JPEG, "image/png", None)


async def test_progress_in_floats_below_one(server: ScriptedComfyUI, client: ComfyClient, prompt_id: str) -> None:
    with client.track(prompt_id) as tracker:
        await client.submit(prompt_id, GRAPH)
        await server.start_prompt(prompt_id)
        await server.send_event(prompt_id, "progress", node="1", value=4.7e-07, max=0.5)
        assert await wait_for_update(tracker, NodeProgress) == NodeProgress("1", 4.7e-07, 0.5)
        await server.send_event(prompt_id, "progress", node="1", value=1, max=4)
        assert await wait_for_update(tracker, NodeProgress) == NodeProgress("1", 1, 4)


async def test_malformed_frames_are_ignored(server: ScriptedComfyUI, client: ComfyClient, prompt_id: str) -> None:
    with client.track(prompt_id) as tracker:
        await client.submit(prompt_id, GRAPH)
        await server.start_prompt(prompt_id)
        for frame in (b"", b"\0\0", b"\0\0\0\4\xff\xff\xff\xff{}", b"\0\0\0\3\0\0\0\1xhello", b"\0\0\0\4\0\0\0\2{}x"):
            await server.send_frame(client.client_id, frame)
        await server.send_frame(client.client_id, {"type": "progress", "data": {"prompt_id": prompt_id, "value": "?"}})
        await server.send_frame(client.client_id, {"type": "from the future", "data": {"prompt_id": prompt_id}})
        await server.send_frame(client.client_id, {"data": []})
        await server.finish_prompt(prompt_id)
        assert isinstance(await wait_for_outcome(tracker), Succeeded)
    assert len(server.client_ids) == 1


async def test_a_slow_consumer_gets_the_newest_preview_only(
    server: ScriptedComfyUI, client: ComfyClient, prompt_id: str
) -> None:
    with client.track(prompt_id) as tracker:
        await client.submit(prompt_id, GRAPH)
        await server.start_prompt(prompt_id)
        for step in range(50):
            await server.send_event(prompt_id, "progress", node="1", value=step, max=50)
            await server.send_preview(prompt_id, JPEG + bytes([step]))
        await server.finish_prompt(prompt_id)
        await wait_for_outcome(tracker)
        updates = [update async for update in tracker]
    assert [update.data[-1] for update in updates if isinstance(update, PreviewFrame)] == [49]
    assert [update for update in updates if isinstance(update, NodeProgress)] == [NodeProgress("1", 49, 50)]


# -- unusual ends


async def test_a_blocked_branch_is_not_the_end(server: ScriptedComfyUI, client: ComfyClient, prompt_id: str) -> None:
    with client.track(prompt_id) as tracker:
        await client.submit(prompt_id, GRAPH)
        await server.start_prompt(prompt_id)
        blocked = {"exception_type": "ExecutionBlocked", "exception_message": "Execution Blocked: not today"}
        await server.send_event(prompt_id, "execution_error", node_id="1", node_type="X", **blocked)
        await server.send_event(prompt_id, "executing", node="2")
        await wait_for_update(tracker, NodeStarted)
        assert not tracker.ended
        await server.finish_prompt(prompt_id)
        outcome = await wait_for_outcome(tracker)
    assert isinstance(outcome, Succeeded)
    assert outcome.blocked == ("Execution Blocked: not today",)


async def test_a_success_that_is_a_failure(server: ScriptedComfyUI, client: ComfyClient, prompt_id: str) -> None:
    """A dynamic cycle: status_str is "success", the last message an error, and no execution_success comes."""
    with client.track(prompt_id) as tracker:
        await client.submit(prompt_id, GRAPH)
        await server.start_prompt(prompt_id)
        data = {"node_id": "1", "exception_type": "graph.DependencyCycleError", "exception_message": "cycle"}
        await server.finish_prompt(prompt_id, {}, end="execution_error", status="success", data=data)
        outcome = await wait_for_outcome(tracker)
    assert isinstance(outcome, Failed)
    assert outcome.error.exception_type == "graph.DependencyCycleError"


async def test_a_failure_keeps_the_files_of_other_branches(
    server: ScriptedComfyUI, client: ComfyClient, prompt_id: str
) -> None:
    with client.track(prompt_id) as tracker:
        await client.submit(prompt_id, GRAPH)
        await server.start_prompt(prompt_id)
        data = {"exception_type": "torch.OutOfMemoryError", "exception_message": "CUDA out of memory.\n"}
        await server.finish_prompt(prompt_id, end="execution_error", data=data)
        outcome = await wait_for_outcome(tracker)
    assert isinstance(outcome, Failed)
    assert isinstance(outcome.error, ExecutionOutOfMemory)
    assert str(outcome.error) == "CUDA out of memory."
    assert [file.filename for file in outcome.files] == ["x_1.png"]


async def test_a_cleared_queue_loses_the_prompt(server: ScriptedComfyUI, client: ComfyClient, prompt_id: str) -> None:
    with client.track(prompt_id) as tracker:
        await client.submit(prompt_id, GRAPH)
        assert await wait_for_update(tracker, Queued) == Queued(1)
        server.pending.clear()
        await server.send_status()
        assert await wait_for_outcome(tracker) == Lost()


async def test_a_reported_error_counts_although_the_history_was_cleared(
    server: ScriptedComfyUI, client: ComfyClient, prompt_id: str
) -> None:
    """Without a history entry, the events tell the outcome."""
    with client.track(prompt_id) as tracker:
        await client.submit(prompt_id, GRAPH)
        await server.start_prompt(prompt_id)
        await server.send_event(
            prompt_id, "execution_error", node_id="1", exception_type="ValueError", exception_message="no"
        )
        server.running.clear()
        outcome = await wait_for_outcome(tracker)
    assert isinstance(outcome, Failed)
    assert outcome.error.message == "no"


async def test_the_position_in_the_queue_is_kept_up_to_date(server: ScriptedComfyUI, prompt_id: str) -> None:
    server.pending["first"] = {"prompt": GRAPH, "client_id": "a-browser"}
    async with ComfyClient(server.url, NO_POLLING) as client:
        await server.wait_for_connections(1)
        with client.track(prompt_id) as tracker:
            await client.submit(prompt_id, GRAPH)
            assert await wait_for_update(tracker, Queued) == Queued(2)
            await server.start_prompt("first")
            await server.send_status()
            assert await wait_for_update(tracker, Queued) == Queued(1)


# -- prompts of an earlier process


async def test_a_prompt_of_an_earlier_process_is_followed_by_events(
    server: ScriptedComfyUI, client: ComfyClient, prompt_id: str
) -> None:
    body = {"prompt": GRAPH, "prompt_id": prompt_id, "client_id": "chorus-of-yesterday"}
    server.pending[prompt_id] = body
    await server.start_prompt(prompt_id)
    with client.track(prompt_id) as tracker:
        assert await wait_for_update(tracker, Started) == Started()
        await server.wait_until(
            lambda: server.client_ids[-1] == "chorus-of-yesterday" and len(server.first_frames) == 2
        )
        await server.send_event(prompt_id, "progress", node="1", value=1, max=2)
        assert await wait_for_update(tracker, NodeProgress) == NodeProgress("1", 1, 2)
        await server.finish_prompt(prompt_id)
        assert isinstance(await wait_for_outcome(tracker), Succeeded)


async def test_the_id_of_a_browser_is_not_taken(server: ScriptedComfyUI, client: ComfyClient, prompt_id: str) -> None:
    server.pending[prompt_id] = {"prompt": GRAPH, "prompt_id": prompt_id, "client_id": "a-browser"}
    await server.start_prompt(prompt_id)
    with client.track(prompt_id) as tracker:
        await wait_for_update(tracker, Started)
        await server.finish_prompt(prompt_id)
        assert isinstance(await wait_for_outcome(tracker), Succeeded)
    assert "a-browser" not in server.client_ids


async def test_a_prompt_that_is_nowhere_is_lost(server: ScriptedComfyUI, client: ComfyClient, prompt_id: str) -> None:
    with client.track(prompt_id) as tracker:
        assert await wait_for_outcome(tracker) == Lost()
    asked = [call for call in server.calls if call in {"GET /queue", "GET /history/id"}]
    assert asked == ["GET /queue", "GET /history/id"] * 2, "the queue before the history, and both twice"


async def test_following_may_begin_before_the_submission(
    server: ScriptedComfyUI, client: ComfyClient, prompt_id: str
) -> None:
    with client.track(prompt_id) as tracker:
        following = asyncio.create_task(wait_for_outcome(tracker))
        await server.wait_until(lambda: "GET /history/id" in server.calls)
        await client.submit(prompt_id, GRAPH)
        await server.start_prompt(prompt_id)
        await server.finish_prompt(prompt_id)
        assert isinstance(await following, Succeeded)


async def test_closing_ends_the_wait_for_the_outcome(server: ScriptedComfyUI, prompt_id: str) -> None:
    async with ComfyClient(server.url, FAST) as client:
        with client.track(prompt_id) as tracker:
            await client.submit(prompt_id, GRAPH)
            waiting = asyncio.create_task(tracker.outcome())
            await wait_for_update(tracker, Queued)
        with pytest.raises(ComfyConnectionError):
            await waiting
        with client.track(prompt_id), pytest.raises(ValueError, match="tracked already"), client.track(prompt_id):
            pass
