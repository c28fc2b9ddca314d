"""Finding the inputs that take uploaded files: the input picture and the voice sample, and the sample's transcript."""

from __future__ import annotations

import re
from collections.abc import Iterable

from bot.workflows import name_patterns as patterns
from bot.workflows.graph import Graph, NodeInput, class_type, inputs, is_link, links, node_title
from bot.workflows.linked_inputs import LinkedInputs
from bot.workflows.text_selection import InputSelection

_MASK_SLOT = 1
"""LoadImage has the picture on output slot 0 and its mask on slot 1."""
_TITLE_OF_INPUT = re.compile(r"\b(?:input|source|init|start|reference|first)\b", re.IGNORECASE)


def find_reference_image(graph: Graph, reachable: frozenset[str]) -> InputSelection:
    """Select the picture loader that an output node depends on, or all loaders of the same file.

    A loader of which only the mask is used does not count.
    """
    used = {
        value[0]
        for node_id in reachable
        for name, value in inputs(graph, node_id).items()
        if is_link(value) and (value[1] != _MASK_SLOT or "mask" not in name.lower())
    }
    loaders = _loaders(graph, reachable & used, patterns.IMAGE_LOADER, patterns.IMAGE_LOADER_INPUTS)
    return _select_one_file(graph, loaders)


def find_voice_sample(graph: Graph, reachable: frozenset[str]) -> InputSelection:
    """Select the sound loader that an output node depends on, or all loaders of the same file."""
    return _select_one_file(graph, _loaders(graph, reachable, patterns.AUDIO_LOADER, patterns.AUDIO_LOADER_INPUTS))


def find_transcript(graph: Graph, reachable: frozenset[str]) -> tuple[NodeInput, ...]:
    """Return the inputs for the words of the voice sample (`reference_text`, `sample_text`), behind links too."""
    found: list[NodeInput] = []
    texts = LinkedInputs(graph, lambda node_id: _look_for_text(graph, node_id))
    for node_id in sorted(reachable):
        for name, value in inputs(graph, node_id).items():
            if not patterns.TRANSCRIPT_NAME.match(name.lower()):
                continue
            if isinstance(value, str):
                found.append(NodeInput(node_id, name))
            elif is_link(value) and (source := texts.behind(value[0])):
                found.append(source)
    return tuple(dict.fromkeys(found))


def _loaders(
    graph: Graph, nodes: Iterable[str], class_pattern: re.Pattern[str], names: tuple[str, ...]
) -> list[NodeInput]:
    found: list[NodeInput] = []
    for node_id in sorted(nodes):
        if not class_pattern.match(class_type(graph, node_id)):
            continue
        given = inputs(graph, node_id)
        name = next((name for name in names if isinstance(given.get(name), str)), None)
        if name is not None:
            found.append(NodeInput(node_id, name))
    return found


def _select_one_file(graph: Graph, loaders: list[NodeInput]) -> InputSelection:
    """All loaders if they load the same file, else the only one whose title names it as the input."""
    files = {str(inputs(graph, loader.node_id)[loader.input_name]) for loader in loaders}
    if len(files) <= 1:
        return InputSelection(selected=tuple(loaders))
    titled = [loader for loader in loaders if _TITLE_OF_INPUT.search(node_title(graph, loader.node_id))]
    return InputSelection(selected=tuple(titled)) if len(titled) == 1 else InputSelection(candidates=tuple(loaders))


def _look_for_text(graph: Graph, node_id: str) -> tuple[NodeInput | None, str | None]:
    """The literal text at a node, or else the node whose text it passes on; neither where several links lead on."""
    given = inputs(graph, node_id)
    texts = [name for name in patterns.TEXT_NAMES if isinstance(given.get(name), str)]
    if texts:
        return NodeInput(node_id, texts[0]), None
    onward = [source for _, source in links(graph, node_id)]
    return None, onward[0] if len(onward) == 1 else None
