"""POST /prompt, the queue, stopping, history and jobs."""

from __future__ import annotations

import copy
import os
import uuid
from typing import Any

import aiohttp
import pytest

from sandbox.comfyui import StandInComfyUI, StandInOptions
from tests.sandbox.comfyui.bad_graphs import BAD, CRASHES, GOOD
from tests.sandbox.comfyui.graphs import node, solid_image, text_to_image, with_sandbox_node
from tests.sandbox.comfyui.raw_client import RawClient

EXPECTED: dict[str, tuple[str, dict[str, list[str]]]] = {
    "unknown class": ("missing_node_type", {}),
    "no class": ("missing_node_type", {}),
    "no output node": ("prompt_no_outputs", {}),
    "empty graph": ("prompt_no_outputs", {}),
    "no such target": ("prompt_no_outputs", {}),
    "no prompt": ("no_prompt", {}),
    "prompt id in capitals": ("invalid_prompt_id", {}),
    "prompt id a word": ("invalid_prompt_id", {}),
    "prompt id a number": ("invalid_prompt_id", {}),
    "missing model": ("prompt_outputs_failed_validation", {"4": ["value_not_in_list"]}),
    "not in a long list": ("prompt_outputs_failed_validation", {"3": ["value_not_in_list"]}),
    "missing seed": ("prompt_outputs_failed_validation", {"3": ["required_input_missing"]}),
    "seed -1": ("prompt_outputs_failed_validation", {"3": ["value_smaller_than_min"]}),
    "seed 2^64": ("prompt_outputs_failed_validation", {"3": ["value_bigger_than_max"]}),
    "two bad values": ("prompt_outputs_failed_validation", {"3": ["value_smaller_than_min", "invalid_input_type"]}),
    "wrong type": ("prompt_outputs_failed_validation", {"8": ["return_type_mismatch"]}),
    "bad link": ("prompt_outputs_failed_validation", {"8": ["bad_linked_input"]}),
    "cycle": ("prompt_outputs_failed_validation", {"1": ["dependency_cycle"], "2": ["dependency_cycle"]}),
    "link to nowhere from an output": ("prompt_outputs_failed_validation", {"2": ["exception_during_validation"]}),
    "link to nowhere further up": ("prompt_outputs_failed_validation", {"8": ["exception_during_inner_validation"]}),
    "no such image": ("prompt_outputs_failed_validation", {"1": ["custom_validation_failed"]}),
    "no such audio": ("prompt_outputs_failed_validation", {"1": ["custom_validation_failed"]}),
}


@pytest.mark.parametrize("name", EXPECTED)
async def test_a_bad_prompt_is_refused_by_type(raw: RawClient, name: str) -> None:
    status, body = await raw.post("/prompt", BAD[name])
    kind, problems = EXPECTED[name]
    assert (status, body["error"]["type"]) == (400, kind)
    assert {key: [each["type"] for each in entry["errors"]] for key, entry in body["node_errors"].items()} == problems


async def test_error_messages_of_a_refusal(raw: RawClient) -> None:
    _, body = await raw.post("/prompt", BAD["two bad values"])
    texts = {each["message"]: each["details"] for each in body["node_errors"]["3"]["errors"]}
    assert texts == {
        "Value 0 smaller than min of 1": "steps",
        "Failed to convert an input value to a FLOAT value": "cfg, abc, could not convert string to float: 'abc'",
    }
    _, body = await raw.post("/prompt", BAD["not in a long list"])
    [problem] = body["node_errors"]["3"]["errors"]
    assert problem["details"].startswith("sampler_name: 'nope' not in (list of length ")
    assert problem["extra_info"]["input_config"] is None


@pytest.mark.parametrize("name", CRASHES)
async def test_what_crashes_comfyui_gets_500_as_text(raw: RawClient, name: str) -> None:
    async with raw.http.post(f"{raw.url}/prompt", json=CRASHES[name]) as response:
        assert response.status == 500
        assert response.content_type == "text/plain"


@pytest.mark.parametrize("name", GOOD)
async def test_graphs_that_comfyui_accepts(raw: RawClient, name: str) -> None:
    entry = await raw.run(**{"graph" if key == "prompt" else key: value for key, value in GOOD[name].items()})
    assert entry["status"]["status_str"] == "success"


async def test_a_body_that_is_no_json(raw: RawClient) -> None:
    async with raw.http.post(f"{raw.url}/prompt", data=b"{nope") as response:
        assert response.status == 500


async def test_one_bad_output_of_two_is_left_out(raw: RawClient) -> None:
    graph = {**solid_image(), "3": node("SaveImage", images=["1", 0])}
    status, body = await raw.post("/prompt", {"prompt": graph, "client_id": raw.client_id})
    assert status == 200
    assert body["node_errors"]["3"]["errors"][0]["details"] == "filename_prefix"
    assert body["node_errors"]["3"]["dependent_outputs"] == ["3"]
    assert set((await raw.finish(body["prompt_id"]))["outputs"]) == {"2"}


async def test_ids_are_taken_and_not_checked_for_uniqueness(comfy: StandInComfyUI, raw: RawClient) -> None:
    prompt_id = str(uuid.uuid4())
    async with comfy.set_breakpoint("EmptyImage") as paused:
        assert await raw.submit(solid_image(), prompt_id=prompt_id) == prompt_id
        assert await raw.submit(solid_image(color=3), prompt_id=prompt_id) == prompt_id
        await paused.reached.wait()
        assert (comfy.running, comfy.pending) == (prompt_id, [prompt_id])
        paused.release()
    await comfy.log.wait_for("ended", prompt_id, count=2)
    history = await raw.get(f"/history/{prompt_id}")
    assert history[prompt_id]["prompt"][2]["1"]["inputs"]["color"] == 3


async def test_the_queue_is_shown_in_heap_order_and_runs_by_number(comfy: StandInComfyUI, raw: RawClient) -> None:
    async with comfy.set_breakpoint("EmptyImage", times=1) as paused:
        await raw.submit(solid_image(color=99))
        await paused.reached.wait()
        ids = [await raw.submit(solid_image(color=number), number=number) for number in (40, 20, 30, 10)]
        fronted = await raw.submit(solid_image(color=50), front=True)
        queue = await raw.get("/api/queue")
        assert [item[0] for item in queue["queue_pending"]] == [-1, 10, 30, 40, 20]
        assert [item[0] for item in queue["queue_running"]] == [0]
        assert (await raw.get("/prompt"))["exec_info"]["queue_remaining"] == 6
        paused.release()
    await comfy.log.wait_for("ended", ids[0])
    order = [each.prompt_id for each in comfy.log.find("execution_start")][1:]
    assert order == [fronted, ids[3], ids[1], ids[2], ids[0]]


async def test_delete_and_clear_touch_pending_prompts_only(comfy: StandInComfyUI, raw: RawClient) -> None:
    async with comfy.set_breakpoint("EmptyImage", times=1) as paused:
        running = await raw.submit(solid_image())
        await paused.reached.wait()
        first, second, third = [await raw.submit(solid_image(color=number)) for number in range(3)]
        assert await raw.post("/queue", {"delete": [second, running, "unknown"]}) == (200, "")
        assert comfy.pending == [first, third]
        assert await raw.post("/queue", {"clear": True}) == (200, "")
        assert (comfy.running, comfy.pending) == (running, [])
        paused.release()
    assert (await raw.finish(running))["status"]["status_str"] == "success"
    assert await raw.get(f"/history/{second}") == {}


async def test_interrupt_by_id_takes_the_running_prompt_only(comfy: StandInComfyUI, raw: RawClient) -> None:
    async with comfy.set_breakpoint("SandboxSleep", times=1) as paused:
        running = await raw.submit(with_sandbox_node(solid_image()))
        pending = await raw.submit(solid_image(color=4))
        await paused.reached.wait()
        assert (await raw.post("/interrupt", {"prompt_id": pending}))[0] == 200
        assert comfy.running == running
        assert (await raw.post("/interrupt", {"prompt_id": running}))[0] == 200
        entry = await raw.finish(running)
    assert entry["status"]["status_str"] == "error"
    assert entry["status"]["messages"][-1][0] == "execution_interrupted"
    assert entry["outputs"] == {}
    assert (await raw.finish(pending))["status"]["completed"] is True


@pytest.mark.parametrize("body", [b"", b"{}", b"not json"])
async def test_interrupt_without_an_id_interrupts_any_prompt(
    comfy: StandInComfyUI, raw: RawClient, body: bytes
) -> None:
    async with comfy.set_breakpoint("EmptyImage", times=1) as paused:
        running = await raw.submit(solid_image())
        await paused.reached.wait()
        async with raw.http.post(f"{raw.url}/interrupt", data=body) as response:
            assert response.status == 200
        assert (await raw.finish(running))["status"]["messages"][-1][0] == "execution_interrupted"


async def test_an_interrupt_while_idle_has_no_effect_later(raw: RawClient) -> None:
    await raw.post("/interrupt", {})
    assert (await raw.run(solid_image()))["status"]["completed"] is True


async def test_old_servers_ignore_the_id_of_an_interrupt(raw: RawClient) -> None:
    async with StandInComfyUI(options=StandInOptions(version="0.3.40")) as old, RawClient(old.url) as client:
        prompt_id = str(uuid.uuid4())
        async with old.set_breakpoint("EmptyImage", times=1) as paused:
            given = await client.submit(solid_image(), prompt_id=prompt_id)
            assert given != prompt_id, "ids of clients are taken from 0.3.45 on"
            await paused.reached.wait()
            await client.post("/interrupt", {"prompt_id": str(uuid.uuid4())})
            assert (await client.finish(given))["status"]["messages"][-1][0] == "execution_interrupted"
        assert await client.status("/api/jobs") == 404
        assert (await client.get("/system_stats"))["system"]["comfyui_version"] == "0.3.40"


async def test_jobs_are_queue_and_history_in_one(comfy: StandInComfyUI, raw: RawClient) -> None:
    done = await raw.submit(solid_image())
    await raw.finish(done)
    async with comfy.set_breakpoint("SandboxSleep", times=1) as paused:
        running = await raw.submit(with_sandbox_node(solid_image()))
        pending = await raw.submit(solid_image(color=4))
        await paused.reached.wait()
        jobs = {each["id"]: each["status"] for each in (await raw.get("/api/jobs"))["jobs"]}
        assert jobs == {done: "completed", running: "in_progress", pending: "pending"}
        assert await raw.post(f"/api/jobs/{pending}/cancel") == (200, {"cancelled": True})
        assert await raw.post("/api/jobs/cancel", {"job_ids": [running, str(uuid.uuid4())]}) == (
            200,
            {"cancelled": True},
        )
        await raw.finish(running)
    assert (await raw.get(f"/api/jobs/{running}"))["status"] == "cancelled"
    assert await raw.post(f"/api/jobs/{done}/cancel") == (200, {"cancelled": False})
    status, body = await raw.post("/api/jobs/cancel", {"job_ids": ["nope"]})
    assert (status, body) == (400, {"error": "job_ids contains invalid id(s)", "invalid_ids": ["nope"]})
    assert await raw.status("/api/jobs/unknown") == 404
    one = (await raw.get("/api/jobs", status="completed", limit="1"))["jobs"][0]
    assert (one["outputs_count"], one["preview_output"]["mediaType"]) == (1, "images")
    assert await raw.status("/api/jobs", limit="0") == 400


async def test_history_pages_and_is_forgotten(raw: RawClient) -> None:
    ids: list[str] = []
    for color in range(4):
        ids.append(await raw.submit(solid_image(color=color)))
        await raw.finish(ids[-1])
    assert list(await raw.get("/history", max_items="2")) == ids[2:]
    assert list(await raw.get("/history", max_items="2", offset="1")) == ids[1:3]
    assert await raw.status("/history", max_items="x") == 500
    await raw.post("/history", {"delete": [ids[0]]})
    assert await raw.get(f"/history/{ids[0]}") == {}
    await raw.post("/history", {"clear": True})
    assert await raw.get("/history") == {}


async def test_extra_data_is_shown_to_everybody_but_secrets_are_not(raw: RawClient) -> None:
    entry = await raw.run(solid_image(), extra_data={"who": "me", "api_key_comfy_org": "secret"})
    shown = entry["prompt"][3]
    assert shown["who"] == "me"
    assert shown["client_id"] == raw.client_id
    assert "api_key_comfy_org" not in shown


async def test_a_page_of_another_site_may_not_post(raw: RawClient) -> None:
    async with raw.http.post(f"{raw.url}/prompt", json={}, headers={"Origin": "http://evil.example"}) as response:
        assert (response.status, await response.read()) == (403, b"")


def _comparable(value: Any) -> Any:
    if isinstance(value, dict):
        items: dict[str, Any] = value  # pyright: ignore[reportUnknownVariableType]
        return {
            key: _comparable(each)
            for key, each in items.items()
            if key not in {"tooltip", "traceback", "prompt_id", "number", "description", "display_name"}
        }
    if isinstance(value, list):
        return [_comparable(each) for each in value]  # pyright: ignore[reportUnknownVariableType]
    return value


def _sort_problems(node_errors: dict[str, Any]) -> None:
    for entry in node_errors.values():
        problems: list[dict[str, Any]] = entry["errors"]
        problems.sort(key=lambda each: each["type"])


@pytest.mark.live
@pytest.mark.skipif(not os.environ.get("COMFYUI_URL"), reason="COMFYUI_URL is not set")
@pytest.mark.parametrize("name", [*BAD, *CRASHES])
async def test_a_real_comfyui_says_the_same(name: str) -> None:
    async with aiohttp.ClientSession() as http:
        async with http.get(f"{os.environ['COMFYUI_URL']}/models/checkpoints") as response:
            checkpoints = await response.json()
        options = StandInOptions(models={**StandInOptions().models, "checkpoints": checkpoints})
        async with StandInComfyUI(options=options) as comfy:
            answers: list[Any] = []
            for url in (comfy.url, os.environ["COMFYUI_URL"]):
                body = copy.deepcopy({**BAD, **CRASHES}[name])
                async with http.post(f"{url}/prompt", json=body) as response:
                    is_json = response.content_type == "application/json"
                    said: Any = await response.json() if is_json else await response.text()
                    _sort_problems(said["node_errors"] if is_json else {})
                    answers.append((response.status, response.content_type, _comparable(said)))
    assert answers[0] == answers[1]


async def test_object_info_has_entries_in_both_formats(raw: RawClient) -> None:
    info = await raw.get("/object_info")
    old, new = info["KSampler"], info["UpscaleModelLoader"]
    assert isinstance(old["input"]["required"]["sampler_name"][0], list)
    assert new["input"]["required"]["model_name"][0] == "COMBO"
    assert "4x-UltraSharp.pth" in new["input"]["required"]["model_name"][1]["options"]
    assert await raw.get("/object_info/KSampler") == {"KSampler": old}
    assert await raw.get("/object_info/Nope") == {}
    assert text_to_image()["3"]["inputs"].keys() <= {*old["input"]["required"]}


async def test_a_chain_of_a_thousand_nodes(comfy: StandInComfyUI, raw: RawClient) -> None:
    graph = {"0": node("EmptyImage", width=8, height=8, batch_size=1, color=1)}
    for number in range(1, 1000):
        graph[str(number)] = node("ImageInvert", image=[str(number - 1), 0])
    graph["end"] = node("PreviewImage", images=["999", 0])
    prompt_id = await raw.submit(graph, client_id="nobody listens to this one")
    await comfy.log.wait_for("ended", prompt_id)
    entry = comfy.history(prompt_id)
    assert entry is not None
    assert entry["status"]["completed"] is True


async def test_models_appear_without_a_restart(comfy: StandInComfyUI, raw: RawClient) -> None:
    comfy.models["checkpoints"].append("new.safetensors")
    assert "new.safetensors" in await raw.get("/models/checkpoints")
    graph = text_to_image()
    graph["4"]["inputs"]["ckpt_name"] = "new.safetensors"
    assert (await raw.run(graph))["status"]["completed"] is True
    assert await raw.status("/models/nope") == 404
