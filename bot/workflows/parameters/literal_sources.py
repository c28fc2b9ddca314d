"""Finding the literal behind a link: through reroutes, switches and primitive nodes to the value that people turn."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bot.workflows.graph import Graph, NodeInput, inputs, is_link
from bot.workflows.linked_inputs import LinkedInputs
from bot.workflows.switches import selected_branches

_PLAIN_NAMES = frozenset({
    "value", "int", "integer", "number", "int_value", "float", "float_value", "a", "input", "default_value", "num", "x",
    "string", "text", "boolean", "bool", "choice", "any", "val", "index", "combo",
})  # fmt: skip
"""Inputs of primitive nodes, which have one value and deliver it."""


class LiteralSources:
    """Finds the literals that links deliver.

    Args:
        graph: The workflow's graph.
        wanted: The names, in lower case, of inputs that are meant at a node with several literals.

    """

    def __init__(self, graph: Graph, wanted: re.Pattern[str]) -> None:
        self._graph = graph
        self._wanted = wanted
        self._linked = LinkedInputs(graph, self._look_at)

    def of_input(self, node_input: NodeInput) -> NodeInput | None:
        """Return the input itself if it holds a literal, else the one behind its link; None for a computed value."""
        value = inputs(self._graph, node_input.node_id)[node_input.input_name]
        return self._linked.behind(value[0]) if is_link(value) else node_input

    def _look_at(self, node_id: str) -> tuple[NodeInput | None, str | None]:
        given = inputs(self._graph, node_id)
        if branches := selected_branches(self._graph, node_id):
            value = given[branches[0]]
            if len(branches) > 1:
                return None, None
            return (None, value[0]) if is_link(value) else (NodeInput(node_id, branches[0]), None)
        onward = [value[0] for value in given.values() if is_link(value)]
        literals = list(self._literals(node_id))
        named = [name for name in literals if self._wanted.match(name.lower())]
        if len(named) == 1:
            return NodeInput(node_id, named[0]), None
        if onward:
            return (None, onward[0]) if len(onward) == 1 and not literals else (None, None)
        plain = [name for name in literals if name.lower() in _PLAIN_NAMES]
        return (NodeInput(node_id, plain[0]), None) if len(plain) == 1 else (None, None)

    def _literals(self, node_id: str) -> Iterator[str]:
        for name, value in inputs(self._graph, node_id).items():
            if isinstance(value, (int, float, str)):
                yield name
