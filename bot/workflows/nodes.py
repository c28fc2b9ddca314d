"""Which inputs of one node hold the text, judged by their names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.workflows import vocabulary as words
from bot.workflows.graph import Graph, class_type, inputs, is_link


@dataclass(frozen=True, slots=True)
class TextPart:
    """An input that holds (a part of) the text."""

    name: str
    joined: bool
    """One of several parts that the node puts together."""


def text_parts(graph: Graph, node_id: str) -> list[TextPart]:
    """The inputs of a node through which its text comes: one, all of a dual encoder, or the parts of a join."""
    node_class = class_type(graph, node_id)
    given = {name: value for name, value in inputs(graph, node_id).items() if _is_text(graph, name, value)}
    if not given:
        return []
    lower = {name.lower(): name for name in given}
    if "lyrics" in inputs(graph, node_id) and "tags" in lower:
        return [TextPart(lower["tags"], joined=False)]
    together = words.WILDCARD_PAIR if "wildcard_text" in lower else words.DUAL_ENCODER
    if found := [name for key, name in lower.items() if key in together]:
        return [TextPart(name, joined=False) for name in found]
    if "find" in inputs(graph, node_id) and "replace" in inputs(graph, node_id):
        return _replacement(graph, node_id, given)
    if words.DISPLAY_CLASS.search(node_class) and (linked := [name for name, value in given.items() if is_link(value)]):
        return [TextPart(name, joined=False) for name in linked]
    joined = _join(node_class, given)
    return [TextPart(name, joined=True) for name in joined] or _first(lower) or _by_part_of_name(given)


def _first(by_lower_name: Mapping[str, str]) -> list[TextPart]:
    return [TextPart(by_lower_name[name], joined=False) for name in words.TEXT_ORDER if name in by_lower_name][:1]


def _is_text(graph: Graph, name: str, value: Any) -> bool:
    lower = name.lower()
    if words.TRANSCRIPT_NAME.match(lower):
        return False
    if isinstance(value, str):
        return lower in words.TEXT_ORDER or lower in words.DUAL_ENCODER or not words.NOT_A_PROMPT.search(lower)
    return (
        is_link(value)
        and value[0] in graph
        and not words.NOT_TEXT_LINK.match(lower)
        and not words.CONDITIONING_NAME.search(lower)
    )


def _replacement(graph: Graph, node_id: str, given: Mapping[str, Any]) -> list[TextPart]:
    """Search and replace: a template whose gap is filled, or a prompt that is cleaned up."""
    values = inputs(graph, node_id)
    template = next((name for name in ("string", "text", "prompt") if name in values), None)
    if template is None:
        return _by_part_of_name(given)
    find, text = values["find"], values[template]
    fills_a_gap = isinstance(find, str) and isinstance(text, str) and bool(find.strip()) and find in text
    return [TextPart("replace" if fills_a_gap else template, joined=False)]


def _join(node_class: str, given: Mapping[str, Any]) -> list[str]:
    numbered = [name for name in given if words.NUMBERED_TEXT.match(name.lower())]
    if len(numbered) >= 2 or (numbered and words.JOIN_CLASS.search(node_class)):
        return numbered
    if words.JOIN_CLASS.search(node_class):
        return [
            name
            for name in given
            if name.lower() in words.TEXT_ORDER or "text" in name.lower() or "prompt" in name.lower()
        ]
    return []


def _by_part_of_name(given: Mapping[str, Any]) -> list[TextPart]:
    for word in ("prompt", "text", "string", "tags", "caption", "wildcard"):
        if found := [name for name in given if word in name.lower() and "context" not in name.lower()]:
            linked = [name for name in found if is_link(given[name])]
            return [TextPart((linked or found)[0], joined=False)]
    linked = [name for name, value in given.items() if is_link(value)]
    return [TextPart(name, joined=False) for name in linked]
