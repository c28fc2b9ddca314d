"""Conversion of a workflow in the UI format to a graph in the API format."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from bot.workflows.api_format import MAX_BYTES
from bot.workflows.conversion.errors import ClassesNotInstalled, UiWorkflowInvalid
from bot.workflows.conversion.frontend_nodes import CHOICE, CUSTOM_COMBO, INDEX, index_of_choice
from bot.workflows.conversion.input_descriptions import NO_VALUE, InputDescriptions
from bot.workflows.conversion.instances import GraphInstance, Instances, path_of
from bot.workflows.conversion.link_resolution import LinkResolver, OutputOfNode, PromotedValue
from bot.workflows.conversion.node_layout import NodeLayout
from bot.workflows.conversion.promoted_widgets import PRIMITIVE_WIDGET, PromotedWidgets
from bot.workflows.conversion.prompt_values import PromptValues, wrapped
from bot.workflows.conversion.ui_reading import read_ui_workflow
from bot.workflows.conversion.ui_workflow import PRIMITIVE, VIRTUAL_TYPES, UiNode
from bot.workflows.graph_limits import check_limits
from bot.workflows.object_info import ObjectInfo

_GROUP_NODE_PREFIXES = ("workflow/", "workflow>")


@dataclass(frozen=True, slots=True)
class ConvertedWorkflow:
    """A workflow in the API format."""

    graph: dict[str, dict[str, Any]]
    """Node id -> `class_type`, `inputs` and `_meta.title`. Nodes of subgraphs have ids such as `12:34`."""
    notes: tuple[str, ...]
    """Sentences about what the file does not hold or what was kept as it is, each with the node that it is about."""


def convert_ui_workflow(
    data: Mapping[str, Any],
    object_info: ObjectInfo,
    *,
    choices: random.Random | None = None,
    now: datetime | None = None,
) -> ConvertedWorkflow:
    """Convert a workflow as ComfyUI's editor does when the user presses Run.

    Args:
        data: The decoded file, with `nodes` and `links`.
        object_info: The body of the server's `GET /object_info`; the result depends on it.
        choices: Chooses among the alternatives of dynamic prompts (`{red|blue}`). None: a text with alternatives stays
            as the widget has it, with a note, since a choice written into the file would be made for every run.
        now: The local time for `%date:...%` in file names; None: these marks stay, with a note.

    Raises:
        UiWorkflowInvalid: The file is damaged or too large, or its links lead nowhere or in a circle.
        ClassesNotInstalled: The server lacks the class of a node that would run.
        NotAGraph: The result is beyond a limit of `graph_limits`.

    """
    workflow = read_ui_workflow(data)
    instances = Instances(workflow, InputDescriptions(object_info))
    running = _running_nodes(instances)
    if not running:
        raise UiWorkflowInvalid(
            "The workflow has no node that runs.", advice="Unmute some of its nodes in ComfyUI and save it again."
        )
    converter = _Converter(instances, PromptValues(instances, choices, now))
    graph = {path_of(graph, node): converter.node(graph, node) for graph, node in running}
    check_limits(graph)
    _check_text_size(graph)
    return ConvertedWorkflow(graph, tuple(dict.fromkeys(converter.values.notes)))


def _check_text_size(graph: Mapping[str, Any]) -> None:
    """A long text in a subgraph with many instances would make a graph that no memory holds once it is written."""
    waiting: list[Any] = [node["inputs"] for node in graph.values()]
    size = 0
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            size += len(value)
        elif isinstance(value, dict):
            waiting.extend(cast("dict[str, Any]", value).values())
        elif isinstance(value, list):
            waiting.extend(cast("list[Any]", value))
    if size > MAX_BYTES:
        raise UiWorkflowInvalid(f"With its subgraphs the workflow has more than {MAX_BYTES // 2**20} MB of text.")


def _running_nodes(instances: Instances) -> list[tuple[GraphInstance, UiNode]]:
    """The nodes that come into the prompt."""
    running = list[tuple[GraphInstance, UiNode]]()
    unknown = list[tuple[GraphInstance, UiNode]]()
    for graph in instances.all():
        for node in graph.graph.nodes.values():
            if node.is_disabled or node.type in VIRTUAL_TYPES or instances.definition_of(node) is not None:
                continue
            running.append((graph, node))
            if not instances.descriptions.is_installed(node.type):
                unknown.append((graph, node))
    if unknown:
        raise ClassesNotInstalled(_missing_classes(unknown))
    return running


def _missing_classes(unknown: list[tuple[GraphInstance, UiNode]]) -> str:
    groups = [node.type for _, node in unknown if node.type.startswith(_GROUP_NODE_PREFIXES)]
    if groups:
        return f"The workflow has group nodes ({groups[0][:60]}), which ComfyUI has replaced by subgraphs."
    by_class = dict[str, list[str]]()
    packs = dict[str, str]()
    for graph, node in unknown:
        by_class.setdefault(node.type, []).append(path_of(graph, node)[:40])
        pack: Any = node.properties.get("cnr_id") or node.properties.get("aux_id")
        if isinstance(pack, str):
            packs[node.type] = f" of {pack[:60]}"
    named = [
        f"{name[:60] or 'a node without a type'}{packs.get(name, '')} (node {', '.join(ids[:5])})"
        for name, ids in list(by_class.items())[:10]
    ]
    more = f" and {len(by_class) - 10} more" if len(by_class) > 10 else ""
    return f"ComfyUI does not have {'; '.join(named)}{more}."


class _Converter:
    def __init__(self, instances: Instances, values: PromptValues) -> None:
        self._instances = instances
        self._promoted = PromotedWidgets(instances)
        self._links = LinkResolver(instances, self._promoted)
        self.values = values

    def node(self, graph: GraphInstance, node: UiNode) -> dict[str, Any]:
        """Return a node of the prompt."""
        layout = self._instances.layout(node)
        own = layout.values | self._primitive_values(graph, layout)
        inputs = self.values.of_node(graph, node, layout, own)
        effective = dict(own)
        for name, value in self._connected(graph, node, layout).items():
            if isinstance(value, OutputOfNode):
                inputs[name] = [value.node_id, value.slot]
            else:
                effective[name] = value.value
                inputs[name] = wrapped(value.value, None)
        if node.type == CUSTOM_COMBO:
            inputs[INDEX] = index_of_choice(effective, effective.get(CHOICE))
        title = node.title or self._instances.descriptions.display_name(node.type)
        return {"inputs": inputs, "class_type": node.type, "_meta": {"title": title}}

    def _connected(
        self, graph: GraphInstance, node: UiNode, layout: NodeLayout
    ) -> dict[str, OutputOfNode | PromotedValue]:
        """What the inputs get that something is connected to, or that the instance around them has a value for."""
        found = dict[str, OutputOfNode | PromotedValue]()
        for socket in layout.sockets:
            resolved = self._links.resolve(graph, node, socket)
            if resolved is not None:
                found[socket.name] = resolved
        for name, value in graph.promoted.get(node.id, {}).items():
            if value is not NO_VALUE:
                found[name] = PromotedValue(value)
        return found

    def _primitive_values(self, graph: GraphInstance, layout: NodeLayout) -> dict[str, Any]:
        """The values that PrimitiveNodes write into the widgets that they are connected to."""
        written = dict[str, Any]()
        for socket in layout.sockets:
            primitive = self._links.is_fed_by(graph, socket, PRIMITIVE)
            if primitive is None or not layout.is_widget(socket.name):
                continue
            value = graph.promoted.get(primitive.id, {}).get(PRIMITIVE_WIDGET, NO_VALUE)
            if value is NO_VALUE:
                value = self.values.of_primitive(primitive)
            if value is not NO_VALUE:
                written[socket.name] = value
        return written
