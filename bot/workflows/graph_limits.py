"""Limits on what a workflow file may hold, so that reading one takes neither minutes nor gigabytes.

The largest public graphs have some thousand nodes and some ten thousand values.
"""

from __future__ import annotations

from typing import Any, cast

from bot.workflows.errors import NotAGraph
from bot.workflows.graph import Graph, inputs

MAX_NODES = 20_000
MAX_VALUES = 100_000
"""Of all nodes together; each item of a list and each value of an object inside of an input counts."""
MAX_NAME_CHARS = 1_000
"""Of a node id, a class and the name of an input."""
MAX_DEPTH = 100
"""How many lists and objects may be inside of one another in an input."""


def check_limits(graph: Graph) -> None:
    """Check the size of a graph.

    Raises:
        NotAGraph: It is beyond a limit; the error says which.

    """
    if len(graph) > MAX_NODES:
        raise NotAGraph(f"The workflow has {len(graph):,} nodes; at most {MAX_NODES:,} are read.")
    count = 0
    for node_id, node in graph.items():
        given = inputs(graph, node_id)
        if any(len(name) > MAX_NAME_CHARS for name in (node_id, node["class_type"], *given)):
            raise NotAGraph(
                f"The workflow has a node or an input with a name longer than {MAX_NAME_CHARS:,} characters."
            )
        for value in (*given.values(), node.get("_meta")):
            count += _count(value, MAX_VALUES - count)
            if count > MAX_VALUES:
                raise NotAGraph(f"The workflow's nodes have more than {MAX_VALUES:,} values.")


def _count(value: Any, at_most: int) -> int:
    """The number of values in an input; stops counting beyond `at_most`."""
    count, level = 1, [value]
    for _ in range(MAX_DEPTH):
        level = [child for parent in level for child in _children(parent)]
        count += len(level)
        if not level or count > at_most:
            return count
    raise NotAGraph("The workflow file is nested too deeply.")


def _children(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(cast("dict[str, Any]", value).values())
    return cast("list[Any]", value) if isinstance(value, list) else []
