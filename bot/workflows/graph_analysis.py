"""Analysing a graph: which node inputs take which value of a run.

For each role, the inputs that the owner named in the bindings file go first, then those that hold a placeholder, then
those that the graph itself shows: texts, seeds, sizes and loaders that an output node depends on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from bot.workflows import name_patterns as patterns
from bot.workflows.bindings import Bindings, resolve_node_input
from bot.workflows.graph import Graph, NodeInput, class_type, inputs, is_link, node_title, upstream
from bot.workflows.input_roles import InputRole
from bot.workflows.media_inputs import MediaInput, find_media, find_transcript, find_voice_sample, primary_picture
from bot.workflows.media_roles import MediaRole
from bot.workflows.number_inputs import find_guidance, find_seeds, find_size, find_steps
from bot.workflows.output_nodes import find_output_nodes, possible_output_nodes
from bot.workflows.placeholders import PlaceholderUse, input_named_by_title, placeholder_uses
from bot.workflows.text_search import find_texts
from bot.workflows.text_selection import InputSelection, select_texts


class InputSource(StrEnum):
    """How the inputs of a role were found."""

    BINDINGS = "bindings file"
    PLACEHOLDER = "placeholder"
    GRAPH = "reading the graph"


@dataclass(frozen=True, slots=True)
class Ambiguity:
    """Several different inputs could be meant for one role; only the owner can choose, in the bindings file."""

    role: InputRole
    candidates: tuple[NodeInput, ...]


@dataclass(frozen=True, slots=True)
class GraphAnalysis:
    """Which inputs of a graph take which value, and which nodes are used."""

    inputs: Mapping[InputRole, tuple[NodeInput, ...]]
    """The inputs to write, by role. One with a placeholder inside of a longer text is filled, not replaced."""
    sources: Mapping[InputRole, InputSource]
    placeholders: tuple[PlaceholderUse, ...]
    ambiguities: tuple[Ambiguity, ...]
    output_nodes: tuple[str, ...]
    """Ids of the output nodes; where no class is known as one, the ends of the graph."""
    output_classes_known: bool
    """False: `output_nodes` are only the ends of the graph, and `/object_info` must tell whether they save anything."""
    reachable_nodes: frozenset[str]
    """Ids of the nodes that an output node depends on; ComfyUI runs no others."""
    seed_consumers: Mapping[NodeInput, tuple[NodeInput, ...]] = field(
        default_factory=dict[NodeInput, tuple[NodeInput, ...]]
    )
    """Input that holds a seed -> the seed inputs that take it through links; each of them bounds it."""
    media: tuple[MediaInput, ...] = ()
    """The files that the graph loads, in the order in which pictures fill them."""

    def inputs_for(self, role: InputRole) -> tuple[NodeInput, ...]:
        """Return the inputs that a role's value is written into; empty where there is none or an ambiguity."""
        return self.inputs.get(role, ())

    def ambiguity(self, role: InputRole) -> Ambiguity | None:
        """Return the ambiguity of a role, or None."""
        return next((found for found in self.ambiguities if found.role == role), None)

    def has_placeholder(self, role: InputRole) -> bool:
        """Whether some input of the graph, reachable or not, holds a placeholder for the role."""
        return any(use.role is role for use in self.placeholders)

    def takes(self, role: InputRole) -> bool:
        """Whether a value of the role can be written: there is an input for it or a placeholder, and no ambiguity."""
        return bool(self.inputs_for(role)) or self.has_placeholder(role)


def analyze_graph(graph: Graph, bindings: Bindings | None = None) -> GraphAnalysis:
    """Return everything that can be known about a graph without a server.

    Pure: the same graph and bindings give the same analysis.

    Raises:
        BindingsInvalid: The bindings name an input that the graph does not have.
        NotAGraph: The graph has too many placeholders.

    """
    output_nodes, known = find_output_nodes(graph)
    found, reachable, seeds = _find_inputs(graph, output_nodes)
    if found[InputRole.POSITIVE] == InputSelection() and (others := possible_output_nodes(graph, reachable)):
        output_nodes = (*output_nodes, *others)
        found, reachable, seeds = _find_inputs(graph, output_nodes)
    placeholders = placeholder_uses(graph)
    bindings = bindings or Bindings()
    media = find_media(graph, reachable, _chosen_media(graph, bindings))
    found[InputRole.REFERENCE_IMAGE] = primary_picture(media)
    inputs_by_source = _inputs_by_source(graph, bindings, placeholders, reachable, found)
    return GraphAnalysis(
        inputs={role: chosen for role, (chosen, _) in inputs_by_source.items()},
        sources={role: source for role, (_, source) in inputs_by_source.items()},
        placeholders=placeholders,
        ambiguities=tuple(
            Ambiguity(role, found[role].candidates)
            for role in InputRole
            if role in found and role not in inputs_by_source and found[role].candidates
        ),
        output_nodes=output_nodes,
        output_classes_known=known,
        reachable_nodes=reachable,
        seed_consumers=seeds,
        media=media,
    )


def _chosen_media(graph: Graph, bindings: Bindings) -> dict[MediaRole, tuple[NodeInput, ...]]:
    return {role: tuple(resolve_node_input(graph, name) for name in names) for role, names in bindings.media.items()}


def _inputs_by_source(
    graph: Graph,
    bindings: Bindings,
    placeholders: tuple[PlaceholderUse, ...],
    reachable: frozenset[str],
    found: Mapping[InputRole, InputSelection],
) -> dict[InputRole, tuple[tuple[NodeInput, ...], InputSource]]:
    with_placeholder = _inputs_with_placeholder(graph, placeholders, reachable)
    chosen: dict[InputRole, tuple[tuple[NodeInput, ...], InputSource]] = {}
    for role in InputRole:
        names = bindings.input_names(role)
        if names is not None:
            chosen[role] = tuple(resolve_node_input(graph, name) for name in names), InputSource.BINDINGS
        elif role in with_placeholder:
            chosen[role] = with_placeholder[role], InputSource.PLACEHOLDER
        elif role in found and found[role].selected:
            chosen[role] = found[role].selected, InputSource.GRAPH
    return chosen


def _find_inputs(
    graph: Graph, output_nodes: tuple[str, ...]
) -> tuple[dict[InputRole, InputSelection], frozenset[str], dict[NodeInput, tuple[NodeInput, ...]]]:
    """What the graph itself shows: the inputs by role, the ids of the reachable nodes, and the seeds' consumers."""
    reachable = upstream(graph, output_nodes)
    seeds = find_seeds(graph, reachable)
    media = [node_id for node_id in output_nodes if not patterns.TEXT_OUTPUT_CLASS.search(class_type(graph, node_id))]
    media = media or list(output_nodes)
    only_audio = all(patterns.AUDIO_OUTPUT_CLASS.search(class_type(graph, node_id)) for node_id in media)
    texts = select_texts(find_texts(graph, media), only_audio=only_audio)
    width, height = find_size(graph, reachable, texts.positive.selected)
    found = {
        InputRole.POSITIVE: texts.positive,
        InputRole.NEGATIVE: texts.negative,
        InputRole.TEXT: texts.speech,
        InputRole.SEED: InputSelection(tuple(seeds)),
        InputRole.WIDTH: InputSelection(width),
        InputRole.HEIGHT: InputSelection(height),
        InputRole.STEPS: InputSelection(find_steps(graph, reachable)),
        InputRole.CFG: InputSelection(find_guidance(graph, reachable)),
        InputRole.VOICE_SAMPLE: find_voice_sample(graph, reachable),
        InputRole.VOICE_TRANSCRIPT: InputSelection(find_transcript(graph, reachable)),
    }
    return found, reachable, seeds


def _inputs_with_placeholder(
    graph: Graph, placeholders: tuple[PlaceholderUse, ...], reachable: frozenset[str]
) -> dict[InputRole, tuple[NodeInput, ...]]:
    """The inputs of reachable nodes that hold a placeholder, and those that a title such as `$prompt.value!` names."""
    found: dict[InputRole, list[NodeInput]] = {}
    for use in placeholders:
        if use.node_input.node_id in reachable and "prefix" not in use.node_input.input_name:
            found.setdefault(use.role, []).append(use.node_input)
    for node_id in reachable:
        literals = [name for name, value in inputs(graph, node_id).items() if not is_link(value)]
        named = input_named_by_title(node_title(graph, node_id), literals)
        if named is not None:
            found.setdefault(named[0], []).append(NodeInput(node_id, named[1]))
    return {role: tuple(dict.fromkeys(node_inputs)) for role, node_inputs in found.items()}
