"""Promoted widgets: values that an instance of a subgraph has for widgets of the nodes inside it.

They are found in the instance's `widgets_values`. Its property `proxyWidgets`, a list of `[inner node id, widget
name]`, says which value belongs to which widget; without it the values belong to the inputs of the subgraph that lead
to a widget, in their order.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, cast

from bot.workflows.conversion.input_descriptions import NO_VALUE
from bot.workflows.conversion.instances import GraphInstance, Instances
from bot.workflows.conversion.ui_workflow import PRIMITIVE, SubgraphDefinition, UiNode

_OWN_INPUT = "-1"
"""The node id of an entry of `proxyWidgets` that names an input of the subgraph itself."""
_ID_PREFIX = re.compile(r"\s*(\d+)\s*:\s*(.+)", re.DOTALL)
_MAX_NAME = 500
PRIMITIVE_WIDGET = "value"


class PromotedWidgets:
    """Finds the values that instances have for the widgets inside them."""

    def __init__(self, instances: Instances) -> None:
        """Assign the values of every instance."""
        self._instances = instances
        self._targets: dict[tuple[str, int], tuple[UiNode, str] | None] = {}
        self._indexes: dict[str, dict[tuple[str, str], int]] = {}
        for instance in instances.all():
            if instance.definition is not None:
                self._assign(instance, instance.definition)

    def value_of_input(self, instance: GraphInstance, index: int) -> Any:
        """Return the instance's value for an unlinked input of its subgraph; `NO_VALUE` where it leads to no widget."""
        while True:  # inwards; `Instances` has refused subgraphs that contain themselves
            target = self._target(instance, index)
            if target is None or instance.definition is None:
                return NO_VALUE
            value = instance.host_values.get(index, NO_VALUE)
            if value is not NO_VALUE:
                return value
            node, name = target
            child = instance.children.get(node.id)
            if child is None or child.definition is None:
                return self._instances.layout(node).values.get(name, NO_VALUE)
            inner = child.definition.input_indexes.get(name)
            if inner is None:
                return NO_VALUE
            instance, index = child, inner

    def _assign(self, instance: GraphInstance, definition: SubgraphDefinition) -> None:
        node = cast("UiNode", instance.node)
        values = node.widget_values if isinstance(node.widget_values, tuple) else ()
        proxies: Any = node.properties.get("proxyWidgets")
        if isinstance(proxies, list) and proxies:
            for index, entry in enumerate(cast("list[Any]", proxies)):
                value = values[index] if index < len(values) else None
                pair = cast("list[Any]", entry) if isinstance(entry, list) else []
                if len(pair) >= 2:
                    self._assign_proxy(instance, definition, pair, NO_VALUE if value is None else value)
            return
        promoted = [index for index in range(len(definition.inputs)) if self._target(instance, index) is not None]
        for index, value in zip(promoted, values, strict=False):
            if value is not None:
                instance.host_values[index] = value

    def _assign_proxy(
        self, instance: GraphInstance, definition: SubgraphDefinition, entry: Sequence[Any], value: Any
    ) -> None:
        inner_id, name = str(entry[0]), str(entry[1])
        if inner_id == _OWN_INPUT:
            own = definition.input_indexes.get(name)
            if own is not None:
                instance.host_values[own] = value
            return
        node = definition.graph.nodes.get(definition.renamed.get(inner_id, inner_id))
        if node is None:
            return
        widget = self._widget_named(instance, node, name, str(entry[2]) if len(entry) > 2 else None)
        if widget is None:
            return
        index = self._indexes_of_targets(instance, definition).get((node.id, widget))
        if index is not None:
            instance.host_values[index] = value
        else:
            instance.promoted.setdefault(node.id, {})[widget] = value

    def _indexes_of_targets(
        self, instance: GraphInstance, definition: SubgraphDefinition
    ) -> dict[tuple[str, str], int]:
        """The inputs of a subgraph by the widgets that they lead to first."""
        if definition.id not in self._indexes:
            found = self._indexes[definition.id] = {}
            for index in reversed(range(len(definition.inputs))):
                target = self._target(instance, index)
                if target is not None:
                    found[target[0].id, target[1]] = index
        return self._indexes[definition.id]

    def _widget_named(self, instance: GraphInstance, node: UiNode, name: str, owner: str | None) -> str | None:
        """The widget of an inner node, or the input of an inner instance, that an entry of `proxyWidgets` names."""
        if node.type == PRIMITIVE:
            return PRIMITIVE_WIDGET if name == PRIMITIVE_WIDGET else None
        child = instance.children.get(node.id)
        if child is None or child.definition is None:
            layout = self._instances.layout(node)
            # ComfyUI's editor connects the widget to the instance, so it needs a socket.
            return name if layout.is_widget(name) and layout.socket_named(name) is not None else None
        if child.definition.input_indexes.get(name) is not None and owner is None:
            return name
        if len(name) > _MAX_NAME:
            return None
        # Older files name the innermost widget, sometimes with the ids of the nodes on the way before it.
        while found := _ID_PREFIX.fullmatch(name):
            owner, name = found[1], found[2]
        for index, socket in enumerate(child.definition.inputs):
            target = self._target(child, index)
            if target is not None and target[1] == name:
                renamed = child.definition.renamed
                if owner is None or target[0].id == renamed.get(owner, owner):
                    return socket.name
        return name if child.definition.input_indexes.get(name) is not None else None

    def _target(self, instance: GraphInstance, index: int) -> tuple[UiNode, str] | None:
        """The first widget inside that an input of the subgraph leads to: node and widget, or instance and input."""
        definition = cast("SubgraphDefinition", instance.definition)
        key = (definition.id, index)
        if key not in self._targets:
            self._targets[key] = None  # while it is looked for
            self._targets[key] = self._find_target(instance, definition, index)
        return self._targets[key]

    def _find_target(
        self, instance: GraphInstance, definition: SubgraphDefinition, index: int
    ) -> tuple[UiNode, str] | None:
        links = definition.graph.links
        for link_id in definition.links_of_inputs[index]:
            link = links.get(link_id)
            node = definition.graph.nodes.get(link.target_id) if link is not None else None
            if node is None:
                continue
            layout = self._instances.layout(node)
            socket = next((found for found in layout.sockets if found.link_id == link_id), None)
            if socket is None:
                continue
            child = instance.children.get(node.id)
            if child is None or child.definition is None:
                if layout.is_widget(socket.name):
                    return node, socket.name
                continue
            inner = child.definition.input_indexes.get(socket.name)
            if inner is not None and self._target(child, inner) is not None:
                return node, socket.name
        return None
