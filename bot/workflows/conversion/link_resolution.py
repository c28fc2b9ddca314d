"""Following the links of a workflow to what is written into the prompt.

Links lead through reroutes, bypassed nodes and the inputs and outputs of subgraphs, to a node's output, to the value of
a promoted widget, or to nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from bot.workflows.conversion.connection_types import bypass_input
from bot.workflows.conversion.errors import UiWorkflowInvalid
from bot.workflows.conversion.input_descriptions import NO_VALUE
from bot.workflows.conversion.instances import GraphInstance, Instances, path_of
from bot.workflows.conversion.node_layout import Socket
from bot.workflows.conversion.promoted_widgets import PromotedWidgets
from bot.workflows.conversion.ui_workflow import (
    MUTED,
    REROUTE,
    SUBGRAPH_INPUT,
    SUBGRAPH_OUTPUT,
    VIRTUAL_TYPES,
    UiLink,
    UiNode,
)


class OutputOfNode(NamedTuple):
    """The end of a link: the output of a node that is in the prompt."""

    node_id: str
    slot: int


@dataclass(frozen=True, slots=True)
class PromotedValue:
    """The end of a link: the value that an instance of a subgraph has for a widget inside it."""

    value: Any


class _At(NamedTuple):
    """An input on the way: the graph it is in, its link, and the type that is wanted."""

    graph: GraphInstance
    node: UiNode | None
    """None: an output of the subgraph itself."""
    input_name: str
    link_id: str | None
    type: str


class LinkResolver:
    """Follows links. Iterative, since chains may be thousands of nodes long."""

    def __init__(self, instances: Instances, promoted: PromotedWidgets) -> None:
        self._instances = instances
        self._promoted = promoted
        self._resolved: dict[tuple[object, ...], OutputOfNode | PromotedValue | None] = {}

    def resolve(self, graph: GraphInstance, node: UiNode, socket: Socket) -> OutputOfNode | PromotedValue | None:
        """Return what an input of a node gets; None: nothing.

        Raises:
            UiWorkflowInvalid: A link or node on the way is missing, or the links go round in a circle.

        """
        if socket.link_id is None and node.id not in graph.promoted:
            return None
        at: _At | OutputOfNode | PromotedValue | None = _At(graph, node, socket.name, socket.link_id, socket.type)
        steps = dict[tuple[object, ...], None]()
        while isinstance(at, _At):
            step = (id(at.graph), at.node.id if at.node is not None else None, at.input_name, at.link_id, at.type)
            if step in self._resolved:
                at = self._resolved[step]
                break
            if step in steps:
                raise UiWorkflowInvalid(f"The links of {_described(graph, node)} go round in a circle.")
            steps[step] = None
            own = at.graph.promoted.get(at.node.id, {}).get(at.input_name, NO_VALUE) if at.node else NO_VALUE
            if own is not NO_VALUE:
                at = PromotedValue(own)
            elif at.link_id is None:
                at = None
            else:
                at = self._origin(at, self._link(at))
        self._resolved.update(dict.fromkeys(steps, at))
        return at

    def is_fed_by(self, graph: GraphInstance, socket: Socket, node_type: str) -> UiNode | None:
        """Return the node of that type whose output is connected to the socket directly; None: there is none."""
        link = graph.graph.links.get(socket.link_id) if socket.link_id is not None else None
        origin = graph.graph.nodes.get(link.origin_id) if link is not None else None
        return origin if origin is not None and origin.type == node_type else None

    def _link(self, at: _At) -> UiLink:
        link = at.graph.graph.links.get(at.link_id or "")
        if link is None:
            where = _described(at.graph, at.node) if at.node is not None else "an output of a subgraph"
            raise UiWorkflowInvalid(
                f'Input "{at.input_name[:60]}" of {where} has a link ({str(at.link_id)[:20]}) that is not in the file.'
            )
        return link

    def _origin(self, at: _At, link: UiLink) -> _At | OutputOfNode | PromotedValue | None:
        if link.origin_id == SUBGRAPH_INPUT:
            return self._outside(at.graph, link.origin_slot)
        node = at.graph.graph.nodes.get(link.origin_id)
        if node is None:
            raise UiWorkflowInvalid(
                f'Input "{at.input_name[:60]}" is connected to node {link.origin_id[:40]}, which is not in the file.'
            )
        return self._behind_output(at.graph, node, link.origin_slot, at.type)

    def _outside(self, graph: GraphInstance, index: int) -> _At | PromotedValue | None:
        """What an input of a subgraph is connected to around its instance."""
        if graph.parent is None or graph.node is None or graph.definition is None:
            return None
        if not 0 <= index < len(graph.definition.inputs):
            raise UiWorkflowInvalid(f"{_described(graph.parent, graph.node)} has no input {index}.")
        socket = self._instances.layout(graph.node).sockets[index]
        promoted = graph.parent.promoted.get(graph.node.id, {}).get(socket.name, NO_VALUE)
        if socket.link_id is None and promoted is NO_VALUE:
            value = self._promoted.value_of_input(graph, index)
            return None if value is NO_VALUE else PromotedValue(value)
        return _At(graph.parent, graph.node, socket.name, socket.link_id, socket.type)

    def _behind_output(self, graph: GraphInstance, node: UiNode, slot: int, wanted: str) -> _At | OutputOfNode | None:
        """What stands for an output of a node: itself, or an input that leads further."""
        if node.is_disabled:
            return self._behind_disabled(graph, node, slot, wanted)
        child = graph.children.get(node.id)
        if child is not None and child.definition is not None:
            link_id = _output_link(child, slot)
            return None if link_id is None else _At(child, None, "", link_id, wanted)
        if node.type == REROUTE:
            return _At(graph, node, "", node.inputs[0].link_id, wanted) if node.inputs else None
        if node.type in VIRTUAL_TYPES:
            return None
        return OutputOfNode(path_of(graph, node), slot)

    def _behind_disabled(self, graph: GraphInstance, node: UiNode, slot: int, wanted: str) -> _At | None:
        """The input that stands for an output of a bypassed node; None for a muted node."""
        if node.mode == MUTED:
            return None
        sockets = self._instances.layout(node).sockets
        types = [socket.type for socket in sockets]
        chosen = bypass_input(types, slot, self._instances.output_type(node, slot), wanted)
        if chosen is None:
            return None
        return _At(graph, node, sockets[chosen].name, sockets[chosen].link_id, sockets[chosen].type)


def _output_link(instance: GraphInstance, slot: int) -> str | None:
    """The link inside a subgraph that leads to one of its outputs."""
    outputs = instance.definition.outputs if instance.definition is not None else ()
    if not 0 <= slot < len(outputs):
        node = instance.node
        raise UiWorkflowInvalid(f"The subgraph of node {node.id[:40] if node else ''} has no output {slot}.")
    if outputs[slot].link_ids:
        return outputs[slot].link_ids[0]
    links = instance.graph.links.values()
    found = (link.id for link in links if link.target_id == SUBGRAPH_OUTPUT and link.target_slot == slot)
    return next(found, None)


def _described(graph: GraphInstance, node: UiNode) -> str:
    return f"node {path_of(graph, node)[:60]} ({(node.title or node.type)[:60]})"
