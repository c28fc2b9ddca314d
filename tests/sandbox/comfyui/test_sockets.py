"""Which messages go to which WebSocket."""

from __future__ import annotations

import json

import aiohttp

from sandbox.comfyui import StandInComfyUI
from tests.sandbox.comfyui.graphs import solid_image, text_to_image, with_sandbox_node
from tests.sandbox.comfyui.raw_client import FLAGS, RawClient


def previews(raw: RawClient) -> list[int]:
    return [frame[3] for frame in raw.frames if isinstance(frame, bytes)]


async def test_events_go_to_the_client_that_submitted(raw: RawClient) -> None:
    async with RawClient(raw.url) as other:
        await raw.run(text_to_image())
        await other.until(lambda: len(other.kinds("status")) == 4)
        kinds = {each["type"] for each in other.frames if isinstance(each, dict)}
        assert kinds == {"status", "feature_flags"}
        assert previews(other) == []
        assert previews(raw) == [4, 4, 4, 4]


async def test_without_a_client_id_progress_goes_to_everybody(comfy: StandInComfyUI, raw: RawClient) -> None:
    async with RawClient(raw.url) as other:
        prompt_id = await raw.submit(text_to_image(), client_id=None)
        await comfy.log.wait_for("ended", prompt_id)
        for each in (raw, other):
            await each.until(lambda each=each: len(each.kinds("status")) == 4)
            kinds = {frame["type"] for frame in each.frames if isinstance(frame, dict)}
            assert kinds == {"status", "feature_flags", "progress", "progress_state"}
            assert previews(each) == [1, 1, 1, 1], "without a client id no feature flags apply"


async def test_without_flags_previews_are_bare_and_come_after_the_step(comfy: StandInComfyUI) -> None:
    async with RawClient(comfy.url, flags=False) as raw:
        await raw.run(text_to_image(steps=1))
        kinds = ["preview" if isinstance(each, bytes) else each["type"] for each in raw.frames]
        step = kinds.index("progress")
        assert kinds[step - 1 : step + 2] == ["progress_state", "progress", "preview"]
        [frame] = [each for each in raw.frames if isinstance(each, bytes)]
        assert frame[:11].hex() == "0000000100000001ffd8ff"


async def test_previews_can_be_turned_off_for_one_prompt(raw: RawClient) -> None:
    await raw.run(text_to_image(), extra_data={"preview_method": "none"})
    assert previews(raw) == []
    assert len(raw.kinds("progress")) == 4


async def test_a_client_that_comes_back_is_told_what_runs(comfy: StandInComfyUI, raw: RawClient) -> None:
    async with comfy.set_breakpoint("SandboxSleep") as paused:
        prompt_id = await raw.submit(with_sandbox_node(solid_image()))
        await paused.reached.wait()
        await raw.socket.close()
        await comfy.log.wait_for("socket_closed")
        async with RawClient(comfy.url, client_id=raw.client_id) as again:
            await again.until(lambda: again.kinds("executing"))
            assert again.kinds("executing") == [{"node": "9"}]
            paused.release()
            await again.finish(prompt_id)
            assert again.kinds("execution_success")[0]["prompt_id"] == prompt_id


async def test_the_end_of_an_old_socket_mutes_the_new_one_of_that_id(comfy: StandInComfyUI, raw: RawClient) -> None:
    async with RawClient(comfy.url, client_id=raw.client_id) as newer:
        before = len(newer.frames)
        await raw.socket.close()
        await comfy.log.wait_for("socket_closed")
        prompt_id = await newer.submit(solid_image())
        await comfy.log.wait_for("ended", prompt_id)
        await newer.socket.ping()
        async with RawClient(comfy.url):  # greeted after all that was sent before
            assert len(newer.frames) == before
        assert not newer.socket.closed


async def test_flags_count_in_the_first_frame_only(comfy: StandInComfyUI) -> None:
    async with aiohttp.ClientSession() as http, http.ws_connect(f"{comfy.url}/api/ws") as socket:
        greeting = await socket.receive_json()
        assert greeting["data"]["status"] == {"exec_info": {"queue_remaining": 0}}
        assert len(greeting["data"]["sid"]) == 32
        await socket.send_str("no json, and so not the first frame")
        await socket.send_json({"type": "hello"})
        await socket.send_json(FLAGS)
        comfy.send_raw(json.dumps({"type": "marker", "data": {}}))
        assert (await socket.receive_json())["type"] == "marker"


async def test_the_id_that_the_server_gave_can_be_used(comfy: StandInComfyUI) -> None:
    async with aiohttp.ClientSession() as http, http.ws_connect(f"{comfy.url}/ws") as socket:
        sid = (await socket.receive_json())["data"]["sid"]
        async with http.post(f"{comfy.url}/prompt", json={"prompt": solid_image(), "client_id": sid}) as response:
            assert response.status == 200
        kinds: list[str] = []
        while "execution_success" not in kinds:
            kinds.append((await socket.receive_json())["type"])
        assert "executed" in kinds
