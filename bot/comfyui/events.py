"""The messages that ComfyUI sends by WebSocket, as values. `event_parsing` makes them of frames.

Observed on ComfyUI 0.33. Other message types exist; they are ignored.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeAlias

from bot.comfyui.exceptions import ExecutionFailed
from bot.comfyui.json_values import JsonObject


@dataclass(frozen=True)
class StatusEvent:
    """The queue changed. Goes to every client; `queue_remaining` counts running and waiting prompts of all clients."""

    queue_remaining: int | None


@dataclass(frozen=True)
class FeatureFlagsEvent:
    """The server's answer to the feature flags that the client sends first."""

    supports_preview_metadata: bool


@dataclass(frozen=True)
class ExecutionStartEvent:
    """A prompt starts. `timestamp` is in milliseconds of the server's clock."""

    prompt_id: str
    timestamp: int | None = None


@dataclass(frozen=True)
class ExecutionCachedEvent:
    """Which nodes will not run because their results are cached. Sent after every start; `nodes` may be empty."""

    prompt_id: str
    nodes: frozenset[str]


@dataclass(frozen=True)
class ExecutingEvent:
    """A node starts. `node` None: the prompt is over, however it ended.

    `prompt_id` None: ComfyUI greets a WebSocket that reconnects under the id of the running prompt with the node that
    runs, and leaves the prompt out.
    """

    prompt_id: str | None
    node: str | None


@dataclass(frozen=True)
class ProgressEvent:
    """Progress of one node. `value` and `max` may be floats, and below 1."""

    prompt_id: str
    node: str
    value: float
    max: float


@dataclass(frozen=True)
class NodeState:
    """One node of a `progress_state`. `node` is the node of the graph, also for nodes made by expansion.

    `state` is `running`, `finished` or `error`; `value` and `max` are as in `ProgressEvent`.
    """

    node: str
    state: str
    value: float
    max: float


@dataclass(frozen=True)
class ProgressStateEvent:
    """The nodes that have started so far; cached nodes never appear, so this does not tell how many there will be."""

    prompt_id: str
    nodes: tuple[NodeState, ...]


@dataclass(frozen=True)
class ExecutedEvent:
    """What a node reported, as it will stand under its id in the history. Sent for cached output nodes too."""

    prompt_id: str
    node: str
    output: JsonObject = field(default_factory=dict[str, Any])


@dataclass(frozen=True)
class ExecutionSuccessEvent:
    """The prompt ended well. The history entry is stored right after. `timestamp` as in `ExecutionStartEvent`."""

    prompt_id: str
    timestamp: int | None = None


@dataclass(frozen=True)
class ExecutionErrorEvent:
    """A node raised an error. With `blocked` the node only blocked its branch, and the prompt goes on."""

    prompt_id: str
    error: ExecutionFailed
    blocked: bool


@dataclass(frozen=True)
class ExecutionInterruptedEvent:
    """Stopped by `POST /interrupt`. Goes to every client."""

    prompt_id: str
    node: str | None = None


@dataclass(frozen=True)
class PreviewEvent:
    """A preview image. `prompt_id` None: it came as binary event 1, which does not say which prompt it belongs to."""

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
