"""A fraction for a progress bar, from a graph and the updates of its prompt."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.comfyui.events import as_list, as_object
from bot.comfyui.models import CachedNodes, ExecutionUpdate, NodeStarted, Stepped

_SECONDS_PER_STEP = 2.0  # relative: one sampling step is worth about two ordinary nodes


class ProgressMeter:
    """How far a prompt is, in [0, 1], never falling.

    ComfyUI tells which nodes run, not how many will (`progress_state` lists only those that have started). So nodes are
    counted in the graph, from the output side, and weighed: one that has `steps` weighs twice as many, any other 1.
    """

    def __init__(self, graph: Mapping[str, Any]) -> None:
        self._left = {node_id: _weight(as_object(graph[node_id])) for node_id in _reached(graph)}
        self._total = sum(self._left.values()) or 1.0
        self._done = 0.0
        self._running: dict[str, float] = {}
        self._fraction = 0.0

    @property
    def fraction(self) -> float:
        """The newest value."""
        return self._fraction

    def feed(self, update: ExecutionUpdate) -> float:
        """Take an update; the fraction after it."""
        match update:
            case CachedNodes(node_ids=node_ids):
                # They never run, so the bar is for the rest.
                self._total -= sum(self._left.pop(node_id, 0.0) for node_id in node_ids)
                self._total = max(self._total, 1.0)
            case NodeStarted(node_id=node_id):
                for other in set(self._running) - {node_id}:
                    self._done += self._left.pop(other, 0.0)
                self._running = {node_id: 0.0}
            case Stepped(node_id=node_id, value=value, max=maximum) if maximum > 0:
                self._running[node_id] = min(max(value / maximum, 0.0), 1.0)
            case _:
                return self._fraction
        part = sum(self._left.get(node_id, 0.0) * share for node_id, share in self._running.items())
        self._fraction = max(self._fraction, min((self._done + part) / self._total, 1.0))
        return self._fraction


def _weight(node: Mapping[str, Any]) -> float:
    steps = as_object(node.get("inputs")).get("steps")
    return max(float(steps) * _SECONDS_PER_STEP, 1.0) if isinstance(steps, int) else 1.0


def _reached(graph: Mapping[str, Any]) -> set[str]:
    """The nodes that lead to a sink; leftovers that take nothing and give nothing do not count."""
    links = {
        node_id: {
            str(value[0]) for value in as_object(as_object(node).get("inputs")).values() if len(as_list(value)) == 2
        }
        for node_id, node in graph.items()
    }
    taken = {source for sources in links.values() for source in sources}
    todo = [node_id for node_id, sources in links.items() if sources and node_id not in taken]
    found: set[str] = set()
    while todo:
        node_id = todo.pop()
        if node_id in links and node_id not in found:
            found.add(node_id)
            todo += links[node_id]
    return found
