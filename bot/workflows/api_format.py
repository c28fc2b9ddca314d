"""Decoding a workflow file into a checked graph in ComfyUI's API format.

Files also come wrapped by the programs that use them (`{"prompt": graph}`, `{"input": {"workflow": graph}}`,
`{"workflow": graph}`), and by mistake in the editor's own format (`nodes` and `links`), which `POST /prompt` answers
with HTTP 500.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, cast

from bot.workflows.errors import NotAGraph, NotApiFormat
from bot.workflows.graph_limits import check_limits

MAX_BYTES = 16 * 2**20
"""Larger files are refused. ComfyUI itself refuses bodies above 100 MB; the largest public graphs are below 1 MB."""

_WRAPPER_KEYS = ("prompt", "workflow", "input", "output", "workflow_api", "api_prompt", "graph", "data")
_MAX_WRAPPERS = 4
_NODE_KEYS = ("class_type", "inputs", "_meta")
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]|[\ud800-\udfff]")
"""Where a text of JSON has none of these, no text in it has a lone surrogate."""


def decode_graph(data: bytes | str) -> dict[str, dict[str, Any]]:
    """Return the graph in a workflow file: unwrapped, checked, each node with only the keys that ComfyUI reads.

    Args:
        data: The file's content, JSON in UTF-8 with or without a byte order mark.

    Raises:
        NotAGraph: The file is empty, no JSON, beyond a limit of size (16 MB, and those of `graph_limits`), has a key
            twice in one object, has no node, or has a node without `class_type`, with inputs that are no object, or
            with NaN in an input.
        NotApiFormat: The file is in the editor's format.

    """
    graph = _checked_nodes(_unwrapped(decode_json(data)))
    check_limits(graph)
    return graph


def decode_json(data: bytes | str) -> Any:
    """Return the JSON value in a workflow file.

    Raises:
        NotAGraph: The file is empty, larger than 16 MB, no JSON, nested too deeply, or has a key twice in one object.

    """
    if len(data) > MAX_BYTES:
        raise NotAGraph(f"The workflow file is larger than {MAX_BYTES // 2**20} MB.")
    try:
        text = data.decode("utf-8-sig") if isinstance(data, bytes) else data.removeprefix("\ufeff")
        if not text.strip():
            raise NotAGraph("The workflow file is empty.")
        value = json.loads(text, object_pairs_hook=_refuse_repeated_keys)
        return _without_lone_surrogates(value) if _SURROGATE.search(text) else value
    except UnicodeDecodeError as error:
        raise NotAGraph("The workflow file is not UTF-8 text.") from error
    except json.JSONDecodeError as error:
        raise NotAGraph(f"The workflow file is no JSON: {error.msg} in line {error.lineno}.") from error
    except RecursionError as error:
        raise NotAGraph("The workflow file is nested too deeply.") from error
    except ValueError as error:  # integers of more than 4,300 digits
        raise NotAGraph("The workflow file holds a number that is too long.") from error


def _without_lone_surrogates(value: Any) -> Any:
    """The value with a question mark for each half of a character, which no terminal, log or database can take."""
    encoded = json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
    return json.loads(encoded, object_pairs_hook=_refuse_repeated_keys)


def _refuse_repeated_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen = set[str]()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))
        raise NotAGraph(f'The workflow file has the key "{twice[:60]}" twice in one place; one of them would be lost.')
    return found


def _unwrapped(value: Any) -> dict[str, Any]:
    for _ in range(_MAX_WRAPPERS):
        if not isinstance(value, dict):
            break
        found = cast("dict[str, Any]", value)
        if _is_editor_format(found):
            raise NotApiFormat
        if any(_is_node(node) for node in found.values()):
            return found
        value = next((found[key] for key in _WRAPPER_KEYS if isinstance(found.get(key), (dict, str))), None)
        if isinstance(value, str):
            value = decode_json(value)
    raise NotAGraph


def _is_editor_format(value: dict[str, Any]) -> bool:
    return isinstance(value.get("nodes"), list) and ("links" in value or "last_node_id" in value or "version" in value)


def _is_node(value: object) -> bool:
    return isinstance(value, dict) and isinstance(cast("dict[str, Any]", value).get("class_type"), str)


def _checked_nodes(found: dict[str, Any]) -> dict[str, dict[str, Any]]:
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
