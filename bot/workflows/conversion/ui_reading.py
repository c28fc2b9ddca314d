"""Reading a file in the UI format into frozen values.

Files from 2023 to today are read: links as lists or as objects, ids as numbers or texts, with or without subgraphs.
Whatever an entry lacks gets the value that the editor would take; only what cannot be understood is refused.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any, cast

from bot.workflows.conversion.errors import UiWorkflowInvalid
from bot.workflows.conversion.node_ids import unique_node_ids
from bot.workflows.conversion.ui_workflow import (
    SUBGRAPH_INPUT,
    SubgraphDefinition,
    SubgraphSocket,
    UiGraph,
    UiInput,
    UiLink,
    UiNode,
    UiWorkflow,
)

MAX_NODES = 10_000
"""Of the whole file; the largest public workflows have about 1,500."""
MAX_LINKS = 100_000
MAX_INPUTS = 1_000
"""Of one node or subgraph; groups of inputs that grow have at most 100."""


def is_ui_format(value: object) -> bool:
    """Whether a decoded JSON value is a workflow in the UI format."""
    if not isinstance(value, Mapping):
        return False
    found = cast("Mapping[str, Any]", value)
    return isinstance(found.get("nodes"), list) and bool(
        {"links", "last_node_id", "version", "definitions", "state"} & found.keys()
    )


def read_ui_workflow(data: Mapping[str, Any]) -> UiWorkflow:
    """Return the values of a decoded file.

    Raises:
        UiWorkflowInvalid: It is not in the UI format, has a node twice in one graph, or is too large.

    """
    if not is_ui_format(data):
        raise UiWorkflowInvalid("The file is no workflow in ComfyUI's UI format.")
    listed = [found for found in _mappings(_mapping(data.get("definitions")).get("subgraphs")) if "id" in found]
    _check_size([data, *listed])
    root = _graph(data, {})
    state = _mapping(data.get("state"))
    last_node_id = _number(data.get("last_node_id", state.get("lastNodeId")), 0)
    graphs = [_node_ids(found) for found in listed]
    renamed = unique_node_ids(list(root.nodes), graphs, last_node_id)
    definitions = [_definition(found, names) for found, names in zip(listed, renamed, strict=True)]
    return UiWorkflow(root, {definition.id: definition for definition in definitions})


def _check_size(graphs: list[Mapping[str, Any]]) -> None:
    for key, limit in (("nodes", MAX_NODES), ("links", MAX_LINKS)):
        count = sum(len(cast("list[Any]", graph[key])) for graph in graphs if isinstance(graph.get(key), list))
        if count > limit:
            raise UiWorkflowInvalid(f"The workflow has {count} {key}; the most that are converted is {limit}.")


def _definition(found: Mapping[str, Any], renamed: Mapping[str, str]) -> SubgraphDefinition:
    graph = _graph(found, renamed)
    inputs = _sockets(found.get("inputs"))
    links = dict[int, tuple[str, ...]]()
    by_origin = defaultdict[int, list[str]](list)
    for link in graph.links.values():
        if link.origin_id == SUBGRAPH_INPUT:
            by_origin[link.origin_slot].append(link.id)
    for index, socket in enumerate(inputs):
        links[index] = socket.link_ids or tuple(by_origin[index])
    return SubgraphDefinition(
        id=str(found["id"]),
        name=str(found.get("name") or found["id"]),
        graph=graph,
        inputs=inputs,
        outputs=_sockets(found.get("outputs")),
        renamed=renamed,
        input_indexes={socket.name: index for index, socket in reversed(list(enumerate(inputs)))},
        links_of_inputs=links,
    )


def _sockets(found: object) -> tuple[SubgraphSocket, ...]:
    return tuple(
        SubgraphSocket(
            str(socket.get("name", "")),
            _type_name(socket.get("type")),
            tuple(str(link_id) for link_id in _list(socket.get("linkIds"))),
        )
        for socket in _limited(found, "A subgraph")
    )


def _limited(found: object, owner: str) -> list[Mapping[str, Any]]:
    entries = _mappings(found)
    if len(entries) > MAX_INPUTS:
        raise UiWorkflowInvalid(f"{owner} has {len(entries)} inputs or outputs; the most is {MAX_INPUTS}.")
    return entries


def _node_ids(graph: Mapping[str, Any]) -> list[str]:
    return [str(node["id"]) for node in _mappings(graph.get("nodes")) if "id" in node]


def _graph(found: Mapping[str, Any], renamed: Mapping[str, str]) -> UiGraph:
    nodes = dict[str, UiNode]()
    for entry in _mappings(found.get("nodes")):
        if "id" not in entry:
            raise UiWorkflowInvalid(f"A node of the workflow ({str(entry.get('type'))[:60]}) has no id.")
        node = _node(entry, renamed)
        if node.id in nodes:
            raise UiWorkflowInvalid(f"Two nodes of the workflow have the id {node.id[:40]}.")
        nodes[node.id] = node
    links = [link for entry in _link_entries(found.get("links")) if (link := _link(entry, renamed)) is not None]
    return UiGraph(nodes, {link.id: link for link in links})


def _node(entry: Mapping[str, Any], renamed: Mapping[str, str]) -> UiNode:
    node_id = str(entry["id"])
    values: Any = entry.get("widgets_values")
    title: Any = entry.get("title")
    return UiNode(
        id=renamed.get(node_id, node_id),
        type=str(entry.get("type", "")),
        title=title if isinstance(title, str) and title else None,
        mode=_number(entry.get("mode"), 0),
        inputs=tuple(
            UiInput(
                str(found.get("name", "")),
                _type_name(found.get("type")),
                _link_id(found.get("link")),
                isinstance(found.get("widget"), Mapping),
            )
            for found in _limited(entry.get("inputs"), f"Node {node_id[:40]}")
        ),
        output_types=tuple(_type_name(found.get("type")) for found in _mappings(entry.get("outputs"))),
        widget_values=_mapping(cast("object", values)) if isinstance(values, Mapping) else tuple(_list(values)),
        properties=_mapping(entry.get("properties")),
    )


def _link_id(value: object) -> str | None:
    return str(value) if isinstance(value, (int, str)) and not isinstance(value, bool) else None


def _link_entries(found: object) -> Iterator[object]:
    if isinstance(found, Mapping):
        yield from cast("Mapping[str, Any]", found).values()
    else:
        yield from _list(found)


def _link(entry: object, renamed: Mapping[str, str]) -> UiLink | None:
    """Read `[id, origin, slot, target, slot, type]` or the object with these keys; None for anything else."""
    if isinstance(entry, Mapping):
        keys = ("id", "origin_id", "origin_slot", "target_id", "target_slot")
        fields = [cast("Mapping[str, Any]", entry).get(key) for key in keys]
    else:
        fields = _list(entry)[:5]
    if len(fields) < 5 or fields[0] is None or fields[1] is None:
        return None
    origin, target = str(fields[1]), str(fields[3])
    return UiLink(
        str(fields[0]),
        renamed.get(origin, origin),
        _number(fields[2], 0),
        renamed.get(target, target),
        _number(fields[4], 0),
    )


def _type_name(value: object) -> str:
    """The type of a socket. Old files have the choices of a combo here, or 0 or -1 for any type."""
    if isinstance(value, list):
        return "COMBO"
    return value if isinstance(value, str) and value else "*"


def _number(value: object, default: int) -> int:
    """A whole number, which some files hold as text."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 16:
        return int(value)
    return int(value) if isinstance(value, (int, float)) and abs(value) < 2**53 else default


def _list(value: object) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else []


def _mapping(value: object) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}


def _mappings(value: object) -> list[Mapping[str, Any]]:
    return [cast("Mapping[str, Any]", found) for found in _list(value) if isinstance(found, Mapping)]
