"""Where the person's words go: from the outputs upstream, along `positive` and `negative`, to the literal texts.

Polarity is carried by the *name* of the input a link leaves through, never by the output slot it arrives at: loaders
and all-in-one samplers put their outputs in any order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum, auto

from bot.workflows import vocabulary as words
from bot.workflows.graph import Graph, Target, class_type, inputs, is_link, node_title
from bot.workflows.nodes import TextPart, text_parts


class Way(Enum):
    """What the walk knows about the text it will find."""

    OPEN = auto()
    """Nothing yet: on the way from an output to a sampler."""
    POSITIVE = auto()
    IMPLIED = auto()
    """Positive because nothing says otherwise (a guider's only conditioning); a `negative` may still branch off."""
    NEGATIVE = auto()
    PLAIN = auto()
    """A text that no sampler asked for (TTS, API nodes)."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """A literal text that reaches an output."""

    target: Target
    text: str
    way: Way
    names: tuple[str, ...]
    """Titles and input names on the last links down to it, nearest first: they may say what it is."""
    joined: bool
    """It is one part of a join, typed into the join itself."""
    spoken: bool = False
    """It is asked for by a TTS node."""
    typed_into_encoder: bool = False
    """It stands in the encoder itself, not in a text node of its own."""


@dataclass(frozen=True, slots=True)
class _Step:
    node_id: str
    way: Way
    names: tuple[str, ...] = ()
    spoken: bool = False


def find_texts(graph: Graph, outputs: Iterable[str]) -> list[Leaf]:
    """Every literal text that could be a prompt, in the order the walk meets them."""
    waiting = [_Step(node_id, Way.OPEN) for node_id in outputs]
    seen = set[tuple[str, Way, bool]]()
    found: dict[tuple[Target, Way], Leaf] = {}
    while waiting:
        step = waiting.pop()
        key = (step.node_id, step.way, step.spoken)
        if key in seen:
            continue
        seen.add(key)
        for item in _look(graph, step):
            if isinstance(item, Leaf):
                found.setdefault((item.target, item.way), item)
            else:
                waiting.append(item)
    return list(found.values())


def _look(graph: Graph, step: _Step) -> Iterator[Leaf | _Step]:
    node_class = class_type(graph, step.node_id)
    if words.COMPUTED_TEXT_CLASS.search(node_class):
        return
    if step.way is Way.NEGATIVE and node_class in words.VOID_CLASS:
        return
    if step.way is Way.OPEN:
        yield from _look_open(graph, step, node_class)
    elif step.way is Way.PLAIN and words.NO_PROMPT_CLASS.search(node_class):
        return
    elif not _sees_a_picture(graph, step.node_id, node_class):
        yield from _look_for_text(graph, step)


def _look_open(graph: Graph, step: _Step, node_class: str) -> Iterator[Leaf | _Step]:
    """Not on any prompt's way yet: polarity and conditioning inputs start one; plain texts are noted."""
    spoken = bool(words.SPEECH_CLASS.search(node_class))
    saves = bool(words.OUTPUT_CLASS.search(node_class))  # what it holds as text is metadata
    for name, value in inputs(graph, step.node_id).items():
        polarity = _polarity(name)
        if polarity is not None and not saves and _is_prompt_text(name, value):
            yield _leaf(graph, step, TextPart(name, joined=False), polarity)
        elif is_link(value) and value[0] in graph:
            way = polarity or (Way.IMPLIED if words.CONDITIONING_NAME.search(name.lower()) else Way.OPEN)
            yield _Step(value[0], way, _names(graph, step, name))
    if words.NO_PROMPT_CLASS.search(node_class) and not spoken:
        return
    plain = _Step(step.node_id, Way.PLAIN, step.names, spoken)
    named = [part for part in text_parts(graph, step.node_id) if words.OPEN_TEXT_NAME.search(part.name.lower())]
    yield from _text_steps(graph, plain, [part for part in named if not _polarity(part.name)])


def _look_for_text(graph: Graph, step: _Step) -> Iterator[Leaf | _Step]:
    named = [
        name for name in inputs(graph, step.node_id) if _polarity(name) and _may_be_text(graph, step.node_id, name)
    ]
    same = [name for name in named if _polarity(name) is _strict(step.way)]
    if step.way is Way.IMPLIED:
        for name in named:
            if _polarity(name) is Way.NEGATIVE:
                yield from _text_steps(
                    graph, _Step(step.node_id, Way.NEGATIVE, step.names), [TextPart(name, joined=False)]
                )
    if same:
        strict = _Step(step.node_id, _strict(step.way), step.names, step.spoken)
        yield from _text_steps(graph, strict, [TextPart(name, joined=False) for name in same])
        return
    carriers = [name for name in _text_links(graph, step.node_id) if words.CONDITIONING_NAME.search(name.lower())]
    if carriers:
        yield from _text_steps(graph, step, [TextPart(name, joined=False) for name in carriers])
        return
    parts = [part for part in text_parts(graph, step.node_id) if not _polarity(part.name)]
    yield from _text_steps(graph, step, parts)
    if not parts:
        rest = [name for name in _text_links(graph, step.node_id) if not _polarity(name)]
        yield from _text_steps(graph, step, [TextPart(name, joined=False) for name in rest])


def _text_steps(graph: Graph, step: _Step, parts: Iterable[TextPart]) -> Iterator[Leaf | _Step]:
    """A leaf for each literal, a step for each link."""
    for part in parts:
        value = inputs(graph, step.node_id)[part.name]
        if isinstance(value, str):
            yield _leaf(graph, step, part, step.way)
        elif is_link(value) and value[0] in graph:
            yield _Step(value[0], step.way, _names(graph, step, part.name), step.spoken)


def _leaf(graph: Graph, step: _Step, part: TextPart, way: Way) -> Leaf:
    text = inputs(graph, step.node_id)[part.name]
    names = _names(graph, step, part.name)
    encoder = bool(words.ENCODER_CLASS.search(class_type(graph, step.node_id)))
    return Leaf(Target(step.node_id, part.name), text, _strict(way), names, part.joined, step.spoken, encoder)


def _names(graph: Graph, step: _Step, input_name: str) -> tuple[str, ...]:
    title = node_title(graph, step.node_id)
    own = "" if title == class_type(graph, step.node_id) else title
    return (input_name, own, *step.names)[:6]


def _polarity(name: str) -> Way | None:
    lower = name.lower()
    if words.NEGATIVE_NAME.search(lower):
        return Way.NEGATIVE
    return Way.POSITIVE if words.POSITIVE_NAME.search(lower) else None


def _strict(way: Way) -> Way:
    return Way.POSITIVE if way is Way.IMPLIED else way


def _is_prompt_text(name: str, value: object) -> bool:
    """`text_negative` holds a prompt; `use_negative: "True"` and `negative_type: "none"` do not."""
    return isinstance(value, str) and value not in {"True", "False"} and not words.NOT_A_PROMPT.search(name.lower())


def _may_be_text(graph: Graph, node_id: str, name: str) -> bool:
    value = inputs(graph, node_id)[name]
    return _is_prompt_text(name, value) or (is_link(value) and value[0] in graph)


def _text_links(graph: Graph, node_id: str) -> list[str]:
    return [
        name
        for name, value in inputs(graph, node_id).items()
        if is_link(value) and value[0] in graph and not words.NOT_TEXT_LINK.match(name.lower())
    ]


def _sees_a_picture(graph: Graph, node_id: str, node_class: str) -> bool:
    """A language model that is shown a picture describes it: its text is computed."""
    if not words.LANGUAGE_MODEL_CLASS.search(node_class) or words.ENCODER_CLASS.search(node_class):
        return False
    return any("image" in name.lower() and is_link(value) for name, value in inputs(graph, node_id).items())
