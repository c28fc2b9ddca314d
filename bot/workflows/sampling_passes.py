"""Which samplers of a graph start a picture, and which ones only go on from it or help another one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from bot.workflows import name_patterns as patterns
from bot.workflows.graph import Graph, class_type, inputs, is_link, links, node_order

_DATA_LINK = re.compile(
    r"^(?:(?:input_|source_|original_|base_)?(?:images?|pixels|samples|latents?|latent_image|video|frames|audio|any"
    r"|anything|value|source|destination|input)_?\d*|image[a-z]|stage_c|filenames)$"
)
"""Inputs that take the picture that is being made, at whatever stage."""
_STEERS_CLASS = re.compile(r"control_?net|ip_?adapter|preprocess|clip_?vision|encode_?text|text_?encode", re.IGNORECASE)
"""Classes whose picture steers another one."""
_SETUP_LINK = re.compile(
    r"^(?:sigmas|guider|sampler|noise|steps|cfg|guidance|scheduler|denoise|positive|conditioning)$"
)
"""Inputs of a sampler behind which its own settings are."""
_PREVIEW_CLASS = re.compile(r"preview|show|display|compare", re.IGNORECASE)
_RESIZE_CLASS = re.compile(r"scale|resize|crop|fit", re.IGNORECASE)
_PICTURE_LINK = re.compile(r"^(?:images?|pixels)$")


def nodes_of_first_passes(graph: Graph, reachable: frozenset[str]) -> list[frozenset[str]]:
    """Return, for each sampler that starts a picture, its id and those of the nodes that hold its settings.

    Samplers that only make a preview count if there are no others.

    Args:
        graph: The workflow's graph.
        reachable: Ids of the nodes that an output node depends on.

    """
    used = {source for node_id in reachable for _, source in links(graph, node_id)}
    ends = sorted((node_id for node_id in reachable if node_id not in used), key=node_order)
    kept = [node_id for node_id in ends if not _PREVIEW_CLASS.search(class_type(graph, node_id))]
    first = _first_samplers(graph, kept) or _first_samplers(graph, ends)
    return [_with_setup(graph, node_id) for node_id in first]


def resized_start_pictures(graph: Graph, reachable: frozenset[str]) -> list[str]:
    """Return the ids of the nodes that bring the start picture, or its mask, to a size before it is encoded."""
    found: list[str] = []
    for node_id in sorted(reachable, key=node_order):
        pixels = inputs(graph, node_id).get("pixels")
        if not patterns.ENCODER_CLASS.search(class_type(graph, node_id)) or not is_link(pixels):
            continue
        seen = set[str]()
        here: str | None = pixels[0]
        while here is not None and here in graph and here not in seen:
            seen.add(here)
            given = inputs(graph, here)
            if _RESIZE_CLASS.search(class_type(graph, here)) and {"width", "height"} <= given.keys():
                found.append(here)
                break
            onward = [source for name, source in links(graph, here) if _PICTURE_LINK.match(name.lower())]
            here = onward[0] if len(onward) == 1 else None
    return list(dict.fromkeys(found))


def _first_samplers(graph: Graph, ends: Iterable[str]) -> list[str]:
    """The samplers on the way of the picture upstream from the ends, before which there is no other sampler."""
    waiting = list(ends)
    seen = set(waiting)
    passed: list[str] = []
    while waiting:
        node_id = waiting.pop()
        if _is_sampler(graph, node_id):
            passed.append(node_id)
        for source in _data_sources(graph, node_id):
            if source not in seen:
                seen.add(source)
                waiting.append(source)
    samplers = set(passed)
    after = _after_samplers(graph, seen, samplers)
    return sorted((node_id for node_id in passed if node_id not in after), key=node_order)


def _after_samplers(graph: Graph, nodes: Iterable[str], samplers: set[str]) -> set[str]:
    """Ids of the nodes that take the picture of a sampler, directly or through others."""
    consumers: dict[str, list[str]] = {}
    for node_id in nodes:
        for source in _data_sources(graph, node_id):
            consumers.setdefault(source, []).append(node_id)
    found = set[str]()
    waiting = list(samplers)
    while waiting:
        for consumer in consumers.get(waiting.pop(), ()):
            if consumer not in found:
                found.add(consumer)
                waiting.append(consumer)
    return found


def _data_sources(graph: Graph, node_id: str) -> Iterator[str]:
    if _STEERS_CLASS.search(class_type(graph, node_id)):
        return
    for name, source in links(graph, node_id):
        if _DATA_LINK.match(name.lower()):
            yield source


def _is_sampler(graph: Graph, node_id: str) -> bool:
    given = inputs(graph, node_id)
    if patterns.SECONDARY_CLASS.search(class_type(graph, node_id)):
        return False
    return any(is_link(given.get(name)) for name in ("guider", "positive", "text_embeds")) and any(
        patterns.LATENT_NAME.search(name.lower()) and is_link(value) for name, value in given.items()
    )


def _with_setup(graph: Graph, sampler: str) -> frozenset[str]:
    waiting, found = [sampler], {sampler}
    while waiting:
        for name, source in links(graph, waiting.pop()):
            if _SETUP_LINK.match(name.lower()) and source not in found:
                found.add(source)
                waiting.append(source)
    return frozenset(found)
