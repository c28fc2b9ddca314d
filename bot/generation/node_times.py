"""How long each node of a prompt runs, by the WebSocket's events."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from bot.comfyui.execution_updates import ExecutionUpdate, NodeProgress, NodeStarted
from bot.domain.jobs import NodeTime
from bot.workflows.graph import node_title

_MOST_STORED = 30
"""So many of the slowest nodes are stored with a job."""


class NodeClock:
    """Adds up the time of each node of one prompt; ComfyUI runs one node after the other.

    Attributes:
        running: The node that runs now.
        since: Monotonic time at which it began.

    """

    def __init__(self) -> None:
        self.running: str | None = None
        self.since = 0.0
        self._seconds: dict[str, float] = {}

    @property
    def finished(self) -> frozenset[str]:
        """The nodes that ran before the one that runs now."""
        return frozenset(self._seconds) - {self.running or ""}

    def feed(self, update: ExecutionUpdate, now: float) -> None:
        """Take an update into account.

        Args:
            update: The next one.
            now: Monotonic time in seconds.

        """
        match update:
            case NodeStarted(node_id) if node_id != self.running:
                self.stop(now)
                self.running, self.since = node_id, now
            case NodeProgress(node_id=node_id) if self.running is None:
                self.running, self.since = node_id, now
            case _:
                pass

    def stop(self, now: float) -> None:
        """The running node has ended."""
        if self.running is not None:
            self._seconds[self.running] = self._seconds.get(self.running, 0.0) + now - self.since
            self.running = None

    def times(self, graph: Mapping[str, Any]) -> tuple[NodeTime, ...]:
        """What was measured, with the titles of the nodes."""
        return tuple(
            NodeTime(node=node_id, title=node_title(graph, node_id), seconds=round(seconds, 3))
            for node_id, seconds in self._seconds.items()
        )


def slowest_first(times: Iterable[NodeTime]) -> list[NodeTime]:
    """Return the slowest nodes, as many as are stored with a job; times of the same node are added."""
    added: dict[str, NodeTime] = {}
    for time in times:
        before = added.get(time.node)
        added[time.node] = (
            time if before is None else time.model_copy(update={"seconds": before.seconds + time.seconds})
        )
    return sorted(added.values(), key=lambda time: -time.seconds)[:_MOST_STORED]
