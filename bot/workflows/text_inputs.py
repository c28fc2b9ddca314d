"""Which inputs of one node hold its text, judged by their names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.workflows import name_patterns as patterns
from bot.workflows.graph import Graph, class_type, inputs, is_link


@dataclass(frozen=True, slots=True)
class TextInput:
    """An input, literal or link, that holds the text of a node or a part of it."""

    name: str
    joined: bool
    """Whether the node joins it with the texts of other inputs."""


def text_inputs(graph: Graph, node_id: str) -> list[TextInput]:
    """Return the inputs of a node through which its text comes.

    That is one input, all inputs of an encoder with several text encoders, or every part of a node that joins texts.
    """
    node_class = class_type(graph, node_id)
    given = {name: value for name, value in inputs(graph, node_id).items() if _may_hold_text(graph, name, value)}
    if not given:
        return []
    by_lower_name = {name.lower(): name for name in given}
    if "lyrics" in inputs(graph, node_id) and "tags" in by_lower_name:  # ACE-Step: the tags describe the music
        return [TextInput(by_lower_name["tags"], joined=False)]
    same_text = patterns.WILDCARD_PAIR if "wildcard_text" in by_lower_name else patterns.ENCODER_TEXTS
    own_text = "text" in by_lower_name
    if found := [
        name
        for lower, name in by_lower_name.items()
        # PixArt's T5TextEncode has its model at an input `T5` beside the text.
        if lower in same_text and not (own_text and is_link(given[name]))
    ]:
        return [TextInput(name, joined=False) for name in found]
    if "find" in inputs(graph, node_id) and "replace" in inputs(graph, node_id):
        return _text_of_replacement(graph, node_id, given)
    if patterns.DISPLAY_CLASS.search(node_class) and (linked := _linked(given)):
        return [TextInput(name, joined=False) for name in linked]  # its literals show an old result
    joined = _joined_names(node_class, given)
    return [TextInput(name, joined=True) for name in joined] or _first_known(by_lower_name) or _by_part_of_name(given)


def _may_hold_text(graph: Graph, name: str, value: Any) -> bool:
    lower = name.lower()
    if patterns.TRANSCRIPT_NAME.match(lower):
        return False
    if value is None:  # a text that the editor has not saved
        return lower in {"text", "prompt", *patterns.ENCODER_TEXTS}
    if isinstance(value, str):
        known = lower in patterns.TEXT_NAMES or lower in patterns.ENCODER_TEXTS
        return known or not patterns.NOT_A_PROMPT_NAME.search(lower)
    return (
        is_link(value)
        and value[0] in graph
        and not patterns.NOT_TEXT_LINK.match(lower)
        and not patterns.CONDITIONING_NAME.search(lower)
    )


def _text_of_replacement(graph: Graph, node_id: str, given: Mapping[str, Any]) -> list[TextInput]:
    """A search-and-replace node: `replace` where it fills a gap in a template, else the text that is cleaned up."""
    values = inputs(graph, node_id)
    template = next((name for name in ("string", "text", "prompt") if name in values), None)
    if template is None:
        return _by_part_of_name(given)
    find, text = values["find"], values[template]
    fills_a_gap = isinstance(find, str) and isinstance(text, str) and bool(find.strip()) and find in text
    return [TextInput("replace" if fills_a_gap else template, joined=False)]


def _joined_names(node_class: str, given: Mapping[str, Any]) -> list[str]:
    numbered = [name for name in given if patterns.NUMBERED_TEXT_NAME.match(name.lower())]
    joins = bool(patterns.JOIN_CLASS.search(node_class))
    if len(numbered) >= 2 or (numbered and joins):
        return numbered
    if not joins:
        return []
    return [
        name
        for name in given
        if name.lower() in patterns.TEXT_NAMES or "text" in name.lower() or "prompt" in name.lower()
    ]


def _first_known(by_lower_name: Mapping[str, str]) -> list[TextInput]:
    return [TextInput(by_lower_name[name], joined=False) for name in patterns.TEXT_NAMES if name in by_lower_name][:1]


def _by_part_of_name(given: Mapping[str, Any]) -> list[TextInput]:
    for word in ("prompt", "text", "string", "tags", "caption", "wildcard"):
        if found := [name for name in given if word in name.lower() and "context" not in name.lower()]:
            linked = [name for name in found if is_link(given[name])]
            return [TextInput((linked or found)[0], joined=False)]
    return [TextInput(name, joined=False) for name in _linked(given)]


def _linked(given: Mapping[str, Any]) -> list[str]:
    return [name for name, value in given.items() if is_link(value)]
