"""Making ComfyUI execute nodes whose results it would take from its cache."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bot.comfyui.json_values import as_list, as_object


def break_cache(graph: Mapping[str, Any], nonce: str, node_ids: Sequence[str] | None = None) -> dict[str, Any]:
    """A copy of the graph in which the given nodes are executed again, while all others may come from the cache.

    ComfyUI's cache key of a node covers every literal under its `inputs`, also under names that the node does not have;
    only known names are passed on to the node. So one extra input makes any node run again (also PreviewImage, which
    has no `filename_prefix`), and none of the nodes before it.

    Args:
        graph: API format.
        nonce: A text that differs for each repetition.
        node_ids: The nodes to execute again (`OutputFile.node_id`). None: every node whose result no other node takes.

    """
    if node_ids is None:
        sources = {
            str(value[0]) for node in graph.values() for value in _inputs(node).values() if len(as_list(value)) == 2
        }
        chosen = {node_id for node_id in graph if node_id not in sources}
    else:
        # A node that was made by expansion has an id such as "7.0.0.3", of which "7" is in the graph.
        chosen = {node_id.split(".", 1)[0] for node_id in node_ids}
    return {
        node_id: {**node, "inputs": {**_inputs(node), "chorus_nonce": nonce}} if node_id in chosen else node
        for node_id, node in graph.items()
    }


def _inputs(node: Mapping[str, Any]) -> Mapping[str, Any]:
    return as_object(node.get("inputs"))
