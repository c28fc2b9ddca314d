"""Labels of parameters: the node's title and the input's name as ComfyUI shows them, told apart where equal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, cast

from bot.workflows.graph import Graph, NodeInput, class_type, node_title
from bot.workflows.object_info import ObjectInfo

_LONGEST_TITLE = 60


def labels(graph: Graph, named: Iterable[NodeInput], object_info: ObjectInfo | None) -> dict[NodeInput, str]:
    """Return a label for each input, such as `KSampler · steps`; nodes of one title get their id beside it.

    Args:
        graph: The workflow's graph.
        named: The input by which each parameter is named.
        object_info: The body of `GET /object_info`, which has the names that the editor shows for classes.

    """
    found = tuple(named)
    titles = {node_id: _title(graph, node_id, object_info) for node_id in dict.fromkeys(each.node_id for each in found)}
    counts = Counter(titles.values())
    shown = {node_id: title if counts[title] == 1 else f"{title} #{node_id}" for node_id, title in titles.items()}
    return {each: f"{shown[each.node_id]} · {each.input_name}" for each in found}


def _title(graph: Graph, node_id: str, object_info: ObjectInfo | None) -> str:
    title, node_class = node_title(graph, node_id), class_type(graph, node_id)
    description = None if object_info is None else object_info.get(node_class)
    if title == node_class and isinstance(description, Mapping):
        title = str(cast("Mapping[str, Any]", description).get("display_name") or title)
    return " ".join(title.split())[:_LONGEST_TITLE] or node_class
