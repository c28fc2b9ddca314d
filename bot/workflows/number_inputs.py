"""Finding the inputs that hold seeds, size, steps and guidance."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

from bot.workflows import name_patterns as patterns
from bot.workflows.graph import (
    Graph,
    NodeInput,
    class_type,
    downstream_of_others,
    inputs,
    is_link,
    links,
    node_order,
)
from bot.workflows.linked_inputs import LinkedInputs
from bot.workflows.sampling_passes import nodes_of_first_passes, resized_start_pictures
from bot.workflows.switches import selected_branches

_NUMBER_TEXT = re.compile(r"^-?\d+(?:\.0*)?$")
_SIZE_NAMES = {
    "width": ("width", "empty_latent_width", "image_width"),
    "height": ("height", "empty_latent_height", "image_height"),
}
_PASS_THROUGH_NAMES = frozenset({"any", "anything", "value", "pipe", "context"})
"""Inputs of reroutes and pipes, behind which a latent may come from."""
_REPEATS_SIZE_CLASS = re.compile(r"sampling|scheduler", re.IGNORECASE)
"""ModelSamplingFlux and Flux2Scheduler take the size of the picture once more."""


def find_seeds(graph: Graph, reachable: Iterable[str]) -> dict[NodeInput, tuple[NodeInput, ...]]:
    """Return every input that holds a seed, with the seed inputs that take it through links.

    A value is written into the former; the latter bound it, since each has a largest seed of its own.

    Args:
        graph: The workflow's graph.
        reachable: Ids of the nodes that an output node depends on.

    """
    found: dict[NodeInput, list[NodeInput]] = {}
    numbers = _LinkedNumbers(graph, patterns.SEED_NAME)
    for node_id in sorted(reachable, key=node_order):
        for name, value in inputs(graph, node_id).items():
            if not patterns.SEED_NAME.match(name.lower()):
                continue
            if is_link(value):
                source = numbers.behind(value[0])
                if source is not None:
                    found.setdefault(source, []).append(NodeInput(node_id, name))
            elif isinstance(value, str) or _is_number(value, whole=True):  # a text is somebody's placeholder
                found.setdefault(NodeInput(node_id, name), [])
    return {seed: tuple(consumers) for seed, consumers in found.items()}


def find_size(
    graph: Graph, reachable: frozenset[str], prompts: Iterable[NodeInput]
) -> tuple[tuple[NodeInput, ...], tuple[NodeInput, ...]]:
    """Return the inputs that hold width and height of the new picture or video.

    They belong to the node in which the latent of a sampler begins (`EmptyLatentImage`), or, in a graph without
    latents, to the node of the prompt (API nodes). A single number that is used for both sides belongs to neither,
    because writing both values would leave only the second.

    Args:
        graph: The workflow's graph.
        reachable: Ids of the nodes that an output node depends on.
        prompts: The inputs that hold the prompt.

    """
    nodes = (
        _latent_origins(graph, reachable)
        or resized_start_pictures(graph, reachable)
        or [
            prompt.node_id
            for prompt in prompts
            if _size_name(graph, prompt.node_id, "width")
            and not patterns.ENCODER_CLASS.search(class_type(graph, prompt.node_id))
        ]
    )
    sides = {side: _LinkedNumbers(graph, re.compile(rf"^(?:\w+_)?{side}$")) for side in _SIZE_NAMES}
    pairs = [(_size_input(sides, node_id, "width"), _size_input(sides, node_id, "height")) for node_id in nodes]
    widths = {width for width, _ in pairs if width is not None}
    heights = {height for _, height in pairs if height is not None}
    shared = widths & heights
    sizes = {(_number(graph, width), _number(graph, height)) for width, height in pairs if width and height}
    for node_id in reachable:
        if not _REPEATS_SIZE_CLASS.search(class_type(graph, node_id)):
            continue
        width, height = _size_input(sides, node_id, "width"), _size_input(sides, node_id, "height")
        if width and height and (_number(graph, width), _number(graph, height)) in sizes:
            widths.add(width)
            heights.add(height)
    return _in_order(widths - shared), _in_order(heights - shared)


def find_steps(graph: Graph, reachable: frozenset[str]) -> tuple[NodeInput, ...]:
    """Return the `steps` of the main sampler or its scheduler, and all others with the same value."""
    return _main_inputs(graph, reachable, "steps")


def find_guidance(graph: Graph, reachable: frozenset[str]) -> tuple[NodeInput, ...]:
    """Return Flux's `guidance`, or else the main sampler's `cfg`, and all others with the same value."""
    return _main_inputs(graph, reachable, "guidance") or _main_inputs(graph, reachable, "cfg")


def _main_inputs(graph: Graph, reachable: frozenset[str], name: str) -> tuple[NodeInput, ...]:
    """Inputs of that name; with different values only those that equal the value of the first sampling.

    Where several independent samplings have different values, none is the main one.
    """
    found: dict[str, NodeInput] = {}
    numbers = _LinkedNumbers(graph, re.compile(rf"^{name}$"))
    secondary: dict[str, NodeInput] = {}
    for node_id in sorted(reachable, key=node_order):
        source = numbers.of_input(NodeInput(node_id, name)) if name in inputs(graph, node_id) else None
        if source is not None:
            is_tool = bool(patterns.SECONDARY_CLASS.search(class_type(graph, node_id)))
            (secondary if is_tool else found)[node_id] = source
    found = found or secondary
    first_passes = nodes_of_first_passes(graph, reachable)
    if first_passes and any(found.keys() & nodes for nodes in first_passes):
        return _of_first_passes(graph, found, first_passes)
    if len({_number(graph, source) for source in found.values()}) <= 1:
        return _in_order(set(found.values()))
    dependent = downstream_of_others(graph, reachable, found)
    first = next((node_id for node_id in found if node_id not in dependent), next(iter(found)))
    value = _number(graph, found[first])
    return _in_order({source for source in found.values() if _number(graph, source) == value})


def _of_first_passes(
    graph: Graph, found: Mapping[str, NodeInput], first_passes: Iterable[frozenset[str]]
) -> tuple[NodeInput, ...]:
    """The inputs of the samplings that start, and all others with the same value."""
    values = {_number(graph, source) for nodes in first_passes for node_id, source in found.items() if node_id in nodes}
    if len(values) != 1:
        return ()
    return _in_order({source for source in found.values() if _number(graph, source) in values})


def _latent_origins(graph: Graph, reachable: frozenset[str]) -> list[str]:
    """Ids of the nodes with width and height inputs at the upstream end of latent links."""
    waiting = [source for node_id in reachable for source in _latent_sources(graph, node_id)]
    seen = set(waiting)
    origins: list[str] = []
    while waiting:
        node_id = waiting.pop()
        further = _latent_sources(graph, node_id)
        if not further and _size_name(graph, node_id, "width") and _size_name(graph, node_id, "height"):
            origins.append(node_id)
            continue
        # A node with pixels is a VAE encoder: its latent has the size of a picture that exists.
        if not further and "pixels" not in inputs(graph, node_id):
            further = [source for name, source in links(graph, node_id) if name in _PASS_THROUGH_NAMES]
        for source in further:
            if source not in seen:
                seen.add(source)
                waiting.append(source)
    return origins


def _latent_sources(graph: Graph, node_id: str) -> list[str]:
    return [source for name, source in links(graph, node_id) if patterns.LATENT_NAME.search(name.lower())]


def _size_name(graph: Graph, node_id: str, side: str) -> str | None:
    return next((name for name in _SIZE_NAMES[side] if name in inputs(graph, node_id)), None)


def _size_input(numbers: Mapping[str, _LinkedNumbers], node_id: str, side: str) -> NodeInput | None:
    name = _size_name(numbers[side].graph, node_id, side)
    return None if name is None else numbers[side].of_input(NodeInput(node_id, name))


class _LinkedNumbers:
    """Finds the literal numbers that links deliver.

    Args:
        graph: The workflow's graph.
        wanted: The names, in lower case, of inputs whose number is meant at a node with several.

    """

    def __init__(self, graph: Graph, wanted: re.Pattern[str]) -> None:
        self.graph = graph
        self._wanted = wanted
        self._linked = LinkedInputs(graph, self._look_at)

    def of_input(self, node_input: NodeInput) -> NodeInput | None:
        """The input itself if it holds a number, else the one behind its link; None if there is no literal number."""
        value = inputs(self.graph, node_input.node_id)[node_input.input_name]
        if is_link(value):
            return self.behind(value[0])
        return node_input if _is_number(value) else None

    def behind(self, node_id: str) -> NodeInput | None:
        """The input with the literal number that a link to `node_id` delivers; None where it is computed.

        That is an input named like `wanted`, the value of a primitive node, or the same further upstream.
        """
        return self._linked.behind(node_id)

    def _look_at(self, node_id: str) -> tuple[NodeInput | None, str | None]:
        """The number at a node, or else the node whose output it passes on."""
        given = inputs(self.graph, node_id)
        branches = selected_branches(self.graph, node_id)
        if len(branches) == 1 and is_link(given[branches[0]]):
            return None, given[branches[0]][0]
        numbers = [name for name, value in given.items() if _is_number(value)]
        named = [name for name in numbers if self._wanted.match(name.lower())]
        onward = [source for _, source in links(self.graph, node_id)]
        if named:
            return NodeInput(node_id, named[0]), None
        if not onward:
            plain = [name for known in patterns.NUMBER_NAMES for name in numbers if name.lower() == known]
            return NodeInput(node_id, plain[0]) if plain else None, None
        if len(onward) != 1 or numbers:
            return None, None  # computed from several values
        return None, onward[0]


def _is_number(value: Any, *, whole: bool = False) -> bool:
    if isinstance(value, bool):
        return False
    if isinstance(value, str):
        return bool(_NUMBER_TEXT.match(value.strip()))
    return isinstance(value, int) or (isinstance(value, float) and (not whole or value.is_integer()))


def _number(graph: Graph, node_input: NodeInput) -> float:
    """The number, to be compared with others; infinite where it has more digits than a float can hold."""
    try:
        return float(inputs(graph, node_input.node_id)[node_input.input_name])
    except OverflowError:
        return math.inf


def _in_order(found: Iterable[NodeInput]) -> tuple[NodeInput, ...]:
    return tuple(sorted(found, key=lambda node_input: (node_order(node_input.node_id), node_input.input_name)))
