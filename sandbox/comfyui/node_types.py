"""What a node is to the stand-in: its `/object_info` entry, and the function that does its work."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sandbox.comfyui.folders import Folders
from sandbox.comfyui.node_context import NodeContext
from sandbox.comfyui.node_results import Inputs, NodeResult


@dataclass(frozen=True)
class NodeType:
    """One class_type.

    `info` is its `/object_info` entry; a combo may be the string `@models/<folder>` or `@input/<media>` there, filled
    in when asked. `check` says what is wrong with literal inputs, by input name; those inputs are then not compared
    with their combo. `fingerprint` changes when the node must run again although its inputs are the same.
    """

    info: Mapping[str, Any]
    run: Callable[[NodeContext, Inputs], NodeResult]
    check: Callable[[Folders, Inputs], Mapping[str, str]] | None = None
    checked: tuple[str, ...] = ()
    fingerprint: Callable[[Folders, Inputs], str] | None = None

    @property
    def class_type(self) -> str:
        """Its name."""
        return str(self.info["name"])

    @property
    def output_types(self) -> Sequence[str]:
        """One type per output."""
        return tuple(self.info["output"])

    @property
    def is_output(self) -> bool:
        """It ends a graph."""
        return bool(self.info["output_node"])


@dataclass(frozen=True)
class Installation:
    """What this server has: nodes and model files. Both may change while it runs."""

    nodes: dict[str, NodeType]
    models: dict[str, list[str]]
    folders: Folders
    lock: threading.Lock = field(default_factory=threading.Lock)

    def info(self, class_type: str) -> dict[str, Any]:
        """One `/object_info` entry with its combos filled in."""
        node = self.nodes[class_type]
        return {**node.info, "input": self._filled(node.info["input"])}

    def inputs(self, class_type: str, given: Mapping[str, Any]) -> Iterator[tuple[str, bool, Any, Mapping[str, Any]]]:
        """A node's inputs as (name, required, type or list of options, settings); dynamic combos are opened up."""
        described = self.info(class_type)["input"]
        for part in ("required", "optional"):
            for name, spec in described.get(part, {}).items():
                yield from _opened(name, part == "required", spec, given)

    def _filled(self, value: Any) -> Any:
        if isinstance(value, str) and value.startswith("@"):
            source, _, name = value[1:].partition("/")
            return list(self.models.get(name, [])) if source == "models" else self.folders.names(name)
        if isinstance(value, dict):
            return {key: self._filled(each) for key, each in value.items()}  # pyright: ignore[reportUnknownVariableType]
        if isinstance(value, (list, tuple)):
            return [self._filled(each) for each in value]  # pyright: ignore[reportUnknownVariableType]
        return value


def _opened(
    name: str, required: bool, spec: Sequence[Any], given: Mapping[str, Any]
) -> Iterator[tuple[str, bool, Any, Mapping[str, Any]]]:
    settings: Mapping[str, Any] = spec[1] if len(spec) > 1 else {}
    yield name, required, spec[0], settings
    if spec[0] != "COMFY_DYNAMICCOMBO_V3":
        return
    for option in settings.get("options", []):
        if option["key"] == given.get(name):
            for part in ("required", "optional"):
                for inner, inner_spec in option["inputs"].get(part, {}).items():
                    yield from _opened(f"{name}.{inner}", required and part == "required", inner_spec, given)


def described(
    name: str,
    *,
    required: Mapping[str, Any],
    optional: Mapping[str, Any] | None = None,
    outputs: Sequence[str] = (),
    output_node: bool = False,
    title: str = "",
    category: str = "sandbox",
    module: str = "custom_nodes.sandbox",
) -> dict[str, Any]:
    """An `/object_info` entry in the old dialect, as custom nodes have it."""
    inputs: dict[str, Any] = {"required": dict(required)}
    if optional:
        inputs["optional"] = dict(optional)
    return {
        "input": inputs,
        "input_order": {part: list(names) for part, names in inputs.items()},
        "is_input_list": False,
        "output": list(outputs),
        "output_is_list": [False] * len(outputs),
        "output_name": list(outputs),
        "name": name,
        "display_name": title or name,
        "description": "",
        "python_module": module,
        "category": category,
        "output_node": output_node,
        "has_intermediate_output": False,
        "search_aliases": [],
    }


def file_fingerprint(folders: Folders, value: Any) -> str:
    """The content of an input file, so that a changed file makes its loader run again."""
    path = folders.input_path(value)
    return hashlib.sha256(path.read_bytes()).hexdigest() if path is not None else "gone"
