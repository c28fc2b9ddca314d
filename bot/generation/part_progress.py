"""The progress of a job while one of its parts is executed: bar, node, step, time left, preview."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.comfyui.execution_updates import CachedNodes, ExecutionUpdate, NodeProgress, NodeStarted, PreviewFrame, Started
from bot.comfyui.progress import ProgressMeter
from bot.domain.job_updates import Progress
from bot.generation.active_job import ActiveJob
from bot.generation.node_times import NodeClock
from bot.workflows.graph import node_title

_MOST_STEPS = 10_000
"""More are not steps but bytes or frames, which nobody counts in steps."""


@dataclass(frozen=True, slots=True)
class KnownTimes:
    """What earlier executions of the same workflow version took; empty for one part of several.

    Attributes:
        total: Seconds of a whole execution; None if it never ran.
        nodes: Seconds by node id.

    """

    total: float | None = None
    nodes: Mapping[str, float] = field(default_factory=dict[str, float])


class PartProgress:
    """Turns the updates of a prompt into what watchers of its job see.

    Args:
        active: The job.
        graph: What was submitted.
        known: Times of earlier executions.

    Attributes:
        clock: The time of each node.

    """

    def __init__(self, active: ActiveJob, graph: Mapping[str, Any], known: KnownTimes) -> None:
        self.clock = NodeClock()
        self._graph = graph
        self._share = 1.0 / active.part_count
        self._before = len(active.collected) * self._share
        self._only_part = active.part_count == 1
        self._known = known
        self._meter = ProgressMeter(graph)
        self._node_known = False
        self._cached: frozenset[str] = frozenset()
        self._steps = _StepClock()
        self._started: float | None = None
        self._preview: bytes | None = None

    def after(self, update: ExecutionUpdate, now: float) -> Progress:
        """What watchers see after this update, which came at the monotonic time `now`."""
        if self._started is None:
            self._started = now
        self._meter.feed(update)
        self.clock.feed(update, now)
        match update:
            case Started():
                self._node_known = True
            case CachedNodes(node_ids):
                self._cached |= node_ids
            case NodeStarted():
                self._node_known, self._steps = True, _StepClock()
            case NodeProgress(node_id=node_id, value=value, max=maximum):
                self._node_known = True
                if node_id == self.clock.running:
                    self._steps.reached(value, maximum, now)
            case PreviewFrame(data=data):
                self._preview = data
            case _:
                pass
        elapsed, node = now - self._started, self.clock.running
        return Progress(
            fraction=self._before + self._meter.fraction * self._share if self._node_known else None,
            node_title=None if node is None else node_title(self._graph, node),
            step=self._steps.step,
            steps=self._steps.steps,
            elapsed_seconds=elapsed,
            remaining_seconds=self._remaining_seconds(now, elapsed) if self._only_part else None,
            preview=self._preview,
        )

    def _remaining_seconds(self, now: float, elapsed: float) -> float | None:
        """By the speed of the running node and the history of the others; None where neither tells it."""
        steps_left = self._steps.seconds_left(now)
        if self._known.nodes:
            here = steps_left if steps_left is not None else self._rest_of_node(now)
            done = {*self.clock.finished, *self._cached, self.clock.running}
            others = sum(seconds for node_id, seconds in self._known.nodes.items() if node_id not in done)
            return None if here is None else here + others
        if steps_left is not None:
            return self._steps.seconds_per_step * self._meter.steps_left
        total = self._known.total
        return None if total is None else _rest(total, elapsed)

    def _rest_of_node(self, now: float) -> float | None:
        if self.clock.running is None:
            return 0.0
        return _rest(self._known.nodes.get(self.clock.running, 0.0), now - self.clock.since)


class _StepClock:
    """The steps of the running node, and how fast they come."""

    def __init__(self) -> None:
        self.step: int | None = None
        self.steps: int | None = None
        self._first: tuple[float, float] | None = None
        self._last: tuple[float, float] = (0.0, 0.0)
        """(value, monotonic time) of the first and the newest step."""
        self._maximum = 0.0

    @property
    def seconds_per_step(self) -> float:
        """From the second step on; the first one often loads the model. 0 before."""
        if self._first is None or self._last[0] <= self._first[0]:
            return 0.0
        return (self._last[1] - self._first[1]) / (self._last[0] - self._first[0])

    def reached(self, value: float, maximum: float, now: float) -> None:
        """The node told its progress. A lower value or another maximum begins a new count."""
        if self._first is None or maximum != self._maximum or value < self._last[0]:
            self._first = (value, now) if value > 0 else None
        self._last, self._maximum = (value, now), maximum
        whole = float(value).is_integer() and float(maximum).is_integer() and 2 <= maximum <= _MOST_STEPS
        self.step, self.steps = (int(value), int(maximum)) if whole and value > 0 else (None, None)

    def seconds_left(self, now: float) -> float | None:
        """Until the node's last step; None while its speed is unknown."""
        speed = self.seconds_per_step
        if not speed:
            return None
        return max(0.0, speed * (self._maximum - self._last[0]) - (now - self._last[1]))


def _rest(expected: float, elapsed: float) -> float | None:
    """What is left of an expected time; None if it takes clearly longer than expected."""
    return None if elapsed > expected * 1.2 + 0.2 else max(0.0, expected - elapsed)
