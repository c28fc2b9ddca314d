"""Whatever ComfyUI, or what answers in its place, sends: an event or answer, nothing, or a ComfyError."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bot.comfyui.event_parsing import parse_binary_frame, parse_text_frame
from bot.comfyui.history import parse_history
from bot.comfyui.node_problems import parse_node_errors
from bot.comfyui.outputs import parse_output_files, parse_output_texts
from bot.comfyui.prompt_queue import parse_queue
from bot.comfyui.system_stats import parse_system_stats
from bot.workflows.object_info import input_spec, is_output_node, model_inputs
from tests.fuzz.bounded import bounded
from tests.fuzz.strategies import JSON, mutated, objects, replaced
from tests.workflows.conversion.ui_files import OBJECT_INFO

FRAMES: tuple[Any, ...] = (
    {"type": "status", "data": {"status": {"exec_info": {"queue_remaining": 1}}, "sid": "x"}},
    {"type": "progress", "data": {"value": 1, "max": 20, "prompt_id": "x", "node": "3"}},
    {"type": "progress_state", "data": {"prompt_id": "x", "nodes": {"3": {"value": 1, "max": 9, "state": "running"}}}},
    {"type": "executed", "data": {"node": "9", "prompt_id": "x", "output": {"images": [{"filename": "a.png"}]}}},
    {"type": "execution_cached", "data": {"nodes": ["1"], "prompt_id": "x", "timestamp": 1}},
    {"type": "execution_error", "data": {"prompt_id": "x", "exception_type": "E", "traceback": ["a"], "node_id": "3"}},
)
HISTORY: dict[str, Any] = {
    "id": {
        "prompt": [1, "id", {"3": {"class_type": "KSampler", "inputs": {}}}, {"client_id": "c"}, ["9"]],
        "outputs": {"9": {"images": [{"filename": "a.png", "subfolder": "", "type": "output"}], "text": ["x"]}},
        "status": {"status_str": "success", "completed": True, "messages": [["execution_start", {"timestamp": 1}]]},
    }
}
QUEUE: dict[str, Any] = {
    "queue_running": [[1, "id", {}, {"client_id": "c"}, ["9"]]],
    "queue_pending": [[2, "b", {}, {}, []]],
}
STATS: dict[str, Any] = {
    "system": {"comfyui_version": "0.33", "ram_total": 1},
    "devices": [{"name": "cpu", "vram_total": 1}],
}
ERRORS: dict[str, Any] = {
    "3": {"errors": [{"type": "t", "message": "m", "details": "d", "extra_info": {}}], "class_type": "K"}
}


def decoded(data: bytes) -> str:
    """As aiohttp hands a text frame on: always valid Unicode."""
    return data.decode("utf-8", "replace")


@given(replaced(FRAMES))
def test_text_frames(frame: Any) -> None:
    with bounded():
        parse_text_frame(json.dumps(frame))


@given(st.text(max_size=200) | mutated(tuple(json.dumps(frame).encode() for frame in FRAMES)).map(decoded))
def test_frames_that_are_no_json(frame: str) -> None:
    with bounded():
        parse_text_frame(frame)


@given(mutated((b"\0\0\0\1\0\0\0\2\x89PNG\r\n", b"\0\0\0\4\0\0\0\x14" + b'{"node_id": "3"}' + b"JPEG", b"\0\0\0\3\0")))
def test_binary_frames(frame: bytes) -> None:
    with bounded():
        parse_binary_frame(frame)


@given(objects((HISTORY,)), objects((QUEUE,)), objects((STATS,)), replaced((ERRORS,)))
def test_answers(history: dict[str, Any], queue: dict[str, Any], stats: dict[str, Any], errors: Any) -> None:
    with bounded():
        parse_node_errors(errors)
        parse_history("id", history)
        parse_queue(queue)
        parse_system_stats(stats)


@given(JSON)
def test_outputs(value: Any) -> None:
    with bounded():
        for outputs in ({"9": value}, {"9": {"images": value, "text": value}}, {"9": {"images": [value]}}):
            parse_output_files(outputs)
            parse_output_texts(outputs)


@given(objects((OBJECT_INFO,)))
def test_object_info(value: dict[str, Any]) -> None:
    with bounded():
        for name in OBJECT_INFO:
            model_inputs(value, name)
            is_output_node(value, name)
            for given_input in ("name", "steps", "format", "format.codec", "images.image0"):
                input_spec(value, name, given_input)
