"""Reading a graph: where each value of a run goes, from the owner's bindings, the placeholders, or the graph itself."""

from __future__ import annotations

from collections.abc import Mapping

from bot.workflows import vocabulary as words
from bot.workflows.bindings import Bindings, resolve_place
from bot.workflows.choosing import Choice, choose
from bot.workflows.files import find_reference_image, find_transcript, find_voice_sample
from bot.workflows.graph import Graph, Target, class_type, inputs, is_link, node_title
from bot.workflows.parameters import find_guidance, find_seeds, find_size, find_steps
from bot.workflows.placeholders import placeholder_uses, title_target
from bot.workflows.prompts import find_texts
from bot.workflows.roles import Role
from bot.workflows.values import Ambiguity, GraphReading, PlaceholderUse, Source
from bot.workflows.walking import find_outputs, possible_outputs, upstream


def read_graph(graph: Graph, bindings: Bindings | None = None) -> GraphReading:
    """Everything that can be known without a server; pure, and the same for the same content."""
    outputs, known = find_outputs(graph)
    reachable = upstream(graph, outputs)
    seeds = find_seeds(graph, reachable)
    found = _read(graph, outputs, reachable, tuple(seeds))
    if found[Role.POSITIVE] == Choice() and (others := possible_outputs(graph, reachable)):
        outputs = (*outputs, *others)
        reachable = upstream(graph, outputs)
        seeds = find_seeds(graph, reachable)
        found = _read(graph, outputs, reachable, tuple(seeds))
    placeholders = tuple(PlaceholderUse(*use[:4], use.path) for use in placeholder_uses(graph))
    marked = _marked(graph, placeholders, reachable)
    said = bindings or Bindings()
    targets: dict[Role, tuple[Target, ...]] = {}
    sources: dict[Role, Source] = {}
    ambiguities: list[Ambiguity] = []
    for role in Role:
        places = said.places(role)
        choice = found.get(role, Choice())
        if places is not None:
            targets[role], sources[role] = tuple(resolve_place(graph, place) for place in places), Source.BINDINGS
        elif role in marked:
            targets[role], sources[role] = marked[role], Source.PLACEHOLDER
        elif choice.targets:
            targets[role], sources[role] = choice.targets, Source.GRAPH
        elif choice.candidates:
            ambiguities.append(Ambiguity(role, choice.candidates))
    return GraphReading(
        targets=targets,
        sources=sources,
        placeholders=placeholders,
        ambiguities=tuple(ambiguities),
        outputs=outputs,
        output_known=known,
        reachable=reachable,
        seed_consumers=seeds,
    )


def _read(
    graph: Graph, outputs: tuple[str, ...], reachable: frozenset[str], seeds: tuple[Target, ...]
) -> Mapping[Role, Choice]:
    media = [node_id for node_id in outputs if not words.TEXT_OUTPUT_CLASS.search(class_type(graph, node_id))] or list(
        outputs
    )
    only_audio = all(words.AUDIO_OUTPUT_CLASS.search(class_type(graph, node_id)) for node_id in media)
    texts = choose(find_texts(graph, media), only_audio=only_audio)
    width, height = find_size(graph, reachable, texts.positive.targets)
    return {
        Role.POSITIVE: texts.positive,
        Role.NEGATIVE: texts.negative,
        Role.TEXT: texts.speech,
        Role.SEED: Choice(seeds),
        Role.WIDTH: Choice(width),
        Role.HEIGHT: Choice(height),
        Role.STEPS: Choice(find_steps(graph, reachable)),
        Role.CFG: Choice(find_guidance(graph, reachable)),
        Role.REFERENCE_IMAGE: find_reference_image(graph, reachable),
        Role.VOICE_SAMPLE: find_voice_sample(graph, reachable),
        Role.VOICE_TRANSCRIPT: Choice(find_transcript(graph, reachable)),
    }


def _marked(
    graph: Graph, placeholders: tuple[PlaceholderUse, ...], reachable: frozenset[str]
) -> dict[Role, tuple[Target, ...]]:
    """Targets with a placeholder that some output depends on, and those that a `$prompt.value!` title names."""
    found: dict[Role, list[Target]] = {}
    for use in placeholders:
        if use.target.node_id in reachable and "prefix" not in use.target.input_name:
            found.setdefault(use.role, []).append(use.target)
    for node_id in reachable:
        names = [name for name, value in inputs(graph, node_id).items() if not is_link(value)]
        named = title_target(node_title(graph, node_id), names)
        if named is not None:
            found.setdefault(named[0], []).append(Target(node_id, named[1]))
    return {role: tuple(dict.fromkeys(targets)) for role, targets in found.items()}
