"""Searching a graph for the literal texts that could be its prompt, from the output nodes upstream.

The search follows links towards conditioning inputs (`positive`, `negative`, a guider's `conditioning`) and from there
to the text. Whether a text is positive or negative is decided by the name of the input that a link leaves through,
never by the slot of the output that it comes from: loaders and all-in-one samplers order their outputs as they like.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum, auto

from bot.workflows import name_patterns as patterns
from bot.workflows.graph import Graph, NodeInput, class_type, inputs, is_link, links, node_title
from bot.workflows.switches import true_or_false_branches
from bot.workflows.text_inputs import TextInput, text_inputs

_MAX_NAMES = 6
_JOINING_CLASS = re.compile(r"control_?net|stable_?cascade", re.IGNORECASE)
_JOINING_LINK = re.compile(r"image|pixels|latent|samples|stage")
_SOUND_CLASS = re.compile(r"audio|sound|foley|music", re.IGNORECASE)


class Polarity(Enum):
    """What the links followed so far say about the text that will be found behind them."""

    UNDECIDED = auto()
    """Nothing: the search is on its way from an output node to a sampler."""
    POSITIVE = auto()
    IMPLIED_POSITIVE = auto()
    """A conditioning input that names no polarity (a guider's only one); a `negative` may still branch off upstream."""
    NEGATIVE = auto()
    UNCONDITIONED = auto()
    """A text of a node that no conditioning input led to (TTS and API nodes)."""


@dataclass(frozen=True, slots=True)
class TextCandidate:
    """A literal text that an output node depends on."""

    node_input: NodeInput
    text: str
    polarity: Polarity
    """POSITIVE, NEGATIVE or UNCONDITIONED."""
    names: tuple[str, ...]
    """Input name and node title (or "" if it has none) of each node on the last links to it, nearest first."""
    joined: bool
    """Whether its node joins it with other texts."""
    spoken: bool = False
    """Whether a TTS node takes it."""
    of_sound: bool = False
    """Whether its node makes sound."""
    typed_into_encoder: bool = False
    """Whether it stands in the text encoder itself and not in a text node of its own."""


@dataclass(frozen=True, slots=True)
class _Visit:
    """A node that the search has to look at, and what is known on the way to it."""

    node_id: str
    polarity: Polarity
    names: tuple[str, ...] = ()
    spoken: bool = False


def find_texts(graph: Graph, output_nodes: Iterable[str]) -> list[TextCandidate]:
    """Return every literal text that could be a prompt, in the order in which the search meets them.

    Args:
        graph: The workflow's graph; cycles in it end.
        output_nodes: Ids of the output nodes to start from.

    """
    waiting = [_Visit(node_id, Polarity.UNDECIDED) for node_id in output_nodes]
    sampled = _depending_on_samplers(graph)
    seen = set[tuple[str, Polarity, bool]]()
    found: dict[tuple[NodeInput, Polarity], TextCandidate] = {}
    while waiting:
        visit = waiting.pop()
        key = (visit.node_id, visit.polarity, visit.spoken)
        if key in seen:
            continue
        seen.add(key)
        for item in (*_look_at(graph, visit), *_earlier_passes(graph, visit, sampled)):
            if isinstance(item, TextCandidate):
                found.setdefault((item.node_input, item.polarity), item)
            else:
                waiting.append(item)
    return list(found.values())


def _depending_on_samplers(graph: Graph) -> frozenset[str]:
    """Ids of the nodes with prompts of both polarities (samplers), and of those that depend on one."""
    consumers: dict[str, list[str]] = {}
    for node_id in graph:
        for _, source in links(graph, node_id):
            consumers.setdefault(source, []).append(node_id)
    waiting = [
        node_id
        for node_id in graph
        if is_link(inputs(graph, node_id).get("positive")) and is_link(inputs(graph, node_id).get("model"))
    ]
    found = set(waiting)
    while waiting:
        for consumer in consumers.get(waiting.pop(), ()):
            if consumer not in found:
                found.add(consumer)
                waiting.append(consumer)
    return frozenset(found)


def _earlier_passes(graph: Graph, visit: _Visit, sampled: frozenset[str]) -> Iterator[_Visit]:
    """A sampler whose picture or latent steers this one: a ControlNet's image, Stable Cascade's first stage."""
    if visit.polarity is Polarity.UNDECIDED or not _JOINING_CLASS.search(class_type(graph, visit.node_id)):
        return
    for name, source in links(graph, visit.node_id):
        if source in sampled and _JOINING_LINK.search(name.lower()):
            yield _Visit(source, Polarity.UNDECIDED)


def _look_at(graph: Graph, visit: _Visit) -> Iterator[TextCandidate | _Visit]:
    node_class = class_type(graph, visit.node_id)
    if patterns.COMPUTED_TEXT_CLASS.search(node_class):
        return
    if visit.polarity is Polarity.NEGATIVE and node_class in patterns.ZEROING_CLASSES:
        return
    if visit.polarity is Polarity.UNDECIDED:
        yield from _look_for_conditioning(graph, visit, node_class)
    elif visit.polarity is Polarity.UNCONDITIONED and patterns.NO_PROMPT_CLASS.search(node_class):
        return
    elif not _describes_picture(graph, visit.node_id, node_class):
        yield from _look_for_text(graph, visit)


def _look_for_conditioning(graph: Graph, visit: _Visit, node_class: str) -> Iterator[TextCandidate | _Visit]:
    """Follow every link; inputs that name a polarity or take conditioning decide it. Texts of the node itself count."""
    spoken = bool(patterns.SPEECH_CLASS.search(node_class))
    saves = bool(patterns.OUTPUT_CLASS.search(node_class))  # its texts are metadata of the saved file
    for name, value in inputs(graph, visit.node_id).items():
        polarity = _polarity_named(name)
        if polarity is not None and not saves and _is_prompt_text(name, value):
            yield _candidate(graph, visit, TextInput(name, joined=False), polarity)
        elif is_link(value) and value[0] in graph:
            implied = patterns.CONDITIONING_NAME.search(name.lower())
            further = polarity or (Polarity.IMPLIED_POSITIVE if implied else Polarity.UNDECIDED)
            yield _Visit(value[0], further, _names(graph, visit, name))
    if patterns.NO_PROMPT_CLASS.search(node_class) and not spoken:
        return
    own = _Visit(visit.node_id, Polarity.UNCONDITIONED, visit.names, spoken)
    named = [text for text in text_inputs(graph, visit.node_id) if patterns.FREE_TEXT_NAME.search(text.name.lower())]
    yield from _follow(graph, own, [text for text in named if not _polarity_named(text.name)])


def _look_for_text(graph: Graph, visit: _Visit) -> Iterator[TextCandidate | _Visit]:
    """The polarity is decided: inputs that name it go first, then conditioning inputs, then the node's text inputs."""
    node_id = visit.node_id
    decided = _without_implied(visit.polarity)
    named = [name for name in inputs(graph, node_id) if _polarity_named(name) and _may_be_text(graph, node_id, name)]
    if visit.polarity is Polarity.IMPLIED_POSITIVE:
        negative = [name for name in named if _polarity_named(name) is Polarity.NEGATIVE]
        yield from _follow(graph, _Visit(node_id, Polarity.NEGATIVE, visit.names), _unjoined(negative))
    if same := [name for name in named if _polarity_named(name) is decided]:
        yield from _follow(graph, _Visit(node_id, decided, visit.names, visit.spoken), _unjoined(same))
        return
    if branches := true_or_false_branches(graph, node_id):
        yield from _follow(graph, visit, _unjoined(branches))
        return
    text_links = _text_links(graph, node_id)
    if conditioning := [name for name in text_links if patterns.CONDITIONING_NAME.search(name.lower())]:
        yield from _follow(graph, visit, _unjoined(conditioning))
        return
    texts = [text for text in text_inputs(graph, node_id) if not _polarity_named(text.name)]
    yield from _follow(graph, visit, texts or _unjoined(name for name in text_links if not _polarity_named(name)))


def _follow(graph: Graph, visit: _Visit, texts: Iterable[TextInput]) -> Iterator[TextCandidate | _Visit]:
    """Yield a candidate for each literal text, a further visit for each link."""
    for text in texts:
        value = inputs(graph, visit.node_id)[text.name]
        if isinstance(value, str) or value is None:
            yield _candidate(graph, visit, text, visit.polarity)
        elif is_link(value) and value[0] in graph:
            yield _Visit(value[0], visit.polarity, _names(graph, visit, text.name), visit.spoken)


def _unjoined(names: Iterable[str]) -> list[TextInput]:
    return [TextInput(name, joined=False) for name in names]


def _candidate(graph: Graph, visit: _Visit, text: TextInput, polarity: Polarity) -> TextCandidate:
    return TextCandidate(
        node_input=NodeInput(visit.node_id, text.name),
        text=inputs(graph, visit.node_id)[text.name] or "",
        polarity=_without_implied(polarity),
        names=_names(graph, visit, text.name),
        joined=text.joined,
        spoken=visit.spoken,
        of_sound=bool(_SOUND_CLASS.search(class_type(graph, visit.node_id))),
        typed_into_encoder=bool(patterns.ENCODER_CLASS.search(class_type(graph, visit.node_id))),
    )


def _names(graph: Graph, visit: _Visit, input_name: str) -> tuple[str, ...]:
    title = node_title(graph, visit.node_id)
    own_title = "" if title == class_type(graph, visit.node_id) else title
    return (input_name, own_title, *visit.names)[:_MAX_NAMES]


def _polarity_named(input_name: str) -> Polarity | None:
    lower = input_name.lower()
    if patterns.NEGATIVE_NAME.search(lower):
        return Polarity.NEGATIVE
    return Polarity.POSITIVE if patterns.POSITIVE_NAME.search(lower) else None


def _without_implied(polarity: Polarity) -> Polarity:
    return Polarity.POSITIVE if polarity is Polarity.IMPLIED_POSITIVE else polarity


def _is_prompt_text(name: str, value: object) -> bool:
    """`text_negative` holds a prompt; `use_negative: "True"` and `negative_type: "none"` do not."""
    if value is None:
        return "prompt" in name.lower() or "text" in name.lower()
    return (
        isinstance(value, str)
        and value not in {"True", "False"}
        and not patterns.NOT_A_PROMPT_NAME.search(name.lower())
    )


def _may_be_text(graph: Graph, node_id: str, name: str) -> bool:
    value = inputs(graph, node_id)[name]
    return _is_prompt_text(name, value) or (is_link(value) and value[0] in graph)


def _text_links(graph: Graph, node_id: str) -> list[str]:
    return [
        name
        for name, value in inputs(graph, node_id).items()
        if is_link(value) and value[0] in graph and not patterns.NOT_TEXT_LINK.match(name.lower())
    ]


def _describes_picture(graph: Graph, node_id: str, node_class: str) -> bool:
    """Whether the node is a language model with a picture as input: its text is computed from the picture."""
    if not patterns.LANGUAGE_MODEL_CLASS.search(node_class) or patterns.ENCODER_CLASS.search(node_class):
        return False
    return any("image" in name.lower() and is_link(value) for name, value in inputs(graph, node_id).items())
