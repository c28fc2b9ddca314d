"""What a server has installed for one workflow, as a fingerprint."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, cast

from bot.workflows.graph import Graph, class_type
from bot.workflows.object_info import ObjectInfo, is_upload_input


def installed_fingerprint(graph: Graph, object_info: ObjectInfo) -> str:
    """Return the SHA-256 (hex) of the descriptions of a workflow's node classes.

    It changes when one of its node packs is installed, removed or updated with other inputs, or when a file is added to
    or removed from a list that one of its nodes chooses from. Lists of uploaded files do not count.

    Args:
        graph: The workflow's graph.
        object_info: The body of `GET /object_info`.

    """
    classes = sorted({class_type(graph, node_id) for node_id in graph})
    described = [[name, _without_uploads(object_info.get(name))] for name in classes]
    encoded = json.dumps(described, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(encoded.encode("utf-8", "replace")).hexdigest()


def _without_uploads(description: object) -> object:
    if not isinstance(description, Mapping):
        return None
    known = cast("Mapping[str, Any]", description)
    given = known.get("input")
    if not isinstance(given, Mapping):
        return [given, known.get("output")]
    sections = {
        section: {
            name: None if is_upload_input(raw) else raw for name, raw in cast("Mapping[str, Any]", inputs).items()
        }
        for section, inputs in cast("Mapping[str, Any]", given).items()
        if isinstance(inputs, Mapping)
    }
    return [sections, known.get("output")]
