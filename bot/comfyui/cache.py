"""Making ComfyUI run again what it would answer from its cache."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bot.comfyui.events import as_list, as_object


def break_cache(graph: Mapping[str, Any], nonce: str, node_ids: Sequence[str] | None = None) -> dict[str, Any]:
    """A copy of the graph whose given nodes run again although all else comes from ComfyUI's cache.

    ComfyUI's cache key of a node covers every literal under `inputs`, also names the node does not have, and passes
    only known names on. So an extra input re-runs any node (also PreviewImage, which has no `filename_prefix`), and
    nothing upstream of it.

    Args:
        graph: API format.
        nonce: Different for each repeat.
        node_ids: The nodes whose file is gone (`OutputFile.node_id`); None: every node that no other takes from.

    """
    if node_ids is None:
        taken = {
            str(value[0]) for node in graph.values() for value in _inputs(node).values() if len(as_list(value)) == 2
        }
        chosen = {node_id for node_id in graph if node_id not in taken}
    else:
        # Nodes made by expansion are named "<drawn>.0.0.<n>"; the drawn one is in the graph.
        chosen = {node_id.split(".", 1)[0] for node_id in node_ids}
    return {
        node_id: {**node, "inputs": {**_inputs(node), "chorus_nonce": nonce}} if node_id in chosen else node
        for node_id, node in graph.items()
    }


def _inputs(node: Mapping[str, Any]) -> Mapping[str, Any]:
    return as_object(node.get("inputs"))
