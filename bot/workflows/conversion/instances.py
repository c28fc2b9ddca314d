"""The graphs of a workflow as they are run: the workflow itself, and a copy of a subgraph for each of its instances."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final, cast

from bot.workflows.conversion.errors import UiWorkflowInvalid
from bot.workflows.conversion.input_descriptions import InputDescriptions
from bot.workflows.conversion.node_layout import NodeLayout, Socket, lay_out, lay_out_unknown
from bot.workflows.conversion.ui_workflow import SubgraphDefinition, UiGraph, UiNode, UiWorkflow

MAX_DEPTH: Final = 50
"""Subgraphs inside subgraphs; the deepest public workflows have four levels."""
MAX_SIZE: Final = 100_000
"""Nodes with their inputs and values, in all instances together."""


@dataclass(eq=False, slots=True)
class GraphInstance:
    """A graph that is run: the workflow itself, or a subgraph at the place of one of its instances."""

    path: str
    """Before the ids of its nodes in the prompt: "" for the workflow itself, else `12:` or `12:34:`."""
    graph: UiGraph
    definition: SubgraphDefinition | None = None
    parent: GraphInstance | None = None
    node: UiNode | None = None
    """The node of the parent's graph that this is an instance of."""
    children: dict[str, GraphInstance] = field(default_factory=dict[str, "GraphInstance"])
    """By the ids of the nodes of this graph that are instances."""
    host_values: dict[int, Any] = field(default_factory=dict[int, Any])
    """Values that the instance has for inputs of its definition, by their position."""
    promoted: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    """Values that the instance has for widgets inside it that no input leads to, by node id, then widget name."""


class Instances:
    """All graphs of a workflow that are run, and the layouts of their nodes."""

    def __init__(self, workflow: UiWorkflow, descriptions: InputDescriptions) -> None:
        """Make the instances.

        Raises:
            UiWorkflowInvalid: A subgraph contains itself, or there are too many nodes or levels.

        """
        self.workflow = workflow
        self.descriptions = descriptions
        self._layouts: dict[int, NodeLayout] = {}
        self._size = 0
        self.root = GraphInstance("", workflow.root)
        self._expand(self.root, ())

    def all(self) -> Iterator[GraphInstance]:
        """Yield every graph that is run, outer ones before inner ones."""
        waiting = [self.root]
        while waiting:
            found = waiting.pop()
            yield found
            waiting.extend(reversed(found.children.values()))

    def definition_of(self, node: UiNode) -> SubgraphDefinition | None:
        """Return the subgraph that the node is an instance of; None for any other node."""
        return self.workflow.definitions.get(node.type)

    def layout(self, node: UiNode) -> NodeLayout:
        """Return the widgets and sockets of a node; each node of a definition has one for all instances."""
        found = self._layouts.get(id(node))
        if found is None:
            found = self._layouts[id(node)] = self._new_layout(node)
        return found

    def output_type(self, node: UiNode, slot: int) -> str:
        """Return the type of an output, `*` where it is unknown."""
        definition = self.definition_of(node)
        saved = node.output_types[slot] if 0 <= slot < len(node.output_types) else "*"
        if definition is not None:
            return definition.outputs[slot].type if 0 <= slot < len(definition.outputs) else saved
        known = self.descriptions.output_types(node.type)
        described = known[slot] if 0 <= slot < len(known) else "*"
        return saved if described in {"*", "COMFY_MATCHTYPE_V3"} else described

    def _new_layout(self, node: UiNode) -> NodeLayout:
        definition = self.definition_of(node)
        if definition is not None:
            links = {found.name: found.link_id for found in reversed(node.inputs)}
            return NodeLayout([Socket(found.name, found.type, links.get(found.name)) for found in definition.inputs])
        if self.descriptions.is_installed(node.type):
            return lay_out(node, self.descriptions.of_class(node.type))
        return lay_out_unknown(node)

    def _expand(self, instance: GraphInstance, around: tuple[str, ...]) -> None:
        self._size += sum(_size(node) for node in instance.graph.nodes.values())
        for node in instance.graph.nodes.values():
            definition = self.definition_of(node)
            self._size += len(definition.inputs) if definition is not None else 0
            if self._size > MAX_SIZE:
                raise UiWorkflowInvalid(f"With its subgraphs the workflow has more than {MAX_SIZE} nodes and values.")
            # ComfyUI's editor leaves disabled instances out in the workflow itself, not inside other subgraphs.
            if definition is None or (instance.parent is None and node.is_disabled):
                continue
            if definition.id in around:
                raise UiWorkflowInvalid(f'The subgraph "{definition.name[:60]}" contains itself (node {node.id[:40]}).')
            if len(around) >= MAX_DEPTH:
                raise UiWorkflowInvalid(f"Subgraphs of the workflow are nested more than {MAX_DEPTH} levels deep.")
            path = f"{instance.path}{node.id}:"
            child = GraphInstance(path, definition.graph, definition, instance, node)
            instance.children[node.id] = child
            self._expand(child, (*around, definition.id))


def _size(node: UiNode) -> int:
    proxies: Any = node.properties.get("proxyWidgets")
    count = len(cast("list[Any]", proxies)) if isinstance(proxies, list) else 0
    return 1 + len(node.inputs) + len(node.widget_values) + count


def path_of(instance: GraphInstance, node: UiNode) -> str:
    """Return the id that the node has in the prompt."""
    return instance.path + node.id
