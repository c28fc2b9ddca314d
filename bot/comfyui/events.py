"""ComfyUI's WebSocket messages as values. Parsed once, here; what is unknown or malformed is None, never an error.

Text frames are `{"type": ..., "data": {...}}`; binary frames start with a big-endian u32 event number:
1 a preview without any id, 3 text of a node, 4 a preview with a JSON header. Seen on ComfyUI 0.33.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias, cast

from bot.comfyui.exceptions import ExecutionFailed, ExecutionOutOfMemory

JsonObject: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True)
class StatusEvent:
    """The queue changed; goes to every socket. `queue_remaining` counts running and pending of everybody."""

    queue_remaining: int | None
    sid: str | None = None


@dataclass(frozen=True)
class FeatureFlagsEvent:
    """The server's answer to our first frame."""

    supports_preview_metadata: bool
    max_upload_size: int | None = None


@dataclass(frozen=True)
class ExecutionStartEvent:
    """`timestamp` in milliseconds of the server's clock."""

    prompt_id: str
    timestamp: int | None = None


@dataclass(frozen=True)
class ExecutionCachedEvent:
    """Always sent after the start; `nodes` may be empty."""

    prompt_id: str
    nodes: frozenset[str]


@dataclass(frozen=True)
class ExecutingEvent:
    """A node starts; `node` None: the prompt is over, however it ended.

    `prompt_id` None: told once to a socket that just reconnected.
    """

    prompt_id: str | None
    node: str | None


@dataclass(frozen=True)
class ProgressEvent:
    """`value` and `max` may be floats and below 1."""

    prompt_id: str
    node: str
    value: float
    max: float


@dataclass(frozen=True)
class NodeProgress:
    """One node of a `progress_state`; `node` is the one the person drew."""

    node: str
    state: str
    value: float
    max: float


@dataclass(frozen=True)
class ProgressStateEvent:
    """Only nodes that have started; cached ones never show up."""

    prompt_id: str
    nodes: tuple[NodeProgress, ...]


@dataclass(frozen=True)
class ExecutedEvent:
    """A node's `ui` output, as it will stand in the history under the same id; sent again for cached output nodes."""

    prompt_id: str
    node: str
    output: JsonObject = field(default_factory=dict[str, Any])


@dataclass(frozen=True)
class ExecutionSuccessEvent:
    """The prompt ended well; the history entry follows within moments."""

    prompt_id: str
    timestamp: int | None = None


@dataclass(frozen=True)
class ExecutionErrorEvent:
    """A node raised. With `blocked` the node only blocked its branch and the prompt goes on."""

    prompt_id: str
    error: ExecutionFailed
    blocked: bool


@dataclass(frozen=True)
class ExecutionInterruptedEvent:
    """Stopped by /interrupt. Broadcast, so other clients' prompts show up too."""

    prompt_id: str
    node: str | None = None


@dataclass(frozen=True)
class PreviewEvent:
    """A preview picture; `prompt_id` None: binary event 1, which says nothing about its origin."""

    prompt_id: str | None
    node: str | None
    media_type: str
    data: bytes = field(repr=False)


Event: TypeAlias = (
    StatusEvent
    | FeatureFlagsEvent
    | ExecutionStartEvent
    | ExecutionCachedEvent
    | ExecutingEvent
    | ProgressEvent
    | ProgressStateEvent
    | ExecutedEvent
    | ExecutionSuccessEvent
    | ExecutionErrorEvent
    | ExecutionInterruptedEvent
    | PreviewEvent
)


def parse_text(frame: str) -> Event | None:
    """A text frame as an event; None for other types, other shapes and bad JSON."""
    try:
        message = json.loads(frame)
    except (ValueError, RecursionError):
        return None
    body = as_object(message)
    try:
        return _parse(str(body.get("type")), as_object(body.get("data")))
    except (KeyError, TypeError, ValueError):
        return None


def parse_binary(frame: bytes) -> Event | None:
    """A binary frame as a preview; None for text of nodes (3), unknown numbers and truncated frames."""
    try:
        number, second = struct.unpack_from(">II", frame)
        if number == 1:
            media_type = {1: "image/jpeg", 2: "image/png"}.get(second)
            return PreviewEvent(None, None, media_type, frame[8:]) if media_type and frame[8:] else None
        if number != 4:
            return None
        header = as_object(json.loads(frame[8 : 8 + second]))
        picture = frame[8 + second :]
        if not picture:
            return None
        node = header.get("display_node_id") or header.get("node_id")
        return PreviewEvent(str(header["prompt_id"]), str(node), str(header["image_type"]), picture)
    except (struct.error, ValueError, KeyError, RecursionError):
        return None


def parse_execution_error(data: JsonObject) -> ExecutionFailed:
    """The data of `execution_error`, from the socket or from `history.status.messages`."""
    kind = str(data.get("exception_type") or "")
    message = str(data.get("exception_message") or "").strip()
    text = f"{kind} {message}".lower()
    # torch names it OutOfMemoryError; some back ends raise RuntimeErrors that only say so ("Allocation on device").
    out_of_memory = any(mark in text for mark in ("outofmemory", "out of memory", "allocation on device"))
    return (ExecutionOutOfMemory if out_of_memory else ExecutionFailed)(
        message,
        node_id=str(data.get("node_id") or ""),
        node_type=str(data.get("node_type") or ""),
        exception_type=kind,
    )


def as_object(value: object) -> JsonObject:
    """A JSON object, or an empty one for anything else."""
    return cast("JsonObject", value) if isinstance(value, dict) else {}


def as_list(value: object) -> list[Any]:
    """A JSON array, or an empty one for anything else."""
    return cast("list[Any]", value) if isinstance(value, list) else []


def as_int(value: object) -> int | None:
    """A JSON number as int; None for anything else."""
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _parse(kind: str, data: JsonObject) -> Event | None:  # noqa: PLR0911 - one return per message is the table itself
    match kind:
        case "progress":
            return ProgressEvent(_id(data), str(data["node"]), _number(data["value"]), _number(data["max"]))
        case "progress_state":
            nodes = as_object(data["nodes"]).items()
            return ProgressStateEvent(_id(data), tuple(_node_progress(key, as_object(node)) for key, node in nodes))
        case "executing":
            return _executing(data)
        case "executed":
            return ExecutedEvent(_id(data), str(data["node"]), as_object(data.get("output")))
        case "status":
            remaining = as_int(as_object(as_object(data.get("status")).get("exec_info")).get("queue_remaining"))
            sid = data.get("sid")
            return StatusEvent(remaining, sid if isinstance(sid, str) else None)
        case "execution_start":
            return ExecutionStartEvent(_id(data), as_int(data.get("timestamp")))
        case "execution_cached":
            return ExecutionCachedEvent(_id(data), frozenset(map(str, as_list(data.get("nodes")))))
        case "execution_success":
            return ExecutionSuccessEvent(_id(data), as_int(data.get("timestamp")))
        case "execution_error":
            error = parse_execution_error(data)
            return ExecutionErrorEvent(_id(data), error, blocked=error.exception_type == "ExecutionBlocked")
        case "execution_interrupted":
            node = data.get("node_id")
            return ExecutionInterruptedEvent(_id(data), str(node) if node is not None else None)
        case "feature_flags":
            metadata = data.get("supports_preview_metadata") is True
            return FeatureFlagsEvent(metadata, as_int(data.get("max_upload_size")))
        case _:
            return None


def _executing(data: JsonObject) -> ExecutingEvent:
    prompt_id, node = data.get("prompt_id"), data["node"]
    shown = data.get("display_node") or node
    return ExecutingEvent(str(prompt_id) if prompt_id is not None else None, None if node is None else str(shown))


def _node_progress(key: str, node: JsonObject) -> NodeProgress:
    shown = node.get("display_node_id") or key
    return NodeProgress(str(shown), str(node.get("state")), _number(node["value"]), _number(node["max"]))


def _id(data: JsonObject) -> str:
    prompt_id = data["prompt_id"]
    if not isinstance(prompt_id, str):
        raise TypeError
    return prompt_id


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError
    return value
