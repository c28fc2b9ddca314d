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
from tests.sandbox.comfyui.talk import Talk, drawing, held, node, picture

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
async def test_a_bad_prompt_is_refused_by_type(talk: Talk, name: str) -> None:
    status, body = await talk.post("/prompt", BAD[name])
    kind, problems = EXPECTED[name]
    assert (status, body["error"]["type"]) == (400, kind)
    assert {key: [each["type"] for each in entry["errors"]] for key, entry in body["node_errors"].items()} == problems


async def test_the_words_of_a_refusal(talk: Talk) -> None:
    _, body = await talk.post("/prompt", BAD["two bad values"])
    texts = {each["message"]: each["details"] for each in body["node_errors"]["3"]["errors"]}
    assert texts == {
        "Value 0 smaller than min of 1": "steps",
        "Failed to convert an input value to a FLOAT value": "cfg, abc, could not convert string to float: 'abc'",
    }
    _, body = await talk.post("/prompt", BAD["not in a long list"])
    [problem] = body["node_errors"]["3"]["errors"]
    assert problem["details"].startswith("sampler_name: 'nope' not in (list of length ")
    assert problem["extra_info"]["input_config"] is None


@pytest.mark.parametrize("name", CRASHES)
async def test_what_crashes_comfyui_gets_500_as_text(talk: Talk, name: str) -> None:
    async with talk.http.post(f"{talk.url}/prompt", json=CRASHES[name]) as response:
        assert response.status == 500
        assert response.content_type == "text/plain"


@pytest.mark.parametrize("name", GOOD)
async def test_what_comfyui_does_not_mind(talk: Talk, name: str) -> None:
    entry = await talk.run(**{"graph" if key == "prompt" else key: value for key, value in GOOD[name].items()})
    assert entry["status"]["status_str"] == "success"


async def test_a_body_that_is_no_json(talk: Talk) -> None:
    async with talk.http.post(f"{talk.url}/prompt", data=b"{nope") as response:
        assert response.status == 500


async def test_one_bad_output_of_two_is_left_out(talk: Talk) -> None:
    graph = {**picture(), "3": node("SaveImage", images=["1", 0])}
    status, body = await talk.post("/prompt", {"prompt": graph, "client_id": talk.client_id})
    assert status == 200
    assert body["node_errors"]["3"]["errors"][0]["details"] == "filename_prefix"
    assert body["node_errors"]["3"]["dependent_outputs"] == ["3"]
    assert set((await talk.finish(body["prompt_id"]))["outputs"]) == {"2"}


async def test_ids_are_taken_and_not_checked_for_uniqueness(comfy: StandInComfyUI, talk: Talk) -> None:
    mine = str(uuid.uuid4())
    async with comfy.set_breakpoint("EmptyImage") as hold:
        assert await talk.submit(picture(), prompt_id=mine) == mine
        assert await talk.submit(picture(color=3), prompt_id=mine) == mine
        await hold.reached.wait()
        assert (comfy.running, comfy.pending) == (mine, [mine])
        hold.release()
    await comfy.log.wait_for("ended", mine, count=2)
    history = await talk.get(f"/history/{mine}")
    assert history[mine]["prompt"][2]["1"]["inputs"]["color"] == 3


async def test_the_queue_is_shown_in_heap_order_and_runs_by_number(comfy: StandInComfyUI, talk: Talk) -> None:
    async with comfy.set_breakpoint("EmptyImage", times=1) as hold:
        await talk.submit(picture(color=99))
        await hold.reached.wait()
        ids = [await talk.submit(picture(color=number), number=number) for number in (40, 20, 30, 10)]
        fronted = await talk.submit(picture(color=50), front=True)
        queue = await talk.get("/api/queue")
        assert [item[0] for item in queue["queue_pending"]] == [-1, 10, 30, 40, 20]
        assert [item[0] for item in queue["queue_running"]] == [0]
        assert (await talk.get("/prompt"))["exec_info"]["queue_remaining"] == 6
        hold.release()
    await comfy.log.wait_for("ended", ids[0])
    order = [each.prompt_id for each in comfy.log.find("execution_start")][1:]
    assert order == [fronted, ids[3], ids[1], ids[2], ids[0]]


async def test_delete_and_clear_touch_pending_prompts_only(comfy: StandInComfyUI, talk: Talk) -> None:
    async with comfy.set_breakpoint("EmptyImage", times=1) as hold:
        running = await talk.submit(picture())
        await hold.reached.wait()
        first, second, third = [await talk.submit(picture(color=number)) for number in range(3)]
        assert await talk.post("/queue", {"delete": [second, running, "unknown"]}) == (200, "")
        assert comfy.pending == [first, third]
        assert await talk.post("/queue", {"clear": True}) == (200, "")
        assert (comfy.running, comfy.pending) == (running, [])
        hold.release()
    assert (await talk.finish(running))["status"]["status_str"] == "success"
    assert await talk.get(f"/history/{second}") == {}


async def test_interrupt_by_id_takes_the_running_prompt_only(comfy: StandInComfyUI, talk: Talk) -> None:
    async with comfy.set_breakpoint("SandboxSleep", times=1) as hold:
        running = await talk.submit(held(picture()))
        pending = await talk.submit(picture(color=4))
        await hold.reached.wait()
        assert (await talk.post("/interrupt", {"prompt_id": pending}))[0] == 200
        assert comfy.running == running
        assert (await talk.post("/interrupt", {"prompt_id": running}))[0] == 200
        entry = await talk.finish(running)
    assert entry["status"]["status_str"] == "error"
    assert entry["status"]["messages"][-1][0] == "execution_interrupted"
    assert entry["outputs"] == {}
    assert (await talk.finish(pending))["status"]["completed"] is True


@pytest.mark.parametrize("body", [b"", b"{}", b"not json"])
async def test_interrupt_without_an_id_kills_whatever_runs(comfy: StandInComfyUI, talk: Talk, body: bytes) -> None:
    async with comfy.set_breakpoint("EmptyImage", times=1) as hold:
        running = await talk.submit(picture())
        await hold.reached.wait()
        async with talk.http.post(f"{talk.url}/interrupt", data=body) as response:
            assert response.status == 200
        assert (await talk.finish(running))["status"]["messages"][-1][0] == "execution_interrupted"


async def test_an_interrupt_while_idle_has_no_effect_later(talk: Talk) -> None:
    await talk.post("/interrupt", {})
    assert (await talk.run(picture()))["status"]["completed"] is True


async def test_old_servers_interrupt_anybody(talk: Talk) -> None:
    async with StandInComfyUI(options=StandInOptions(version="0.3.40")) as old, Talk(old.url) as client:
        mine = str(uuid.uuid4())
        async with old.set_breakpoint("EmptyImage", times=1) as hold:
            given = await client.submit(picture(), prompt_id=mine)
            assert given != mine, "ids of clients are taken from 0.3.45 on"
            await hold.reached.wait()
            await client.post("/interrupt", {"prompt_id": str(uuid.uuid4())})
            assert (await client.finish(given))["status"]["messages"][-1][0] == "execution_interrupted"
        assert await client.status("/api/jobs") == 404
        assert (await client.get("/system_stats"))["system"]["comfyui_version"] == "0.3.40"


async def test_jobs_are_queue_and_history_in_one(comfy: StandInComfyUI, talk: Talk) -> None:
    done = await talk.submit(picture())
    await talk.finish(done)
    async with comfy.set_breakpoint("SandboxSleep", times=1) as hold:
        running = await talk.submit(held(picture()))
        pending = await talk.submit(picture(color=4))
        await hold.reached.wait()
        jobs = {each["id"]: each["status"] for each in (await talk.get("/api/jobs"))["jobs"]}
        assert jobs == {done: "completed", running: "in_progress", pending: "pending"}
        assert await talk.post(f"/api/jobs/{pending}/cancel") == (200, {"cancelled": True})
        assert await talk.post("/api/jobs/cancel", {"job_ids": [running, str(uuid.uuid4())]}) == (
            200,
            {"cancelled": True},
        )
        await talk.finish(running)
    assert (await talk.get(f"/api/jobs/{running}"))["status"] == "cancelled"
    assert await talk.post(f"/api/jobs/{done}/cancel") == (200, {"cancelled": False})
    status, body = await talk.post("/api/jobs/cancel", {"job_ids": ["nope"]})
    assert (status, body) == (400, {"error": "job_ids contains invalid id(s)", "invalid_ids": ["nope"]})
    assert await talk.status("/api/jobs/unknown") == 404
    one = (await talk.get("/api/jobs", status="completed", limit="1"))["jobs"][0]
    assert (one["outputs_count"], one["preview_output"]["mediaType"]) == (1, "images")
    assert await talk.status("/api/jobs", limit="0") == 400


async def test_history_pages_and_is_forgotten(talk: Talk) -> None:
    ids: list[str] = []
    for color in range(4):
        ids.append(await talk.submit(picture(color=color)))
        await talk.finish(ids[-1])
    assert list(await talk.get("/history", max_items="2")) == ids[2:]
    assert list(await talk.get("/history", max_items="2", offset="1")) == ids[1:3]
    assert await talk.status("/history", max_items="x") == 500
    await talk.post("/history", {"delete": [ids[0]]})
    assert await talk.get(f"/history/{ids[0]}") == {}
    await talk.post("/history", {"clear": True})
    assert await talk.get("/history") == {}


async def test_extra_data_is_shown_to_everybody_but_secrets_are_not(talk: Talk) -> None:
    entry = await talk.run(picture(), extra_data={"who": "me", "api_key_comfy_org": "secret"})
    shown = entry["prompt"][3]
    assert shown["who"] == "me"
    assert shown["client_id"] == talk.client_id
    assert "api_key_comfy_org" not in shown


async def test_a_page_of_another_site_may_not_post(talk: Talk) -> None:
    async with talk.http.post(f"{talk.url}/prompt", json={}, headers={"Origin": "http://evil.example"}) as response:
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


async def test_one_of_two_dialects_each(talk: Talk) -> None:
    info = await talk.get("/object_info")
    old, new = info["KSampler"], info["UpscaleModelLoader"]
    assert isinstance(old["input"]["required"]["sampler_name"][0], list)
    assert new["input"]["required"]["model_name"][0] == "COMBO"
    assert "4x-UltraSharp.pth" in new["input"]["required"]["model_name"][1]["options"]
    assert await talk.get("/object_info/KSampler") == {"KSampler": old}
    assert await talk.get("/object_info/Nope") == {}
    assert drawing()["3"]["inputs"].keys() <= {*old["input"]["required"]}


async def test_a_chain_of_a_thousand_nodes(comfy: StandInComfyUI, talk: Talk) -> None:
    graph = {"0": node("EmptyImage", width=8, height=8, batch_size=1, color=1)}
    for number in range(1, 1000):
        graph[str(number)] = node("ImageInvert", image=[str(number - 1), 0])
    graph["end"] = node("PreviewImage", images=["999", 0])
    prompt_id = await talk.submit(graph, client_id="nobody listens to this one")
    await comfy.log.wait_for("ended", prompt_id)
    entry = comfy.history(prompt_id)
    assert entry is not None
    assert entry["status"]["completed"] is True


async def test_models_appear_without_a_restart(comfy: StandInComfyUI, talk: Talk) -> None:
    comfy.models["checkpoints"].append("new.safetensors")
    assert "new.safetensors" in await talk.get("/models/checkpoints")
    graph = drawing()
    graph["4"]["inputs"]["ckpt_name"] = "new.safetensors"
    assert (await talk.run(graph))["status"]["completed"] is True
    assert await talk.status("/models/nope") == 404
