"""Faults, and what is kept over restarts of the server."""

from __future__ import annotations

import asyncio
import io
import sys
import time
from typing import Any

import aiohttp
import pytest
from PIL import Image

from sandbox.comfyui import PostFault, StandInComfyUI, ViewFault
from tests.processes import spawn
from tests.sandbox.comfyui.graphs import node, solid_image, text_to_image, with_sandbox_node
from tests.sandbox.comfyui.raw_client import RawClient


async def saved(raw: RawClient) -> dict[str, str]:
    [file] = (await raw.run(solid_image()))["outputs"]["2"]["images"]
    return file


async def test_a_restart_forgets_all_but_files(comfy: StandInComfyUI, raw: RawClient) -> None:
    file = await saved(raw)
    preview = {"1": solid_image()["1"], "2": node("PreviewImage", images=["1", 0])}
    [temporary] = (await raw.run(preview))["outputs"]["2"]["images"]
    url = comfy.url
    async with comfy.set_breakpoint("SandboxSleep") as paused:
        running = await raw.submit(with_sandbox_node(solid_image()))
        await raw.submit(solid_image(color=2))
        await paused.reached.wait()
        await comfy.restart()
    assert comfy.url == url
    assert (comfy.running, comfy.pending, comfy.history(running)) == (None, [], None)
    await raw.until(lambda: raw.socket.closed)
    assert raw.socket.close_code == 1006
    async with RawClient(comfy.url) as again:
        assert len(await again.download(file)) > 60
        assert await again.status("/view", **temporary) == 404
        body = await again.get("/queue")
        assert body == {"queue_running": [], "queue_pending": []}
        status, reply = await again.post("/prompt", {"prompt": solid_image()})
        assert (status, reply["number"]) == (200, 0)
    assert comfy.log.find("execution_interrupted", running) == [], "a crash sends no events"


async def test_while_it_is_down_nothing_listens(comfy: StandInComfyUI, raw: RawClient) -> None:
    await comfy.kill()
    with pytest.raises(aiohttp.ClientConnectorError):
        await raw.get("/queue")
    await comfy.start()
    assert await raw.get("/queue") == {"queue_running": [], "queue_pending": []}


async def test_a_post_that_was_applied_but_not_answered(comfy: StandInComfyUI, raw: RawClient) -> None:
    comfy.faults.posts += [PostFault.APPLIED_THEN_DROPPED, PostFault.DROPPED, PostFault.SERVER_ERROR]
    with pytest.raises(aiohttp.ClientConnectionError):
        await raw.submit(solid_image())
    entry = await comfy.log.wait_for("ended")
    assert comfy.history(str(entry.prompt_id)) is not None
    with pytest.raises(aiohttp.ClientConnectionError):
        await raw.submit(solid_image())
    assert (await raw.post("/prompt", {"prompt": solid_image()}))[0] == 500
    assert len(comfy.log.find("submitted")) == 1


async def test_events_may_come_before_the_response(comfy: StandInComfyUI, raw: RawClient) -> None:
    comfy.faults.posts.append(PostFault.EVENTS_FIRST)
    submitting = asyncio.create_task(raw.submit(solid_image()))
    await raw.until(lambda: raw.kinds("execution_success"))
    prompt_id = await submitting
    assert comfy.history(prompt_id) is not None


async def test_muted_sockets_stay_open_and_get_no_messages(comfy: StandInComfyUI, raw: RawClient) -> None:
    comfy.mute_sockets()
    before = len(raw.frames)
    prompt_id = await raw.submit(solid_image())
    await comfy.log.wait_for("ended", prompt_id)
    async with RawClient(comfy.url):
        assert len(raw.frames) == before
    assert not raw.socket.closed


async def test_a_client_can_be_muted_from_its_second_connection_on(comfy: StandInComfyUI, raw: RawClient) -> None:
    comfy.faults.mute_after_reconnect = 1
    await raw.socket.close()
    await comfy.log.wait_for("socket_closed")
    async with raw.http.ws_connect(f"{comfy.url}/ws", params={"clientId": raw.client_id}) as muted:
        await comfy.log.wait_for("socket_open", count=2)
        async with RawClient(comfy.url) as hearing:
            await hearing.run(solid_image())
        # Messages are sent in order, so any for this socket would have been sent by now and be received first.
        await comfy.drop_sockets()
        assert (await muted.receive(timeout=60)).type is aiohttp.WSMsgType.CLOSED


async def test_websockets_can_be_dropped_and_refused(comfy: StandInComfyUI, raw: RawClient) -> None:
    comfy.faults.reject_websocket = True
    await comfy.drop_sockets()
    await raw.until(lambda: raw.socket.closed)
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await raw.http.ws_connect(f"{comfy.url}/ws")
    assert refused.value.status == 503


async def test_messages_that_comfyui_never_sends(comfy: StandInComfyUI, raw: RawClient) -> None:
    comfy.send_raw('{"type": "crystools.monitor", "data": {"cpu": 3}}')
    comfy.send_raw(b"\x00")
    await raw.until(lambda: b"\x00" in raw.frames)
    assert raw.kinds("crystools.monitor") == [{"cpu": 3}]


@pytest.mark.parametrize("fault", [ViewFault.GONE, ViewFault.SERVER_ERROR])
async def test_view_can_answer_with_a_status(comfy: StandInComfyUI, raw: RawClient, fault: ViewFault) -> None:
    file = await saved(raw)
    comfy.faults.views.append(fault)
    assert await raw.status("/view", **file) == {ViewFault.GONE: 404, ViewFault.SERVER_ERROR: 500}[fault]
    assert await raw.status("/view", **file) == 200


async def test_view_can_break_off(comfy: StandInComfyUI, raw: RawClient) -> None:
    file = await saved(raw)
    whole = await raw.download(file)
    comfy.faults.views += [ViewFault.TRUNCATED, ViewFault.HALF_FILE, ViewFault.EMPTY, ViewFault.HTML]
    with pytest.raises(aiohttp.ClientPayloadError):
        await raw.download(file)
    assert await raw.download(file) == whole[: len(whole) // 2]
    assert await raw.download(file) == b""
    assert (await raw.download(file)).startswith(b"<!DOCTYPE html>")


async def test_view_can_send_a_decompression_bomb(comfy: StandInComfyUI, raw: RawClient) -> None:
    file = await saved(raw)
    comfy.faults.views.append(ViewFault.BOMB)
    data = await raw.download(file)
    assert len(data) < 100_000
    with pytest.raises(Image.DecompressionBombError):
        Image.open(io.BytesIO(data))


async def test_view_can_be_endless(comfy: StandInComfyUI, raw: RawClient) -> None:
    file = await saved(raw)
    comfy.faults.views.append(ViewFault.ENDLESS)
    async with raw.http.get(f"{raw.url}/view", params=file) as response:
        read = 0
        while read < 20_000_000:
            read += len(await response.content.readany())
        response.close()


async def test_hostile_names_are_reported_but_not_written(comfy: StandInComfyUI, raw: RawClient) -> None:
    comfy.faults.hostile_filenames.append("../../x.png")
    assert (await saved(raw))["filename"] == "../../x.png"
    assert [each.name for each in comfy.folders.root.joinpath("output").rglob("*.png")] == ["img_00001_.png"]


async def test_memory_runs_out_once(comfy: StandInComfyUI, raw: RawClient) -> None:
    comfy.faults.out_of_memory = 1
    kind, error = (await raw.run(text_to_image()))["status"]["messages"][-1]
    assert (kind, error["exception_type"]) == ("execution_error", "torch.OutOfMemoryError")
    assert "ran out of memory on your GPU" in error["exception_message"]
    assert (await raw.run(text_to_image()))["status"]["completed"] is True


async def test_latency_and_server_errors_by_path(comfy: StandInComfyUI, raw: RawClient) -> None:
    comfy.faults.server_errors["/queue"] = 1
    comfy.faults.latency["/prompt"] = 0.2
    assert await raw.status("/api/queue") == 500
    assert await raw.status("/queue") == 200
    started = time.monotonic()
    await raw.get("/prompt")
    assert time.monotonic() - started >= 0.2


@pytest.mark.parametrize(
    ("class_type", "kind", "status"),
    [("SandboxFail", "execution_error", "error"), ("SandboxOutOfMemory", "execution_error", "error")],
)
async def test_nodes_that_fail(raw: RawClient, class_type: str, kind: str, status: str) -> None:
    entry = await raw.run(with_sandbox_node(solid_image(), class_type))
    assert entry["status"]["messages"][-1][0] == kind
    assert entry["status"]["status_str"] == status
    assert raw.kinds(kind)[0]["node_type"] == class_type


async def test_a_blocked_branch_is_an_error_that_is_not_the_end(raw: RawClient) -> None:
    graph = with_sandbox_node(solid_image(), "SandboxBlocked")
    graph["9"]["inputs"]["message"] = "no thanks"
    entry = await raw.run(graph)
    assert [each[0] for each in entry["status"]["messages"]] == [
        "execution_start",
        "execution_cached",
        "execution_success",
    ]
    assert entry["outputs"] == {}
    [error] = raw.kinds("execution_error")
    assert (error["exception_type"], error["exception_message"]) == ("ExecutionBlocked", "Execution Blocked: no thanks")
    assert "timestamp" not in error


async def test_an_error_may_be_stored_as_success_and_entries_may_be_missing(
    comfy: StandInComfyUI, raw: RawClient
) -> None:
    comfy.faults.errors_as_success = True
    comfy.faults.failing_nodes["EmptyImage"] = "boom"
    entry = await raw.run(solid_image())
    assert entry["status"]["completed"] is True
    assert entry["status"]["messages"][-1][1]["exception_message"] == "boom\n"
    comfy.faults.forget_history = True
    prompt_id = await raw.submit(solid_image())
    await comfy.log.wait_for("ended", prompt_id)
    assert await raw.get(f"/history/{prompt_id}") == {}


async def test_a_node_that_ignores_interrupts(comfy: StandInComfyUI, raw: RawClient) -> None:
    async with comfy.set_breakpoint("SandboxSleep", interruptible=False) as paused:
        prompt_id = await raw.submit(with_sandbox_node(solid_image()))
        await paused.reached.wait()
        await raw.post("/interrupt", {"prompt_id": prompt_id})
        await comfy.log.wait_for("interrupt")
        assert comfy.running == prompt_id
        paused.release()
        assert (await raw.finish(prompt_id))["status"]["messages"][-1][0] == "execution_interrupted"


async def test_the_log_knows_how_long_the_gpu_was_idle(comfy: StandInComfyUI, raw: RawClient) -> None:
    async with comfy.set_breakpoint("EmptyImage", times=1) as paused:
        ids = [await raw.submit(solid_image(color=number)) for number in range(3)]
        await paused.reached.wait()
        paused.release()
    await comfy.log.wait_for("ended", ids[-1])
    gaps = comfy.log.idle_gaps()
    starts = [each.time for each in comfy.log.find("execution_start")]
    ends = [each.time for each in comfy.log.find("execution_success")]
    assert gaps == [start - end for start, end in zip(starts[1:], ends[:-1], strict=True)]
    assert comfy.log.requests("POST", "/prompt")[-1].detail["status"] == 200


async def test_it_runs_as_a_process_of_its_own() -> None:
    process = await spawn(
        sys.executable, "-m", "sandbox.comfyui", "--version", "0.3.40", stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(60):
            url = (await process.stdout.readline()).decode().strip()
        async with RawClient(url) as raw:
            prompt_id = await raw.submit(solid_image())
            await raw.finish(prompt_id)
            assert (await raw.post("/sandbox/faults", {"out_of_memory": 1, "views": ["empty"]}))[0] == 200
            assert (await raw.post("/sandbox/faults", {"nope": 1}))[0] == 400
            last: dict[str, Any] = (await raw.run(text_to_image()))["status"]["messages"][-1][1]
            assert last["exception_type"] == "torch.OutOfMemoryError"
            log = await raw.get("/sandbox/log")
            assert [each["prompt_id"] for each in log["entries"] if each["kind"] == "execution_success"] == [prompt_id]
    finally:
        process.terminate()
        await process.wait()
    assert process.returncode == 0
