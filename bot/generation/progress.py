"""One number from what ComfyUI tells of a run.

ComfyUI reports single nodes, not a whole. A sampler takes nearly all the time of a run, so nodes that report steps
weigh more than those that do not. The number never falls, whatever order the nodes come in.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from bot.comfyui.models import CachedNodes, ExecutionUpdate, NodeStarted, PreviewFrame, Started, Stepped
from bot.generation.jobs import Progress
from bot.workflows.graph import node_title

_STEPPING = ("sampler", "tts", "upscale", "interpolat", "vibevoice", "chatterbox")
_WEIGHT = 20.0


class ProgressReading:
    """Folds updates of one prompt into `Progress`.

    Args:
        graph: The graph as submitted.
        before: The share of the whole job that was done before this prompt (earlier parts), in [0, 1).
        share: The share of this prompt, in (0, 1].

    """

    def __init__(self, graph: Mapping[str, Any], *, before: float = 0.0, share: float = 1.0) -> None:
        self._graph = graph
        self._before, self._share = before, share
        self._weights = {node_id: _weight(node) for node_id, node in graph.items()}
        self._done = dict.fromkeys(graph, 0.0)
        self._current: str | None = None
        self._started: float | None = None
        self._shown: float | None = None
        self._preview: bytes | None = None

    def update(self, update: ExecutionUpdate) -> None:
        """Take one update in."""
        if self._started is None:
            self._started = time.monotonic()
        match update:
            case Started():
                self._shown = 0.0
            case CachedNodes(node_ids):
                for node_id in node_ids & self._weights.keys():
                    self._weights.pop(node_id)
            case NodeStarted(node_id):
                self._enter(node_id)
            case Stepped(node_id, value, maximum):
                self._step(node_id, value, maximum)
            case PreviewFrame(data=data):
                self._preview = data
            case _:
                pass

    @property
    def value(self) -> Progress:
        """What to show now."""
        elapsed = 0.0 if self._started is None else time.monotonic() - self._started
        title = None if self._current is None else node_title(self._graph, self._current)
        whole = None if self._shown is None else self._before + self._shown * self._share
        return Progress(fraction=whole, node_title=title, elapsed_seconds=elapsed, preview=self._preview)

    def _enter(self, node_id: str) -> None:
        if self._current != node_id and self._current in self._done:
            self._done[self._current] = 1.0
        self._current = node_id
        self._measure()

    def _step(self, node_id: str, value: float, maximum: float) -> None:
        self._current = node_id
        if node_id in self._done and maximum > 0:
            self._weights[node_id] = max(self._weights.get(node_id, 1.0), _WEIGHT)
            self._done[node_id] = max(self._done[node_id], min(value / maximum, 1.0))
        self._measure()

    def _measure(self) -> None:
        whole = sum(self._weights.values())
        if whole > 0:
            done = sum(weight * self._done[node_id] for node_id, weight in self._weights.items())
            self._shown = max(self._shown or 0.0, min(done / whole, 1.0))


def _weight(node: Mapping[str, Any]) -> float:
    name = str(node.get("class_type", "")).lower()
    return _WEIGHT if any(word in name for word in _STEPPING) else 1.0
