"""WebSocket frames of ComfyUI to events. A frame that is unknown or malformed becomes None, never an error.

Text frames are `{"type": ..., "data": {...}}`. Binary frames begin with a big-endian u32 event number: 1 is a preview
without any id, 3 is text of a node, 4 is a preview with a JSON header. Observed on ComfyUI 0.33.
"""

from __future__ import annotations

import json
import struct

from bot.comfyui.events import (
    Event,
    ExecutedEvent,
    ExecutingEvent,
    ExecutionCachedEvent,
    ExecutionErrorEvent,
    ExecutionInterruptedEvent,
    ExecutionStartEvent,
    ExecutionSuccessEvent,
    FeatureFlagsEvent,
    NodeState,
    PreviewEvent,
    ProgressEvent,
    ProgressStateEvent,
    StatusEvent,
)
from bot.comfyui.exceptions import ExecutionFailed, ExecutionOutOfMemory
from bot.comfyui.json_values import JsonObject, as_int, as_list, as_object

_OUT_OF_MEMORY_SIGNS = ("outofmemory", "out of memory", "allocation on device")
"""torch raises OutOfMemoryError; some back ends raise RuntimeErrors that only say so ("Allocation on device")."""


def parse_text_frame(frame: str) -> Event | None:
    """A text frame as an event; None for bad JSON, unknown types and data of another shape."""
    try:
        message = json.loads(frame)
    except (ValueError, RecursionError):
        return None
    body = as_object(message)
    try:
        return _parse_message(str(body.get("type")), as_object(body.get("data")))
    except (KeyError, TypeError, ValueError):
        return None


def parse_binary_frame(frame: bytes) -> Event | None:
    """A binary frame as a preview; None for other event numbers and truncated frames."""
    try:
        number, second = struct.unpack_from(">II", frame)
        if number == 1:
            media_type = {1: "image/jpeg", 2: "image/png"}.get(second)
            return PreviewEvent(None, None, media_type, frame[8:]) if media_type and frame[8:] else None
        if number != 4:
            return None
        header = as_object(json.loads(frame[8 : 8 + second]))
        image = frame[8 + second :]
        if not image:
            return None
        node = header.get("display_node_id") or header.get("node_id")
        return PreviewEvent(str(header["prompt_id"]), str(node), str(header["image_type"]), image)
    except (struct.error, ValueError, KeyError, RecursionError):
        return None


def parse_execution_error(data: JsonObject) -> ExecutionFailed:
    """The data of an `execution_error`, which ComfyUI sends by WebSocket and keeps in `history.status.messages`."""
    exception_type = str(data.get("exception_type") or "")
    message = str(data.get("exception_message") or "").strip()
    text = f"{exception_type} {message}".lower()
    out_of_memory = any(sign in text for sign in _OUT_OF_MEMORY_SIGNS)
    return (ExecutionOutOfMemory if out_of_memory else ExecutionFailed)(
        message,
        node_id=str(data.get("node_id") or ""),
        node_type=str(data.get("node_type") or ""),
        exception_type=exception_type,
    )


def _parse_message(kind: str, data: JsonObject) -> Event | None:  # noqa: PLR0911 - one return per message type
    match kind:
        case "progress":
            return ProgressEvent(_prompt_id(data), str(data["node"]), _number(data["value"]), _number(data["max"]))
        case "progress_state":
            nodes = as_object(data["nodes"]).items()
            return ProgressStateEvent(_prompt_id(data), tuple(_node_state(key, as_object(node)) for key, node in nodes))
        case "executing":
            return _executing(data)
        case "executed":
            return ExecutedEvent(_prompt_id(data), str(data["node"]), as_object(data.get("output")))
        case "status":
            info = as_object(as_object(data.get("status")).get("exec_info"))
            return StatusEvent(as_int(info.get("queue_remaining")))
        case "execution_start":
            return ExecutionStartEvent(_prompt_id(data), as_int(data.get("timestamp")))
        case "execution_cached":
            return ExecutionCachedEvent(_prompt_id(data), frozenset(map(str, as_list(data.get("nodes")))))
        case "execution_success":
            return ExecutionSuccessEvent(_prompt_id(data), as_int(data.get("timestamp")))
        case "execution_error":
            error = parse_execution_error(data)
            return ExecutionErrorEvent(_prompt_id(data), error, blocked=error.exception_type == "ExecutionBlocked")
        case "execution_interrupted":
            node = data.get("node_id")
            return ExecutionInterruptedEvent(_prompt_id(data), str(node) if node is not None else None)
        case "feature_flags":
            return FeatureFlagsEvent(data.get("supports_preview_metadata") is True)
        case _:
            return None


def _executing(data: JsonObject) -> ExecutingEvent:
    prompt_id, node = data.get("prompt_id"), data["node"]
    shown = data.get("display_node") or node
    return ExecutingEvent(str(prompt_id) if prompt_id is not None else None, None if node is None else str(shown))


def _node_state(key: str, node: JsonObject) -> NodeState:
    shown = node.get("display_node_id") or key
    return NodeState(str(shown), str(node.get("state")), _number(node["value"]), _number(node["max"]))


def _prompt_id(data: JsonObject) -> str:
    prompt_id = data["prompt_id"]
    if not isinstance(prompt_id, str):
        raise TypeError
    return prompt_id


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError
    return value
