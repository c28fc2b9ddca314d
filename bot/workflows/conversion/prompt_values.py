"""The values of widgets as ComfyUI's editor writes them into a prompt."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

from bot.workflows.conversion.dynamic_prompts import resolve_dynamic_prompt
from bot.workflows.conversion.frontend_nodes import COMPARED_PICTURES, IMAGE_COMPARE
from bot.workflows.conversion.input_descriptions import BROWSER_TYPES, NO_VALUE, InputDescription
from bot.workflows.conversion.instances import GraphInstance, Instances, path_of
from bot.workflows.conversion.node_layout import NodeLayout
from bot.workflows.conversion.text_replacements import DATE, has_replacements, replace_marks
from bot.workflows.conversion.ui_workflow import UiNode

_LARGEST_EXACT_INTEGER = 2**53
_REPLACE_IN_PRIMITIVE = "Run widget replace on values"
"""The property of a PrimitiveNode whose text has marks such as `%Node.widget%`."""


class PromptValues:
    """Writes the own values of widgets, and notes what the file does not hold."""

    def __init__(self, instances: Instances, choices: random.Random | None, now: datetime | None) -> None:
        self._instances = instances
        self._choices = choices
        self._now = now
        self._named: dict[str, UiNode] | None = None
        self._resolved: dict[str, str | None] = {}
        self._replaced: dict[str, tuple[str, bool]] = {}
        self.notes: list[str] = []

    def of_node(
        self, graph: GraphInstance, node: UiNode, layout: NodeLayout, values: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return the inputs of a node that nothing is connected to. `values`: of its widgets, by name."""
        inputs = dict[str, Any]()
        for name, value in values.items():
            described = layout.widgets.get(name)
            if described is not None and described.widget_type in BROWSER_TYPES:
                self._note(graph, node, f'"{name}" is made in the browser and not in the file; it was left out')
                continue
            if isinstance(value, str):
                value = self._text(graph, node, described, value)  # noqa: PLW2901 - the text as it is written
            if value is not NO_VALUE:
                inputs[name] = wrapped(value, described)
        return inputs

    def of_primitive(self, primitive: UiNode) -> Any:
        """Return what a PrimitiveNode writes into the widgets that it is connected to; `NO_VALUE`: nothing."""
        values = primitive.widget_values
        value = values[0] if isinstance(values, tuple) and values else NO_VALUE
        if isinstance(value, str) and primitive.properties.get(_REPLACE_IN_PRIMITIVE):
            return self._with_widget_texts(value)[0]
        return value

    def _text(self, graph: GraphInstance, node: UiNode, described: InputDescription | None, text: str) -> str:
        if described is None:
            return text
        if described.spec.options.get("dynamicPrompts"):
            resolved = self._without_marks(text)
            if resolved is None:
                self._note(graph, node, f'"{described.name}" has alternatives such as {{a|b}}, which were kept')
            return text if resolved is None else resolved
        if has_replacements(node.type, described.name):
            replaced, has_date = self._with_widget_texts(text)
            if has_date and self._now is None:
                self._note(graph, node, f'"{described.name}" has a date that ComfyUI\'s editor fills in; it was kept')
            return replaced
        return text

    def _without_marks(self, text: str) -> str | None:
        """The text without dynamic prompts. Those of all instances of a node are the same and resolved once."""
        if self._choices is not None:
            return resolve_dynamic_prompt(text, self._choices)
        if text not in self._resolved:
            self._resolved[text] = resolve_dynamic_prompt(text, None)
        return self._resolved[text]

    def _with_widget_texts(self, text: str) -> tuple[str, bool]:
        """The text with its marks replaced, and whether it has a date."""
        if text not in self._replaced:
            self._replaced[text] = replace_marks(text, self._widget_text, self._now), f"%{DATE}" in text
        return self._replaced[text]

    def _widget_text(self, node_name: str, widget: str) -> str | None:
        if self._named is None:
            nodes = [node for graph in self._instances.all() for node in graph.graph.nodes.values()]
            nodes.reverse()  # so that the first of several counts
            self._named = {self._title(node): node for node in nodes}
            self._named |= {str(node.properties.get("Node name for S&R")): node for node in nodes}
        found = self._named.get(node_name)
        value = NO_VALUE if found is None else self._instances.layout(found).values.get(widget, NO_VALUE)
        if value is NO_VALUE:
            return None
        return "" if value is None else _as_javascript_text(value)

    def _title(self, node: UiNode) -> str:
        return node.title or self._instances.descriptions.display_name(node.type)

    def _note(self, graph: GraphInstance, node: UiNode, text: str) -> None:
        self.notes.append(f"Node {path_of(graph, node)} ({self._title(node)[:60]}): {text}.")


def wrapped(value: Any, described: InputDescription | None) -> Any:
    """Return a widget's value as it stands in a prompt, where a plain list would be read as a link.

    Args:
        value: The value as it stands in the file.
        described: The widget; None: one that the editor adds, or one whose value an instance of a subgraph has.

    """
    kind = described.widget_type if described is not None else None
    if kind == IMAGE_COMPARE:
        return dict(COMPARED_PICTURES)
    if kind == "CURVE" and value is not None:
        return {"__type__": "CURVE", "__value__": value}
    if isinstance(value, list):
        return {"__value__": cast("list[Any]", value)}
    if type(value) is int and abs(value) > _LARGEST_EXACT_INTEGER:
        return _as_javascript_integer(value)
    return value


def _as_javascript_integer(value: int) -> int | float:
    """The number that is left of an integer in JavaScript, where numbers have 53 bits."""
    try:
        rounded = float(value)
    except OverflowError:
        return value
    # The shortest digits that mean this number, as JavaScript prints them, and not all digits that it has.
    digits, _, exponent = repr(rounded).partition("e")
    if not exponent:
        return int(rounded)
    whole, _, fraction = digits.partition(".")
    fraction = "" if fraction == "0" else fraction
    zeros = int(exponent) - len(fraction)
    return int(whole + fraction + "0" * zeros) if 0 <= zeros < 21 else rounded


def _as_javascript_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e21:
        return str(int(value))
    return str(value)
