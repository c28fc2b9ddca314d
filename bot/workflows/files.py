"""Files that go in: the picture to start from, the voice to clone and what is said in it."""

from __future__ import annotations

import re
from collections.abc import Iterable

from bot.workflows import vocabulary as words
from bot.workflows.choosing import Choice
from bot.workflows.graph import Graph, Target, class_type, inputs, is_link, links, node_title

_MASK_SLOT = 1
"""LoadImage gives the picture on slot 0 and its mask on slot 1."""
_SAYS_INPUT = re.compile(r"\b(?:input|source|init|start|reference|first)\b", re.IGNORECASE)


def find_reference_image(graph: Graph, reachable: frozenset[str]) -> Choice:
    """Loaders whose picture (not only its mask) reaches an output: one, or all that load the same file."""
    used = {
        value[0]
        for node_id in reachable
        for name, value in inputs(graph, node_id).items()
        if is_link(value) and (value[1] != _MASK_SLOT or "mask" not in name.lower())
    }
    found = _loaders(
        graph, (node_id for node_id in reachable if node_id in used), words.IMAGE_LOADER, words.IMAGE_LOADER_INPUTS
    )
    return _one_file(graph, found)


def find_voice_sample(graph: Graph, reachable: frozenset[str]) -> Choice:
    """Loaders of sound that reach an output: one, or all that load the same file."""
    return _one_file(graph, _loaders(graph, reachable, words.AUDIO_LOADER, words.AUDIO_LOADER_INPUTS))


def find_transcript(graph: Graph, reachable: frozenset[str]) -> tuple[Target, ...]:
    """Inputs that say what is spoken in the voice sample (`reference_text`, `sample_text`), through links too."""
    found: list[Target] = []
    for node_id in sorted(reachable):
        for name, value in inputs(graph, node_id).items():
            if not words.TRANSCRIPT_NAME.match(name.lower()):
                continue
            if isinstance(value, str):
                found.append(Target(node_id, name))
            elif is_link(value) and (source := _text_source(graph, value[0])):
                found.append(source)
    return tuple(dict.fromkeys(found))


def _loaders(graph: Graph, nodes: Iterable[str], of_class: re.Pattern[str], names: tuple[str, ...]) -> list[Target]:
    found: list[Target] = []
    for node_id in sorted(nodes):
        if not of_class.match(class_type(graph, node_id)):
            continue
        given = inputs(graph, node_id)
        name = next((name for name in names if isinstance(given.get(name), str)), None)
        if name is not None:
            found.append(Target(node_id, name))
    return found


def _one_file(graph: Graph, found: list[Target]) -> Choice:
    files = {str(inputs(graph, target.node_id)[target.input_name]) for target in found}
    if len(files) <= 1:
        return Choice(targets=tuple(found))
    called = [target for target in found if _SAYS_INPUT.search(node_title(graph, target.node_id))]
    return Choice(targets=tuple(called)) if len(called) == 1 else Choice(candidates=tuple(found))


def _text_source(graph: Graph, node_id: str) -> Target | None:
    """The literal behind a text link: a primitive's only text."""
    seen = set[str]()
    while node_id in graph and node_id not in seen:
        seen.add(node_id)
        given = inputs(graph, node_id)
        texts = [name for name in words.TEXT_ORDER if isinstance(given.get(name), str)]
        if texts:
            return Target(node_id, texts[0])
        onward = [source for _, source in links(graph, node_id)]
        if len(onward) != 1:
            return None
        node_id = onward[0]
    return None
