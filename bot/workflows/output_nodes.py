"""Which nodes of a graph are output nodes: those that save or show files and because of which ComfyUI runs the graph.

Without `/object_info` a class is recognised by its name only.
"""

from __future__ import annotations

from bot.workflows.graph import Graph, class_type, inputs, is_link, links
from bot.workflows.name_patterns import LEFTOVER_CLASS, OUTPUT_CLASS


def find_output_nodes(graph: Graph) -> tuple[tuple[str, ...], bool]:
    """Return the ids of the output nodes, and whether their classes are known as output nodes.

    Where no class is known as one, the ends of the graph are returned: nodes that have links to others and that no
    other node has a link to.
    """
    known = tuple(
        node_id for node_id in graph if OUTPUT_CLASS.search(class_type(graph, node_id)) and _has_links(graph, node_id)
    )
    if known:
        return known, True
    sources = _linked_nodes(graph)
    return tuple(node_id for node_id in graph if node_id not in sources and _has_links(graph, node_id)), False


def possible_output_nodes(graph: Graph, reachable: frozenset[str]) -> tuple[str, ...]:
    """Return the ends of the branches outside of `reachable` whose class may be an output node of a custom node pack.

    Ends of a class that never saves anything (an encoder, a loader, a scaler) are leftovers from editing and left out.
    """
    sources = _linked_nodes(graph)
    return tuple(
        node_id
        for node_id in graph
        if node_id not in sources
        and node_id not in reachable
        and _has_links(graph, node_id)
        and not LEFTOVER_CLASS.search(class_type(graph, node_id))
    )


def _linked_nodes(graph: Graph) -> set[str]:
    return {source for node_id in graph for _, source in links(graph, node_id)}


def _has_links(graph: Graph, node_id: str) -> bool:
    return any(is_link(value) for value in inputs(graph, node_id).values())
