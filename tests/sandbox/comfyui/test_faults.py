"""Misbehaviour on request, and what outlives a life of the server."""

from __future__ import annotations

import asyncio
import io
import sys
from typing import Any

import aiohttp
import pytest
from PIL import Image

from sandbox.comfyui import PostFault, StandInComfyUI, ViewFault
from tests.sandbox.comfyui.talk import Talk, drawing, held, node, picture


async def saved(talk: Talk) -> dict[str, str]:
    [file] = (await talk.run(picture()))["outputs"]["2"]["images"]
    return file


async def test_a_restart_forgets_all_but_files(comfy: StandInComfyUI, talk: Talk) -> None:
    file = await saved(talk)
    preview = {"1": picture()["1"], "2": node("PreviewImage", images=["1", 0])}
    [temporary] = (await talk.run(preview))["outputs"]["2"]["images"]
    url = comfy.url
    async with comfy.set_breakpoint("SandboxSleep") as hold:
        running = await talk.submit(held(picture()))
        await talk.submit(picture(color=2))
        await hold.reached.wait()
        await comfy.restart()
    assert comfy.url == url
    assert (comfy.running, comfy.pending, comfy.history(running)) == (None, [], None)
    await talk.until(lambda: talk.socket.closed)
    assert talk.socket.close_code == 1006
    async with Talk(comfy.url) as again:
        assert len(await again.download(file)) > 60
        assert await again.status("/view", **temporary) == 404
        body = await again.get("/queue")
        assert body == {"queue_running": [], "queue_pending": []}
        status, reply = await again.post("/prompt", {"prompt": picture()})
        assert (status, reply["number"]) == (200, 0)
    assert comfy.log.find("execution_interrupted", running) == [], "nobody is told of a crash"


async def test_while_it_is_down_nothing_listens(comfy: StandInComfyUI, talk: Talk) -> None:
    await comfy.kill()
    with pytest.raises(aiohttp.ClientConnectorError):
        await talk.get("/queue")
    await comfy.start()
    assert await talk.get("/queue") == {"queue_running": [], "queue_pending": []}


async def test_a_post_that_was_applied_but_not_answered(comfy: StandInComfyUI, talk: Talk) -> None:
    comfy.faults.posts += [PostFault.APPLIED_THEN_DROPPED, PostFault.DROPPED, PostFault.SERVER_ERROR]
    with pytest.raises(aiohttp.ClientConnectionError):
        await talk.submit(picture())
    entry = await comfy.log.wait_for("ended")
    assert comfy.history(str(entry.prompt_id)) is not None
    with pytest.raises(aiohttp.ClientConnectionError):
        await talk.submit(picture())
    assert (await talk.post("/prompt", {"prompt": picture()}))[0] == 500
    assert len(comfy.log.find("submitted")) == 1


async def test_events_may_come_before_the_answer(comfy: StandInComfyUI, talk: Talk) -> None:
    comfy.faults.posts.append(PostFault.EVENTS_FIRST)
    submitting = asyncio.create_task(talk.submit(picture()))
    await talk.until(lambda: talk.kinds("execution_success"))
    prompt_id = await submitting
    assert comfy.history(prompt_id) is not None


async def test_deaf_sockets_answer_pings_and_hear_nothing(comfy: StandInComfyUI, talk: Talk) -> None:
    comfy.mute_sockets()
    before = len(talk.frames)
    prompt_id = await talk.submit(picture())
    await comfy.log.wait_for("ended", prompt_id)
    async with Talk(comfy.url):
        assert len(talk.frames) == before
    assert not talk.socket.closed


async def test_a_socket_can_be_deaf_from_its_second_connection_on(comfy: StandInComfyUI, talk: Talk) -> None:
    comfy.faults.mute_after_reconnect = 1
    await talk.socket.close()
    await comfy.log.wait_for("socket_closed")
    async with talk.http.ws_connect(f"{comfy.url}/ws", params={"clientId": talk.client_id}) as deaf:
        await comfy.log.wait_for("socket_open", count=2)
        async with Talk(comfy.url) as hearing:
            await hearing.run(picture())
        with pytest.raises(TimeoutError):
            await deaf.receive(timeout=0.05)


async def test_websockets_can_be_dropped_and_refused(comfy: StandInComfyUI, talk: Talk) -> None:
    comfy.faults.reject_websocket = True
    await comfy.drop_sockets()
    await talk.until(lambda: talk.socket.closed)
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await talk.http.ws_connect(f"{comfy.url}/ws")
    assert refused.value.status == 503


async def test_garbage_on_the_socket(comfy: StandInComfyUI, talk: Talk) -> None:
    comfy.send_raw('{"type": "crystools.monitor", "data": {"cpu": 3}}')
    comfy.send_raw(b"\x00")
    await talk.until(lambda: b"\x00" in talk.frames)
    assert talk.kinds("crystools.monitor") == [{"cpu": 3}]


@pytest.mark.parametrize("fault", [ViewFault.GONE, ViewFault.SERVER_ERROR])
async def test_view_can_answer_with_a_status(comfy: StandInComfyUI, talk: Talk, fault: ViewFault) -> None:
    file = await saved(talk)
    comfy.faults.views.append(fault)
    assert await talk.status("/view", **file) == {ViewFault.GONE: 404, ViewFault.SERVER_ERROR: 500}[fault]
    assert await talk.status("/view", **file) == 200


async def test_view_can_break_off(comfy: StandInComfyUI, talk: Talk) -> None:
    file = await saved(talk)
    whole = await talk.download(file)
    comfy.faults.views += [ViewFault.TRUNCATED, ViewFault.HALF_FILE, ViewFault.EMPTY, ViewFault.HTML]
    with pytest.raises(aiohttp.ClientPayloadError):
        await talk.download(file)
    assert await talk.download(file) == whole[: len(whole) // 2]
    assert await talk.download(file) == b""
    assert (await talk.download(file)).startswith(b"<!DOCTYPE html>")


async def test_view_can_hand_out_a_bomb(comfy: StandInComfyUI, talk: Talk) -> None:
    file = await saved(talk)
    comfy.faults.views.append(ViewFault.BOMB)
    data = await talk.download(file)
    assert len(data) < 100_000
    with pytest.raises(Image.DecompressionBombError):
        Image.open(io.BytesIO(data))


async def test_view_can_be_endless(comfy: StandInComfyUI, talk: Talk) -> None:
    file = await saved(talk)
    comfy.faults.views.append(ViewFault.ENDLESS)
    async with talk.http.get(f"{talk.url}/view", params=file) as response:
        read = 0
        while read < 20_000_000:
            read += len(await response.content.readany())
        response.close()


async def test_hostile_names_are_reported_but_not_written(comfy: StandInComfyUI, talk: Talk) -> None:
    comfy.faults.hostile_filenames.append("../../x.png")
    assert (await saved(talk))["filename"] == "../../x.png"
    assert [each.name for each in comfy.folders.root.joinpath("output").rglob("*.png")] == ["img_00001_.png"]


async def test_memory_runs_out_once(comfy: StandInComfyUI, talk: Talk) -> None:
    comfy.faults.out_of_memory = 1
    kind, error = (await talk.run(drawing()))["status"]["messages"][-1]
    assert (kind, error["exception_type"]) == ("execution_error", "torch.OutOfMemoryError")
    assert "ran out of memory on your GPU" in error["exception_message"]
    assert (await talk.run(drawing()))["status"]["completed"] is True


async def test_latency_and_server_errors_by_path(comfy: StandInComfyUI, talk: Talk) -> None:
    comfy.faults.server_errors["/queue"] = 1
    comfy.faults.latency["/prompt"] = 30
    assert await talk.status("/api/queue") == 500
    assert await talk.status("/queue") == 200
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(talk.get("/prompt"), 0.05)


@pytest.mark.parametrize(
    ("class_type", "kind", "status"),
    [("SandboxFail", "execution_error", "error"), ("SandboxOutOfMemory", "execution_error", "error")],
)
async def test_nodes_that_fail(talk: Talk, class_type: str, kind: str, status: str) -> None:
    entry = await talk.run(held(picture(), class_type))
    assert entry["status"]["messages"][-1][0] == kind
    assert entry["status"]["status_str"] == status
    assert talk.kinds(kind)[0]["node_type"] == class_type


async def test_a_blocked_branch_is_an_error_that_is_not_the_end(talk: Talk) -> None:
    graph = held(picture(), "SandboxBlocked")
    graph["9"]["inputs"]["message"] = "no thanks"
    entry = await talk.run(graph)
    assert [each[0] for each in entry["status"]["messages"]] == [
        "execution_start",
        "execution_cached",
        "execution_success",
    ]
    assert entry["outputs"] == {}
    [error] = talk.kinds("execution_error")
    assert (error["exception_type"], error["exception_message"]) == ("ExecutionBlocked", "Execution Blocked: no thanks")
    assert "timestamp" not in error


async def test_an_error_may_be_stored_as_success_and_entries_may_be_missing(comfy: StandInComfyUI, talk: Talk) -> None:
    comfy.faults.errors_as_success = True
    comfy.faults.failing_nodes["EmptyImage"] = "boom"
    entry = await talk.run(picture())
    assert entry["status"]["completed"] is True
    assert entry["status"]["messages"][-1][1]["exception_message"] == "boom\n"
    comfy.faults.forget_history = True
    prompt_id = await talk.submit(picture())
    await comfy.log.wait_for("ended", prompt_id)
    assert await talk.get(f"/history/{prompt_id}") == {}


async def test_a_node_that_never_looks_cannot_be_interrupted(comfy: StandInComfyUI, talk: Talk) -> None:
    async with comfy.set_breakpoint("SandboxSleep", interruptible=False) as hold:
        prompt_id = await talk.submit(held(picture()))
        await hold.reached.wait()
        await talk.post("/interrupt", {"prompt_id": prompt_id})
        await comfy.log.wait_for("interrupt")
        assert comfy.running == prompt_id
        hold.release()
        assert (await talk.finish(prompt_id))["status"]["messages"][-1][0] == "execution_interrupted"


async def test_the_log_knows_how_long_the_gpu_was_idle(comfy: StandInComfyUI, talk: Talk) -> None:
    async with comfy.set_breakpoint("EmptyImage", times=1) as hold:
        ids = [await talk.submit(picture(color=number)) for number in range(3)]
        await hold.reached.wait()
        hold.release()
    await comfy.log.wait_for("ended", ids[-1])
    gaps = comfy.log.idle_gaps()
    starts = [each.time for each in comfy.log.find("execution_start")]
    ends = [each.time for each in comfy.log.find("execution_success")]
    assert gaps == [start - end for start, end in zip(starts[1:], ends[:-1], strict=True)]
    assert comfy.log.requests("POST", "/prompt")[-1].detail["status"] == 200


async def test_it_runs_as_a_process_of_its_own() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "sandbox.comfyui", "--version", "0.3.40", stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(60):
            url = (await process.stdout.readline()).decode().strip()
        async with Talk(url) as talk:
            prompt_id = await talk.submit(picture())
            await talk.finish(prompt_id)
            assert (await talk.post("/sandbox/faults", {"out_of_memory": 1, "views": ["empty"]}))[0] == 200
            assert (await talk.post("/sandbox/faults", {"nope": 1}))[0] == 400
            last: dict[str, Any] = (await talk.run(drawing()))["status"]["messages"][-1][1]
            assert last["exception_type"] == "torch.OutOfMemoryError"
            log = await talk.get("/sandbox/log")
            assert [each["prompt_id"] for each in log["entries"] if each["kind"] == "execution_success"] == [prompt_id]
    finally:
        process.terminate()
        await process.wait()
    assert process.returncode == 0
