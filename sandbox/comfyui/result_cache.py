"""The cache of node results: a node whose inputs are the same as before is not run again, as in ComfyUI."""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from sandbox.comfyui.graphs import is_link
from sandbox.comfyui.node_results import NodeResult
from sandbox.comfyui.node_types import Installation

CACHE_SIZE = 192
"""Results kept over prompts; the least recently used one is dropped first."""


class ResultCache:
    """Node results by cache key. Lives as long as the server instance; used by the worker thread."""

    def __init__(self) -> None:
        self._results: OrderedDict[str, NodeResult] = OrderedDict()

    def __len__(self) -> int:
        return len(self._results)

    def get(self, key: str) -> NodeResult | None:
        """The result with this key, or None."""
        result = self._results.get(key)
        if result is not None:
            self._results.move_to_end(key)
        return result

    def put(self, key: str, result: NodeResult) -> None:
        """Keep a result."""
        self._results[key] = result
        while len(self._results) > CACHE_SIZE:
            self._results.popitem(last=False)

    def clear(self) -> None:
        """Drop all results."""
        self._results.clear()


class CacheKeys:
    """The cache keys of the nodes of one graph.

    A key is a hash of the node's class, its literal inputs, the content of its input files and the keys of the nodes
    that it is linked to. Node ids are not part of it.
    """

    def __init__(self, graph: Mapping[str, Any], installed: Installation) -> None:
        self._graph = graph
        self._installed = installed
        self._keys: dict[str, str] = {}

    def key(self, node_id: str) -> str:
        """The key of a node. Computed without recursion, because graphs may be deep."""
        waiting = [node_id]
        while waiting:
            current = waiting[-1]
            inputs: Mapping[str, Any] = self._graph[current].get("inputs", {})
            sources = [value[0] for value in inputs.values() if is_link(value) and value[0] in self._graph]
            unknown = [source for source in sources if source not in self._keys and source not in waiting]
            if unknown:
                waiting.extend(unknown)
                continue
            waiting.pop()
            if current not in self._keys:
                self._keys[current] = self._hash(current, inputs)
        return self._keys[node_id]

    def _hash(self, node_id: str, inputs: Mapping[str, Any]) -> str:
        node = self._installed.nodes[self._graph[node_id]["class_type"]]
        files = node.fingerprint(self._installed.folders, inputs) if node.fingerprint is not None else ""
        parts = {
            name: ["link", self._keys.get(value[0]), value[1]] if is_link(value) else ["value", value]
            for name, value in sorted(inputs.items())
        }
        return hashlib.sha256(json.dumps([node.class_type, files, parts], default=str).encode()).hexdigest()
