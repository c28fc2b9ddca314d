"""What a watcher sees of a run: one number, the node's title, the time, the newest preview."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from bot.comfyui.models import ExecutionUpdate, NodeStarted, PreviewFrame, Started, Stepped
from bot.comfyui.progress import ProgressMeter
from bot.domain.job_updates import Progress
from bot.workflows.graph import node_title


class ProgressReading:
    """Folds the updates of one prompt into `Progress`.

    Args:
        graph: The graph as submitted, or its workflow's.
        before: The share of the whole job that was done before this prompt (earlier parts), in [0, 1).
        share: The share of this prompt, in (0, 1].

    """

    def __init__(self, graph: Mapping[str, Any], *, before: float = 0.0, share: float = 1.0) -> None:
        self._graph = graph
        self._before, self._share = before, share
        self._meter = ProgressMeter(graph)
        self._known = False
        self._current: str | None = None
        self._started: float | None = None
        self._preview: bytes | None = None

    def update(self, update: ExecutionUpdate) -> None:
        """Take one update in."""
        if self._started is None:
            self._started = time.monotonic()
        self._meter.feed(update)
        match update:
            case Started():
                self._known = True
            case NodeStarted(node_id) | Stepped(node_id=node_id):
                self._known, self._current = True, node_id
            case PreviewFrame(data=data):
                self._preview = data
            case _:
                pass

    @property
    def value(self) -> Progress:
        """What to show now."""
        elapsed = 0.0 if self._started is None else time.monotonic() - self._started
        title = None if self._current is None else node_title(self._graph, self._current)
        whole = self._before + self._meter.fraction * self._share if self._known else None
        return Progress(fraction=whole, node_title=title, elapsed_seconds=elapsed, preview=self._preview)
