"""Following links upstream to the one input that holds what they deliver."""

from __future__ import annotations

from collections.abc import Callable

from bot.workflows.graph import Graph, NodeInput


class LinkedInputs:
    """Finds the inputs whose values links deliver; looks at each node once, however many links lead to it.

    Args:
        graph: The workflow's graph.
        look_at: Takes a node's id. Returns the input of that node whose value it delivers, or None; and the id of the
            node whose value it only passes on, or None where the search ends.

    """

    def __init__(self, graph: Graph, look_at: Callable[[str], tuple[NodeInput | None, str | None]]) -> None:
        self._graph = graph
        self._look_at = look_at
        self._known: dict[str, NodeInput | None] = {}

    def behind(self, node_id: str) -> NodeInput | None:
        """Return the input whose value a link to `node_id` delivers; None where there is none, and for a cycle."""
        passed: list[str] = []
        following: str | None = node_id
        found: NodeInput | None = None
        while following is not None and following in self._graph:
            if following in self._known:
                found = self._known[following]
                break
            self._known[following] = None  # what a cycle delivers
            passed.append(following)
            found, following = self._look_at(following)
        self._known.update(dict.fromkeys(passed, found))
        return found
