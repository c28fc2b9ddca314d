"""The order in which the nodes of a prompt run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sandbox.comfyui.graphs import is_link
from sandbox.comfyui.node_types import NodeType


class ExecutionList:
    """The nodes that have not run yet.

    Of those that wait for no other node, output nodes come first, then those nearest to an output node, as in ComfyUI.
    """

    def __init__(
        self, graph: Mapping[str, Any], nodes: Mapping[str, NodeType], is_cached: Callable[[str], bool]
    ) -> None:
        self._graph = graph
        self._nodes = nodes
        self._is_cached = is_cached
        self._waits_for: dict[str, set[str]] = {}
        self._leads_to: dict[str, list[str]] = {}

    def add(self, output: str) -> None:
        """Add an output node and everything that it needs and that is not cached."""
        discovered = [output]
        while discovered:
            current = discovered.pop()
            if current in self._waits_for:
                continue
            inputs: Mapping[str, Any] = self._graph[current]["inputs"]
            needed = [value[0] for value in inputs.values() if is_link(value) and not self._is_cached(value[0])]
            self._waits_for[current] = set(needed)
            self._leads_to.setdefault(current, [])
            for source in needed:
                self._leads_to.setdefault(source, []).append(current)
                discovered.append(source)

    def next(self) -> str | None:
        """The next node to run; None if none is left."""
        ready = [each for each, needed in self._waits_for.items() if not needed]
        return min(ready, key=self._distance) if ready else None

    def done(self, node_id: str) -> None:
        """Remove a node that ran, so that nodes that waited for it may run."""
        del self._waits_for[node_id]
        for waiting in self._leads_to.pop(node_id, []):
            if waiting in self._waits_for:
                self._waits_for[waiting].discard(node_id)

    def _distance(self, node_id: str) -> int:
        nearest = [node_id]
        for steps in range(3):
            if any(self._nodes[self._graph[each]["class_type"]].is_output for each in nearest):
                return steps
            nearest = [after for each in nearest for after in self._leads_to.get(each, [])]
        return 3
