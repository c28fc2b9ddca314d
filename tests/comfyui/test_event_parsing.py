"""WebSocket frames as events."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from bot.comfyui.event_parsing import parse_binary_frame, parse_text_frame
from bot.comfyui.events import ExecutingEvent, ProgressEvent
from tests.comfyui.json_strategy import JSON

KINDS = st.sampled_from(
    [
        "status",
        "progress",
        "progress_state",
        "executing",
        "executed",
        "execution_start",
        "execution_cached",
        "execution_success",
        "execution_error",
        "execution_interrupted",
        "feature_flags",
    ]
)
KEYS = st.sampled_from(
    [
        "prompt_id",
        "node",
        "nodes",
        "value",
        "max",
        "output",
        "status",
        "sid",
        "timestamp",
        "exception_type",
        "display_node",
    ]
)


@given(KINDS, st.dictionaries(KEYS, JSON, max_size=6) | JSON)
def test_no_message_raises(kind: str, data: object) -> None:
    parse_text_frame(json.dumps({"type": kind, "data": data}))


@given(st.text() | JSON.map(json.dumps))
def test_no_text_frame_raises(frame: str) -> None:
    parse_text_frame(frame)


@given(st.binary(max_size=64), st.sampled_from([b"", b"\0\0\0\1", b"\0\0\0\3", b"\0\0\0\4", b"\0\0\0\4\0\0\0\2{}"]))
def test_no_binary_frame_raises(tail: bytes, head: bytes) -> None:
    parse_binary_frame(head + tail)


def test_deeply_nested_json_is_ignored() -> None:
    assert parse_text_frame("[" * 100_000) is None


def test_messages() -> None:
    data = {"prompt_id": "p", "node": "3", "value": 1, "max": 2.5}
    assert parse_text_frame(json.dumps({"type": "progress", "data": data})) == ProgressEvent("p", "3", 1, 2.5)
    expanded = {"prompt_id": "p", "node": "2.0.0.3", "display_node": "2"}
    assert parse_text_frame(json.dumps({"type": "executing", "data": expanded})) == ExecutingEvent("p", "2")
    assert parse_text_frame('{"type": "executing", "data": {"node": "3"}}') == ExecutingEvent(None, "3")
    assert parse_text_frame('{"type": "executing", "data": {"prompt_id": "p"}}') is None
