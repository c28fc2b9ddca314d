"""Placeholders of other programs that nobody here fills: `PARAM_LYRICS`, `%model%`, `__VOICE__`.

Left alone they would be sung, drawn or refused by ComfyUI. What the server itself knows (its samplers, the only model
that it has) is filled in; the rest is refused before the job is queued.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bot.workflows.errors import UnknownPlaceholder
from bot.workflows.graph import Graph, NodeInput, class_type, inputs, node_title
from bot.workflows.object_info import ObjectInfo, input_spec
from bot.workflows.placeholders import MAX_TEXT_CHARS, MODEL_PLACEHOLDER, find_placeholders

_EMBEDDED = re.compile(
    r"(?<![A-Za-z0-9_])PARAM_[A-Z][A-Z0-9_]{1,60}(?![A-Za-z0-9_])"
    r"|__CHORUS_[A-Z0-9_]{1,60}__"
    r"|(?<![A-Za-z0-9_])[A-Z][A-Z0-9_]{1,60}_PLACEHOLDER(?![A-Za-z0-9_])"
)
"""Tokens that are no words of a text."""
_WHOLE = re.compile(
    r"%(?!date%)[A-Za-z][A-Za-z_]{1,60}%|\{\{\s*[A-Za-z][\w .-]{0,60}\}\}|__[A-Z][A-Z0-9_]{1,60}__"
    r"|\$\{[A-Za-z_]\w{0,60}\}"
)
"""Tokens that count where an input holds nothing else; inside of a text they may be meant as they stand."""
_FILE_NAME_INPUT = re.compile(r"prefix|file_?name|path", re.IGNORECASE)
_MAX_NAMED = 4


@dataclass(frozen=True, slots=True)
class ForeignPlaceholder:
    """A token in an input."""

    node_input: NodeInput
    token: str
    whole: bool
    """Whether the input holds nothing else."""


def find_foreign_placeholders(graph: Graph, nodes: Iterable[str]) -> Iterator[ForeignPlaceholder]:
    """Yield the placeholders that are in no dialect that the bot fills.

    Args:
        graph: The workflow's graph.
        nodes: Ids of the nodes to look at.

    """
    for node_id in nodes:
        for name, value in inputs(graph, node_id).items():
            if not isinstance(value, str) or len(value) > MAX_TEXT_CHARS or _FILE_NAME_INPUT.search(name):
                continue
            if value == MODEL_PLACEHOLDER and class_type(graph, node_id) == "CheckpointLoaderSimple":
                continue
            known = {found.token for found in find_placeholders(value, name)}
            whole = _WHOLE.fullmatch(value.strip()) or _EMBEDDED.fullmatch(value.strip())
            token = whole or next((one for one in _EMBEDDED.finditer(value) if one[0] not in known), None)
            if token is not None and token[0] not in known:
                yield ForeignPlaceholder(NodeInput(node_id, name), token[0], whole is not None)


def known_value(graph: Graph, placeholder: ForeignPlaceholder, object_info: ObjectInfo | None) -> Any:
    """Return what the server has for a placeholder; None: it cannot be known.

    That is the default of the input, or the only choice. Which of several models is meant cannot be known.
    """
    place = placeholder.node_input
    spec = input_spec(object_info, class_type(graph, place.node_id), place.input_name)
    if spec is None or not placeholder.whole or spec.type == "STRING":
        return None
    default = spec.options.get("default")
    if default is not None and (spec.choices is None or default in spec.choices):
        return default
    if spec.choices and (len(spec.choices) == 1 or place.input_name in {"sampler_name", "scheduler"}):
        return spec.choices[0]
    return None


def require_filled(graph: Graph, filled: Graph, nodes: Iterable[str], name: str) -> None:
    """Check that every foreign placeholder of a workflow was replaced.

    Args:
        graph: The workflow's graph.
        filled: The graph with the values of a run.
        nodes: Ids of the nodes that an output depends on.
        name: The workflow's name.

    Raises:
        UnknownPlaceholder: Names those that are left and how to fill them.

    """
    left = [
        each
        for each in find_foreign_placeholders(graph, nodes)
        if _value(filled, each.node_input) == _value(graph, each.node_input)
    ]
    if left:
        raise unknown_placeholder(graph, left, name)


def unknown_placeholder(graph: Graph, left: list[ForeignPlaceholder], name: str) -> UnknownPlaceholder:
    """Return the error that names the placeholders and says how the owner fills them."""
    named = ", ".join(
        f'{each.token[:60]} ({each.node_input}, "{node_title(graph, each.node_input.node_id)[:40]}")'
        for each in left[:_MAX_NAMED]
    )
    more = f" and {len(left) - _MAX_NAMED} more" if len(left) > _MAX_NAMED else ""
    return UnknownPlaceholder(
        f"The workflow has placeholders that nobody fills: {named}{more}.",
        advice=(
            f"Write a value into the node and export again, or give one in {name}.bindings.yaml:"
            f' defaults: {{"{left[0].node_input}": ...}}.'
        ),
    )


def _value(graph: Mapping[str, Any], place: NodeInput) -> Any:
    node = graph.get(place.node_id)
    return None if node is None else node["inputs"].get(place.input_name)
