"""Numbers of a run: every seed, the size of the new picture, steps and guidance."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from bot.workflows import vocabulary as words
from bot.workflows.graph import Graph, Target, class_type, inputs, is_link, links
from bot.workflows.walking import upstream

_NUMBER_TEXT = re.compile(r"^-?\d+(?:\.0*)?$")
_SIZE_NAMES = {
    "width": ("width", "empty_latent_width", "image_width"),
    "height": ("height", "empty_latent_height", "image_height"),
}


def find_seeds(graph: Graph, reachable: Iterable[str]) -> dict[Target, tuple[Target, ...]]:
    """Every seed that an output depends on -> the seed inputs it reaches through links (they bound it too)."""
    found: dict[Target, list[Target]] = {}
    for node_id in sorted(reachable, key=_numerically):
        for name, value in inputs(graph, node_id).items():
            if not words.SEED_NAME.match(name.lower()):
                continue
            if is_link(value):
                source = _number_source(graph, value[0], words.SEED_NAME)
                if source is not None:
                    found.setdefault(source, []).append(Target(node_id, name))
            elif isinstance(value, str) or _is_number(value, whole=True):  # a text there is somebody's stand-in
                found.setdefault(Target(node_id, name), [])
    return {target: tuple(consumers) for target, consumers in found.items()}


def find_size(
    graph: Graph, reachable: frozenset[str], prompts: Iterable[Target]
) -> tuple[tuple[Target, ...], tuple[Target, ...]]:
    """Where width and height of the new picture or video are chosen: the node that a sampler's latent begins with."""
    sources = _latent_sources(graph, reachable) or [
        target.node_id
        for target in prompts
        if _size_input(graph, target.node_id, "width")
        and not words.ENCODER_CLASS.search(class_type(graph, target.node_id))
    ]
    pairs = [(_size_target(graph, node_id, "width"), _size_target(graph, node_id, "height")) for node_id in sources]
    widths = {width for width, _ in pairs if width is not None}
    heights = {height for _, height in pairs if height is not None}
    shared = widths & heights  # one number for both sides: writing both would let the second win
    values = {(_literal(graph, width), _literal(graph, height)) for width, height in pairs if width and height}
    for node_id in reachable:  # ModelSamplingFlux, Flux2Scheduler: they repeat the size
        width, height = _size_target(graph, node_id, "width"), _size_target(graph, node_id, "height")
        if (
            width
            and height
            and _follows_the_sampler(graph, node_id)
            and (_literal(graph, width), _literal(graph, height)) in values
        ):
            widths.add(width)
            heights.add(height)
    return _sorted(widths - shared), _sorted(heights - shared)


def find_steps(graph: Graph, reachable: frozenset[str]) -> tuple[Target, ...]:
    """The main sampler's (or its scheduler's) steps, and others that are set to the same."""
    return _main_number(graph, reachable, "steps")


def find_guidance(graph: Graph, reachable: frozenset[str]) -> tuple[Target, ...]:
    """Flux's `guidance` where there is one, else the main sampler's `cfg`, and others that are set to the same."""
    return _main_number(graph, reachable, "guidance") or _main_number(graph, reachable, "cfg")


def _main_number(graph: Graph, reachable: frozenset[str], name: str) -> tuple[Target, ...]:
    found: dict[str, Target] = {}
    for node_id in sorted(reachable, key=_numerically):
        if name in inputs(graph, node_id) and not words.SECONDARY_CLASS.search(class_type(graph, node_id)):
            target = _followed(graph, node_id, name, re.compile(rf"^{name}$"))
            if target is not None:
                found[node_id] = target
    if len({_literal(graph, target) for target in found.values()}) <= 1:
        return _sorted(set(found.values()))
    first = next((node for node in found if not (upstream(graph, [node]) - {node}) & found.keys()), next(iter(found)))
    value = _literal(graph, found[first])
    return _sorted({target for target in found.values() if _literal(graph, target) == value})


def _latent_sources(graph: Graph, reachable: frozenset[str]) -> list[str]:
    """Nodes with a size of their own at the upstream end of latent links."""
    waiting = [
        source
        for node_id in reachable
        for name, source in links(graph, node_id)
        if words.LATENT_NAME.search(name.lower())
    ]
    seen = set(waiting)
    sources: list[str] = []
    while waiting:
        node_id = waiting.pop()
        further = [source for name, source in links(graph, node_id) if words.LATENT_NAME.search(name.lower())]
        if not further and _size_input(graph, node_id, "width") and _size_input(graph, node_id, "height"):
            sources.append(node_id)
            continue
        if not further and not any(name == "pixels" for name in inputs(graph, node_id)):
            further = [
                source
                for name, source in links(graph, node_id)
                if name in {"any", "anything", "value", "pipe", "context"}
            ]
        for source in further:
            if source not in seen:
                seen.add(source)
                waiting.append(source)
    return sources


def _follows_the_sampler(graph: Graph, node_id: str) -> bool:
    return bool(re.search(r"sampling|scheduler", class_type(graph, node_id), re.IGNORECASE))


def _size_input(graph: Graph, node_id: str, side: str) -> str | None:
    return next((name for name in _SIZE_NAMES[side] if name in inputs(graph, node_id)), None)


def _size_target(graph: Graph, node_id: str, side: str) -> Target | None:
    name = _size_input(graph, node_id, side)
    return None if name is None else _followed(graph, node_id, name, re.compile(rf"^(?:\w+_)?{side}$"))


def _followed(graph: Graph, node_id: str, name: str, wanted: re.Pattern[str]) -> Target | None:
    value = inputs(graph, node_id)[name]
    if is_link(value):
        return _number_source(graph, value[0], wanted)
    return Target(node_id, name) if _is_number(value) else None


def _number_source(graph: Graph, node_id: str, wanted: re.Pattern[str]) -> Target | None:
    """The literal number behind a link: an input named like what is wanted, a primitive's value, or further up."""
    seen = set[str]()
    while node_id in graph and node_id not in seen:
        seen.add(node_id)
        given = inputs(graph, node_id)
        numbers = [name for name, value in given.items() if _is_number(value)]
        named = [name for name in numbers if wanted.match(name.lower())]
        onward = [source for _, source in links(graph, node_id)]
        if named:
            return Target(node_id, named[0])
        if not onward:
            plain = [name for known in words.NUMBER_NAMES for name in numbers if name.lower() == known]
            return Target(node_id, plain[0]) if plain else None
        if len(onward) != 1 or numbers:
            return None  # computed from several things
        node_id = onward[0]
    return None


def _is_number(value: Any, *, whole: bool = False) -> bool:
    if isinstance(value, bool):
        return False
    if isinstance(value, str):
        return bool(_NUMBER_TEXT.match(value.strip()))
    return isinstance(value, int) or (isinstance(value, float) and (not whole or value.is_integer()))


def _literal(graph: Graph, target: Target) -> float:
    return float(inputs(graph, target.node_id)[target.input_name])


def _sorted(targets: Iterable[Target]) -> tuple[Target, ...]:
    return tuple(sorted(targets, key=lambda target: (_numerically(target.node_id), target.input_name)))


def _numerically(node_id: str) -> tuple[int, str]:
    return (int(node_id), "") if node_id.isascii() and node_id.isdigit() and len(node_id) < 10 else (10**9, node_id)
