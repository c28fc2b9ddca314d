"""What a `PromptTracker` tells while its prompt waits and runs. Values without I/O."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias


@dataclass(frozen=True)
class Queued:
    """Waits in the server's queue; `position` 1 is the next to run."""

    position: int


@dataclass(frozen=True)
class Started:
    """Execution began."""


@dataclass(frozen=True)
class CachedNodes:
    """These nodes will not run, because ComfyUI has their results in its cache."""

    node_ids: frozenset[str]


@dataclass(frozen=True)
class NodeStarted:
    """A node of the submitted graph runs now. For a node that expands into others, the node in the graph is named."""

    node_id: str


@dataclass(frozen=True)
class NodeProgress:
    """How far a running node is, such as step 3 of 20. Custom nodes send floats too, and a `max` below 1."""

    node_id: str
    value: float
    max: float


@dataclass(frozen=True)
class PreviewFrame:
    """An image of the unfinished result, as the server encoded it. `media_type` is `image/jpeg` or `image/png`."""

    data: bytes = field(repr=False)
    media_type: str
    node_id: str | None = None


ExecutionUpdate: TypeAlias = Queued | Started | CachedNodes | NodeStarted | NodeProgress | PreviewFrame
