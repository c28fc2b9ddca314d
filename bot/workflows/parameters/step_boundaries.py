"""Steps that several samplers share: where one ends and the next one begins moves with the number of steps."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from bot.workflows.graph import Graph, NodeInput, inputs, is_link, upstream
from bot.workflows.parameters.literal_sources import LiteralSources

_BOUNDARY = re.compile(r"(?:start|end)_(?:at_)?step|last_step")
_SPLIT = re.compile(r"step")


def scaled_boundaries(
    graph: Graph, reachable: Iterable[str], steps: Iterable[NodeInput], new_steps: int
) -> Iterator[tuple[NodeInput, int]]:
    """Yield the boundaries within a shared sampling, each with its value for another number of steps.

    20 steps that are split at 10 become 30 that are split at 15. The first start (0) and an end beyond the last step
    (ComfyUI's default is 10000) are no boundaries.

    Args:
        graph: The workflow's graph.
        reachable: Ids of the nodes that an output depends on.
        steps: The inputs that hold the number of steps.
        new_steps: The number of steps that is written there.

    """
    counts = {place: value for place in steps if isinstance(value := _value(graph, place), int) and value > 0}
    if not counts:
        return
    nodes = list(reachable)
    by_steps, by_boundary = LiteralSources(graph, re.compile("steps")), LiteralSources(graph, _BOUNDARY)
    by_split = LiteralSources(graph, _SPLIT)
    done = set[NodeInput]()
    for node_id in nodes:
        given = inputs(graph, node_id)
        total, names, sources = None, list[str](), by_boundary
        if "steps" in given:
            total = counts.get(by_steps.of_input(NodeInput(node_id, "steps")) or NodeInput("", ""))
            names = [name for name in given if _BOUNDARY.fullmatch(name.lower())]
        elif "step" in given and is_link(given.get("sigmas")):  # SplitSigmas
            above = upstream(graph, [given["sigmas"][0]])
            total = next((count for place, count in counts.items() if place.node_id in above), None)
            names, sources = ["step"], by_split
        if not total:
            continue
        for name in names:
            place = sources.of_input(NodeInput(node_id, name))
            before = None if place is None else _value(graph, place)
            if place is None or place in done or not isinstance(before, int) or not 0 < before < total:
                continue
            done.add(place)
            yield place, max(1, min(new_steps, round(before * new_steps / total)))


def _value(graph: Graph, place: NodeInput) -> object:
    value = inputs(graph, place.node_id)[place.input_name]
    return None if isinstance(value, bool) else value
