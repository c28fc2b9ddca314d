"""ComfyUI's API format: bytes in, a checked graph out.

A graph is `{node_id: {"class_type": str, "inputs": {name: literal | [node_id, slot]}, "_meta"?: {"title": str}}}`.
Files also come wrapped (`{"prompt": graph}`, `{"input": {"workflow": graph}}`, `{"workflow": graph}`) and, by mistake,
in the editor's own format (`nodes` and `links`), which no server runs.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, TypeGuard, cast

from bot.workflows.errors import NotAGraph, NotApiFormat

Graph = Mapping[str, Any]
"""Node id -> node; `decode_graph` has checked that each node has `class_type` (str) and `inputs` (dict)."""

MAX_BYTES = 16 * 2**20
"""ComfyUI itself refuses bodies above 100 MB; the largest public graphs are below 1 MB."""

_WRAPPERS = ("prompt", "workflow", "input", "output", "workflow_api", "api_prompt", "graph", "data")
_WRAPPED_AT_MOST = 4
_NODE_KEYS = ("class_type", "inputs", "_meta")


class Target(NamedTuple):
    """One literal input of one node, written `6.text` in messages and in bindings files."""

    node_id: str
    input_name: str

    def __str__(self) -> str:
        return f"{self.node_id}.{self.input_name}"


def decode_graph(data: bytes | str) -> dict[str, dict[str, Any]]:
    """The graph in a file, unwrapped, with only what ComfyUI reads of each node.

    Raises:
        NotAGraph: Empty, too large, no JSON, NaN in an input, a key twice, nested too deeply, no nodes, a broken node.
        NotApiFormat: The editor's format.

    """
    return _checked(_unwrapped(_decoded(data)))


def is_link(value: object) -> TypeGuard[list[Any]]:
    """`[node_id, slot]`: the value comes from another node's output."""
    if type(value) is not list:
        return False
    pair = cast("list[Any]", value)
    return len(pair) == 2 and type(pair[0]) is str and type(pair[1]) is int


def class_type(graph: Graph, node_id: str) -> str:
    """The node's class, as registered in ComfyUI."""
    return str(graph[node_id]["class_type"])


def inputs(graph: Graph, node_id: str) -> Mapping[str, Any]:
    """The node's inputs: literals and links."""
    return cast("Mapping[str, Any]", graph[node_id]["inputs"])


def links(graph: Graph, node_id: str) -> Iterator[tuple[str, str]]:
    """`(input name, node id it comes from)` for each link of the node that leads to a node of this graph."""
    for name, value in inputs(graph, node_id).items():
        if is_link(value) and value[0] in graph:
            yield name, value[0]


def node_title(graph: Graph, node_id: str) -> str:
    """What a person calls the node: its title, else its class, else its id. Never fails (server messages use it).

    Ids of expanded nodes (`2.0.0.3`) and of subgraphs (`57:8`) fall back to the node they belong to.
    """
    node = graph.get(node_id) or graph.get(node_id.split(".", 1)[0])
    if not isinstance(node, Mapping):
        return node_id
    known = cast("Mapping[str, Any]", node)
    meta = known.get("_meta")
    title = cast("Mapping[str, Any]", meta).get("title") if isinstance(meta, Mapping) else None
    return str(title or known.get("class_type") or node_id)


def _decoded(data: bytes | str) -> Any:
    if len(data) > MAX_BYTES:
        raise NotAGraph(f"The workflow file is larger than {MAX_BYTES // 2**20} MB.")
    try:
        text = data.decode("utf-8-sig") if isinstance(data, bytes) else data.removeprefix("\ufeff")
        if not text.strip():
            raise NotAGraph("The workflow file is empty.")
        return json.loads(text, object_pairs_hook=_no_key_twice)
    except UnicodeDecodeError as error:
        raise NotAGraph("The workflow file is not UTF-8 text.") from error
    except json.JSONDecodeError as error:
        raise NotAGraph(f"The workflow file is no JSON: {error.msg} in line {error.lineno}.") from error
    except RecursionError as error:
        raise NotAGraph("The workflow file is nested too deeply.") from error
    except ValueError as error:  # integers of more than 4,300 digits
        raise NotAGraph("The workflow file holds a number that is too long.") from error


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen = set[str]()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))
        raise NotAGraph(f'The workflow file has the key "{twice[:60]}" twice in one place; one of them would be lost.')
    return found


def _unwrapped(value: Any) -> dict[str, Any]:
    for _ in range(_WRAPPED_AT_MOST):
        if not isinstance(value, dict):
            break
        found = cast("dict[str, Any]", value)
        if _is_editor_format(found):
            raise NotApiFormat
        if any(_is_node(node) for node in found.values()):
            return found
        value = next((found[key] for key in _WRAPPERS if isinstance(found.get(key), (dict, str))), None)
        if isinstance(value, str):
            value = _decoded(value)
    raise NotAGraph


def _is_editor_format(value: dict[str, Any]) -> bool:
    return isinstance(value.get("nodes"), list) and ("links" in value or "last_node_id" in value or "version" in value)


def _is_node(value: object) -> bool:
    return isinstance(value, dict) and isinstance(cast("dict[str, Any]", value).get("class_type"), str)


def _checked(found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    graph = dict[str, dict[str, Any]]()
    for node_id, node in found.items():
        if not isinstance(node, dict) or not ({"class_type", "inputs"} & node.keys()):
            continue  # a comment, `extra_data`, `version`: ComfyUI would refuse the whole graph because of it
        fields = cast("dict[str, Any]", node)
        if not isinstance(fields.get("class_type"), str):
            raise NotAGraph(f"Node {node_id[:40]} of the workflow has no class_type.")
        given: Any = fields.get("inputs") or {}
        if not isinstance(given, dict):
            raise NotAGraph(f"Node {node_id[:40]} of the workflow has no inputs.")
        clean = {name: _link_with_text_id(value) for name, value in cast("dict[str, Any]", given).items()}
        _refuse_nan(node_id, clean)
        graph[node_id] = {key: clean if key == "inputs" else fields[key] for key in _NODE_KEYS if key in fields}
        graph[node_id].setdefault("inputs", clean)
    return graph


def _link_with_text_id(value: Any) -> Any:
    """Hand-written files have `[4, 0]`; ComfyUI looks nodes up by text and fails on a number."""
    if isinstance(value, list):
        pair = cast("list[Any]", value)
        if len(pair) == 2 and all(isinstance(item, int) and not isinstance(item, bool) for item in pair):
            return [str(pair[0]), pair[1]]
        return pair
    return value


def _refuse_nan(node_id: str, values: dict[str, Any]) -> None:
    for name, value in values.items():
        if isinstance(value, float) and not math.isfinite(value):
            raise NotAGraph(f'Input "{name[:40]}" of node {node_id[:40]} is not a number (NaN or Infinity).')
