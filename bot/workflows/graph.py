"""A ComfyUI workflow graph in API format: its types, and reading nodes, inputs and links.

A graph is ``{node_id: {"class_type": str, "inputs": {name: literal | [node_id, slot]}, "_meta"?: {"title": str}}}``,
the form that ComfyUI's "Export (API)" writes and `POST /prompt` takes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, NamedTuple, TypeGuard, cast

Graph = Mapping[str, Any]
"""Node id -> node. `decode_graph` has checked that each node has `class_type` (str) and `inputs` (dict)."""


class NodeInput(NamedTuple):
    """The address of one input of one node, written `6.text` in messages and in bindings files."""

    node_id: str
    input_name: str

    def __str__(self) -> str:
        return f"{self.node_id}.{self.input_name}"


def is_link(value: object) -> TypeGuard[list[Any]]:
    """Whether an input's value is a link, `[node_id, output slot]`, to another node's output."""
    if type(value) is not list:
        return False
    pair = cast("list[Any]", value)
    return len(pair) == 2 and type(pair[0]) is str and type(pair[1]) is int


def class_type(graph: Graph, node_id: str) -> str:
    """Return the node's class as registered in ComfyUI, such as `KSampler`."""
    return str(graph[node_id]["class_type"])


def inputs(graph: Graph, node_id: str) -> Mapping[str, Any]:
    """Return the node's inputs by name; values are literals or links."""
    return cast("Mapping[str, Any]", graph[node_id]["inputs"])


def links(graph: Graph, node_id: str) -> Iterator[tuple[str, str]]:
    """Yield `(input name, source node id)` for each link of the node whose source is in this graph."""
    for name, value in inputs(graph, node_id).items():
        if is_link(value) and value[0] in graph:
            yield name, value[0]


def node_title(graph: Graph, node_id: str) -> str:
    """Return what a person calls the node: its title in the editor, else its class, else its id.

    Never raises, because ids come from ComfyUI's messages too: ids of nodes that were expanded while running
    (`2.0.0.3`) fall back to the node they were expanded from (`2`), unknown ids to themselves.
    """
    node = graph.get(node_id) or graph.get(node_id.split(".", 1)[0])
    if not isinstance(node, Mapping):
        return node_id
    known = cast("Mapping[str, Any]", node)
    meta = known.get("_meta")
    title = cast("Mapping[str, Any]", meta).get("title") if isinstance(meta, Mapping) else None
    return str(title or known.get("class_type") or node_id)


def upstream(graph: Graph, starts: Iterable[str]) -> frozenset[str]:
    """Return the ids of the nodes that the given ones depend on, themselves included.

    Iterative, since graphs may be thousands of nodes deep; cycles end.
    """
    waiting = [node_id for node_id in starts if node_id in graph]
    seen = set(waiting)
    while waiting:
        for _, source in links(graph, waiting.pop()):
            if source not in seen:
                seen.add(source)
                waiting.append(source)
    return frozenset(seen)


def downstream_of_others(graph: Graph, nodes: Collection[str], marked: Collection[str]) -> frozenset[str]:
    """Return the ids of the nodes that depend on a marked node other than themselves.

    Every node is visited at most twice, because two of the marked nodes that it depends on are enough to know.

    Args:
        graph: The workflow's graph; cycles in it end.
        nodes: The ids of the nodes to look at, `marked` among them.
        marked: Ids of nodes.

    """
    consumers: dict[str, list[str]] = {}
    for node_id in nodes:
        for _, source in links(graph, node_id):
            consumers.setdefault(source, []).append(node_id)
    upstream_of: dict[str, set[str]] = {}
    waiting = [(node_id, node_id) for node_id in marked]
    while waiting:
        node_id, origin = waiting.pop()
        for consumer in consumers.get(node_id, ()):
            origins = upstream_of.setdefault(consumer, set())
            if origin not in origins and len(origins) < 2:
                origins.add(origin)
                waiting.append((consumer, origin))
    return frozenset(node_id for node_id, origins in upstream_of.items() if origins - {node_id})


def node_order(node_id: str) -> tuple[int, str]:
    """Sort key for node ids: numeric ids by their number, then all others by their text."""
    return (int(node_id), "") if node_id.isascii() and node_id.isdigit() and len(node_id) < 10 else (10**9, node_id)
