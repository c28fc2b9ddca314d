"""What the stand-in knows of a class_type: its `/object_info` entry, and the function that runs the node."""

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

    `info` is its `/object_info` entry. In place of a combo's choices it may have the text `@models/<folder>` or
    `@input/<media>`; the choices are then read when they are asked for.

    `check` is the node's own validation, as VALIDATE_INPUTS in ComfyUI: input name -> what is wrong with it. The inputs
    in `checked` are not compared with limits and combos. `fingerprint` is like IS_CHANGED: the node runs again when its
    value changes, although the inputs are the same.
    """

    info: Mapping[str, Any]
    run: Callable[[NodeContext, Inputs], NodeResult]
    check: Callable[[Folders, Inputs], Mapping[str, str]] | None = None
    checked: tuple[str, ...] = ()
    fingerprint: Callable[[Folders, Inputs], str] | None = None

    @property
    def class_type(self) -> str:
        """The name of the class_type."""
        return str(self.info["name"])

    @property
    def output_types(self) -> Sequence[str]:
        """The type of each output."""
        return tuple(self.info["output"])

    @property
    def is_output(self) -> bool:
        """Whether this is an output node."""
        return bool(self.info["output_node"])


@dataclass(frozen=True)
class Installation:
    """The nodes, model files and folders of a server. They may be changed while it runs."""

    nodes: dict[str, NodeType]
    models: dict[str, list[str]]
    folders: Folders
    lock: threading.Lock = field(default_factory=threading.Lock)

    def info(self, class_type: str) -> dict[str, Any]:
        """The `/object_info` entry of a class_type, with the choices of its combos."""
        node = self.nodes[class_type]
        return {**node.info, "input": self._fill_combos(node.info["input"])}

    def inputs(self, class_type: str, given: Mapping[str, Any]) -> Iterator[tuple[str, bool, Any, Mapping[str, Any]]]:
        """A node's inputs as (name, required, type or choices, settings), with the inputs of dynamic combos."""
        inputs = self.info(class_type)["input"]
        for part in ("required", "optional"):
            for name, spec in inputs.get(part, {}).items():
                yield from _expand_dynamic_combo(name, part == "required", spec, given)

    def _fill_combos(self, value: Any) -> Any:
        if isinstance(value, str) and value.startswith("@"):
            source, _, name = value[1:].partition("/")
            return list(self.models.get(name, [])) if source == "models" else self.folders.names(name)
        if isinstance(value, dict):
            return {key: self._fill_combos(each) for key, each in value.items()}  # pyright: ignore[reportUnknownVariableType]
        if isinstance(value, (list, tuple)):
            return [self._fill_combos(each) for each in value]  # pyright: ignore[reportUnknownVariableType]
        return value


def _expand_dynamic_combo(
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
                    yield from _expand_dynamic_combo(
                        f"{name}.{inner}", required and part == "required", inner_spec, given
                    )


def node_info(
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
    """An `/object_info` entry in the old format, as custom nodes have it."""
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
    """A hash of the content of an input file, so that its loader runs again when the file has changed."""
    path = folders.input_path(value)
    return hashlib.sha256(path.read_bytes()).hexdigest() if path is not None else "gone"
