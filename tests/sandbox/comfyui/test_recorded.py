"""The stand-in compared with recorded exchanges of a real ComfyUI 0.33, message by message."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from sandbox.comfyui import StandInComfyUI, StandInOptions
from sandbox.comfyui.options import default_models
from tests.sandbox.comfyui.graphs import text_to_image
from tests.sandbox.comfyui.raw_client import RawClient

RECORDED = Path(__file__).parents[2] / "recorded" / "comfyui"
NEVER_COMPARED = {
    "tooltip",
    "traceback",
    "current_inputs",
    "current_outputs",
    "sid",
    "timestamp",
    "create_time",
    "client_id",
}


def lines(name: str) -> list[dict[str, Any]]:
    path = next(iter(RECORDED.rglob(f"{name}.jsonl")), None)
    if path is None:
        pytest.skip(f"the recorded exchange {name} is not here")
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def comparable(value: Any, prompt_id: str) -> Any:
    """What does not depend on when and where it was recorded."""
    if isinstance(value, Mapping):
        items: Mapping[str, Any] = value  # pyright: ignore[reportUnknownVariableType]
        return {
            key.replace(prompt_id, "ID"): comparable(each, prompt_id)
            for key, each in items.items()
            if key not in NEVER_COMPARED and key != "number"
        }
    if isinstance(value, list):
        return [comparable(each, prompt_id) for each in value]  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, str):
        value = value.replace(prompt_id, "ID")
        value = re.sub(r"(full_output_folder|output_dir): \S+", r"\1: PATH", value)
        return re.sub(r"_\d{5}(_?\.)|_temp_[a-z]{5}", r"_N\1", value)
    return value


def received_messages(frames: list[dict[str, Any] | bytes], prompt_id: str) -> list[Any]:
    """Frames in order; of a binary one its kind and what is said in its metadata."""
    found: list[Any] = []
    for frame in frames:
        if isinstance(frame, bytes):
            size = int.from_bytes(frame[4:8], "big")
            picture = frame[8 + size : 8 + size + 3]
            found.append([frame[3], comparable(json.loads(frame[8 : 8 + size]), prompt_id), picture.hex()])
        else:
            found.append(comparable(frame, prompt_id))
    return found


def recorded_frames(rows: list[dict[str, Any]], prompt_id: str) -> list[Any]:
    found: list[Any] = []
    for row in rows:
        if "text" in row:
            found.append(comparable(row["text"], prompt_id))
        elif "binary_len" in row:
            metadata = {
                "node_id": "3",
                "prompt_id": "ID",
                "display_node_id": "3",
                "parent_node_id": None,
                "real_node_id": "3",
                "image_type": "image/jpeg",
            }
            found.append([4, metadata, "ffd8ff"])
    return found


@pytest.fixture
async def server() -> AsyncIterator[StandInComfyUI]:
    models = {**default_models(), "checkpoints": ["tiny_random_sd15.safetensors"]}
    async with StandInComfyUI(options=StandInOptions(step_seconds=0, models=models)) as comfy:
        yield comfy


def graph_of(rows: list[dict[str, Any]]) -> dict[str, Any]:
    [entry] = rows[-1]["body"].values()
    graph: dict[str, Any] = entry["prompt"][2]
    return graph


@pytest.mark.parametrize(
    "name",
    ["txt2img", "batch_of_4", "audio", "video", "preview_only", "execution_error", "txt2img_again", "interrupted"],
)
async def test_a_recorded_exchange_again(server: StandInComfyUI, name: str) -> None:
    rows = lines(name)
    graph = graph_of(rows)
    recorded_id = rows[0]["body"]["prompt_id"]
    expected = recorded_frames(rows, recorded_id)

    async with RawClient(server.url, client_id="earlier") as earlier:
        for before in _what_ran_before(name, graph):
            await earlier.run(before)
    async with RawClient(server.url) as raw:
        if name == "txt2img_again":
            raw.frames.clear()  # recorded on a socket that was open already
        if name == "interrupted":
            async with server.set_breakpoint("KSampler", after_step=3) as paused:
                prompt_id = await raw.submit(graph)
                await paused.reached.wait()
                await raw.post("/interrupt", {"prompt_id": prompt_id})
                entry = await raw.finish(prompt_id)
        else:
            prompt_id = await raw.submit(graph)
            entry = await raw.finish(prompt_id)
        received = received_messages(raw.frames, prompt_id)

    assert received == expected
    [recorded_entry] = rows[-1]["body"].values()
    assert comparable(entry, prompt_id)["prompt"][1:] == comparable(recorded_entry, recorded_id)["prompt"][1:]
    for part in ("outputs", "status", "meta"):
        assert comparable(entry[part], prompt_id) == comparable(recorded_entry[part], recorded_id)


def _what_ran_before(name: str, graph: dict[str, Any]) -> list[dict[str, Any]]:
    """What the recorded server had in its cache."""
    if name == "txt2img_again":
        return [graph]
    if name in {"txt2img", "interrupted"}:
        other = copy.deepcopy(graph)
        other["3"]["inputs"] |= {"seed": 5, "steps": 1}
        if name == "interrupted":
            other["5"]["inputs"]["width"] = 64
        return [other]
    return []


@pytest.mark.parametrize("name", ["missing_model", "missing_node"])
async def test_a_recorded_refusal_again(server: StandInComfyUI, name: str) -> None:
    rows = lines(name)
    graph = text_to_image()
    graph["4"]["inputs"]["ckpt_name"] = "sdxl_base_1.0.safetensors"
    if name == "missing_node":
        graph = {"1": {"class_type": "NoSuchNode", "inputs": {}, "_meta": {"title": "My Node"}}}
    async with RawClient(server.url) as raw:
        status, body = await raw.post("/prompt", {"prompt": graph})
    assert status == rows[0]["status"]
    assert comparable(body, "-") == comparable(rows[0]["body"], "-")
