"""Giving nodes of subgraphs ids that no other node of the workflow has, as ComfyUI's editor does on loading."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def unique_node_ids(
    root: Sequence[str], definitions: Sequence[Sequence[str]], last_node_id: int
) -> list[Mapping[str, str]]:
    """Return, for each definition in the order of the file, the ids that have to be replaced and their replacements.

    An id that a node of the root or of an earlier definition has is replaced by the next free number above
    `last_node_id` and above all numbers met so far.

    Args:
        root: The node ids of the workflow itself.
        definitions: The node ids of each subgraph definition.
        last_node_id: The highest id that the editor has given, as the file says.

    """
    used = set(root)
    highest = max((int(node_id) for node_id in root if _is_number(node_id)), default=0)
    highest = max(highest, last_node_id)
    replaced = list[Mapping[str, str]]()
    for node_ids in definitions:
        names = dict[str, str]()
        for node_id in node_ids:
            if not _is_number(node_id):
                continue
            if node_id not in used:
                used.add(node_id)
                highest = max(highest, int(node_id))
                continue
            highest += 1
            names[node_id] = str(highest)
            used.add(names[node_id])
        replaced.append(names)
    return replaced


def _is_number(node_id: str) -> bool:
    return node_id.isascii() and node_id.isdigit() and len(node_id) < 16
