"""Upstream over links, without recursion: graphs are as deep as their authors like."""

from __future__ import annotations

from collections.abc import Iterable

from bot.workflows.graph import Graph, class_type, inputs, is_link, links
from bot.workflows.vocabulary import LEFTOVER_CLASS, OUTPUT_CLASS


def upstream(graph: Graph, starts: Iterable[str]) -> frozenset[str]:
    """The nodes that the given ones depend on, themselves included. Cycles are no trouble."""
    waiting = [node_id for node_id in starts if node_id in graph]
    seen = set(waiting)
    while waiting:
        for value in inputs(graph, waiting.pop()).values():
            if is_link(value) and value[0] in graph and value[0] not in seen:
                seen.add(value[0])
                waiting.append(value[0])
    return frozenset(seen)


def find_outputs(graph: Graph) -> tuple[tuple[str, ...], bool]:
    """The nodes that save or show something, and whether their classes are known for it.

    Without `/object_info` a class says so by its name only. Where none does, the graph's ends are taken: nodes that use
    something and that nothing uses.
    """
    used = {source for node_id in graph for _, source in links(graph, node_id)}
    known = tuple(
        node_id
        for node_id in graph
        if OUTPUT_CLASS.search(class_type(graph, node_id)) and _uses_something(graph, node_id)
    )
    if known:
        return known, True
    ends = tuple(node_id for node_id in graph if node_id not in used and _uses_something(graph, node_id))
    return ends, False


def possible_outputs(graph: Graph, reachable: frozenset[str]) -> tuple[str, ...]:
    """Ends of other branches whose class may well save something: somebody's own sender or saver, not a leftover."""
    used = {source for node_id in graph for _, source in links(graph, node_id)}
    return tuple(
        node_id
        for node_id in graph
        if node_id not in used
        and node_id not in reachable
        and _uses_something(graph, node_id)
        and not LEFTOVER_CLASS.search(class_type(graph, node_id))
    )


def _uses_something(graph: Graph, node_id: str) -> bool:
    return any(is_link(value) for value in inputs(graph, node_id).values())
