"""A fraction for a progress bar, from a graph and the updates of its prompt."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.comfyui.execution_updates import CachedNodes, ExecutionUpdate, NodeProgress, NodeStarted
from bot.comfyui.json_values import as_list, as_object

_WEIGHT_PER_STEP = 2.0
"""One sampling step takes about as long as two nodes that do not sample."""


class ProgressMeter:
    """How far a prompt is, from 0 to 1, never falling.

    ComfyUI tells which nodes run, not how many will (`progress_state` lists only those that have started). So the nodes
    that lead to an output are counted in the graph; a node with an input `steps` weighs twice that number, any other 1.
    """

    def __init__(self, graph: Mapping[str, Any]) -> None:
        self._remaining = {node_id: _weight(as_object(graph[node_id])) for node_id in _needed_nodes(graph)}
        self._total = sum(self._remaining.values()) or 1.0
        self._done = 0.0
        self._running: dict[str, float] = {}
        self._fraction = 0.0

    @property
    def fraction(self) -> float:
        """The fraction after the last update."""
        return self._fraction

    @property
    def steps_left(self) -> float:
        """What is left to do, in sampling steps: other nodes count as a part of a step."""
        return (1.0 - self._fraction) * self._total / _WEIGHT_PER_STEP

    def feed(self, update: ExecutionUpdate) -> float:
        """Take an update into account and return the fraction after it."""
        match update:
            case CachedNodes(node_ids=node_ids):
                # They will not run, so the bar measures the others only.
                self._total -= sum(self._remaining.pop(node_id, 0.0) for node_id in node_ids)
                self._total = max(self._total, 1.0)
            case NodeStarted(node_id=node_id):
                for other in set(self._running) - {node_id}:
                    self._done += self._remaining.pop(other, 0.0)
                self._running = {node_id: 0.0}
            case NodeProgress(node_id=node_id, value=value, max=maximum) if maximum > 0:
                self._running[node_id] = min(max(value / maximum, 0.0), 1.0)
            case _:
                return self._fraction
        running = sum(self._remaining.get(node_id, 0.0) * fraction for node_id, fraction in self._running.items())
        self._fraction = max(self._fraction, min((self._done + running) / self._total, 1.0))
        return self._fraction


def _weight(node: Mapping[str, Any]) -> float:
    steps = as_object(node.get("inputs")).get("steps")
    return max(float(steps) * _WEIGHT_PER_STEP, 1.0) if isinstance(steps, int) else 1.0


def _needed_nodes(graph: Mapping[str, Any]) -> set[str]:
    """The nodes that lead to a node whose result no other takes. Nodes without any link are left out."""
    links = {
        node_id: {
            str(value[0]) for value in as_object(as_object(node).get("inputs")).values() if len(as_list(value)) == 2
        }
        for node_id, node in graph.items()
    }
    sources = {source for linked in links.values() for source in linked}
    pending = [node_id for node_id, linked in links.items() if linked and node_id not in sources]
    found: set[str] = set()
    while pending:
        node_id = pending.pop()
        if node_id in links and node_id not in found:
            found.add(node_id)
            pending += links[node_id]
    return found
