"""Validating the graph of a POST /prompt before it is queued.

The order of the checks, the types of the errors and their texts are those of ComfyUI 0.33, as observed: clients match
on them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sandbox.comfyui.graphs import is_link
from sandbox.comfyui.node_types import Installation
from sandbox.comfyui.validation_errors import (
    ErrorObject,
    InputConfig,
    custom_validation_error,
    error_object,
    input_error,
    missing_input,
    validation_exception,
)
from sandbox.comfyui.validation_literals import check_literal

MAX_RECURSIVE_NODES = 200
"""Graphs with more nodes are validated from their sources on, so that a long chain needs no deep recursion."""


@dataclass(frozen=True, slots=True)
class ValidationResult:
    """Whether a graph can be queued.

    `error` is None if at least one output node is valid; `node_errors` then tells of the other ones.
    """

    error: ErrorObject | None
    outputs: list[str] = field(default_factory=list[str])
    """The ids of the valid output nodes."""
    node_errors: dict[str, Any] = field(default_factory=dict[str, Any])
    """As in ComfyUI's reply: node id -> `errors`, `dependent_outputs`, `class_type`."""


@dataclass
class _NodeResult:
    valid: bool
    """The node and everything that it is linked to is valid."""
    errors: list[ErrorObject]
    """What is wrong with the node itself."""


def validate(installed: Installation, graph: dict[str, Any], targets: Sequence[str] | None = None) -> ValidationResult:
    """Validate a graph. Literals are converted in place (`"2"` becomes 2), as ComfyUI does.

    Args:
        installed: The nodes and model files of the server.
        graph: The graph in API format.
        targets: The output nodes to run (`partial_execution_targets`); None: all.

    Raises:
        TypeError, AttributeError: `graph` is a list or in the UI format; ComfyUI answers 500 then.

    """
    outputs: list[str] = []
    for node_id, node in graph.items():
        missing = _missing_node_type(installed, node_id, node)
        if missing is not None:
            return ValidationResult(missing)
        if installed.nodes[node["class_type"]].is_output and (targets is None or node_id in targets):
            outputs.append(node_id)
    if not outputs:
        return ValidationResult(error_object("prompt_no_outputs", "Prompt has no outputs"))
    return _GraphValidation(installed, graph).run(outputs)


def _missing_node_type(installed: Installation, node_id: str, node: Mapping[str, Any]) -> ErrorObject | None:
    title = node.get("_meta", {}).get("title")
    if "class_type" not in node:
        message = (
            f"Node '{title or f'ID #{node_id}'}' has no class_type. "
            "The workflow may be corrupted or a custom node is missing."
        )
        class_type = None
    elif node["class_type"] in installed.nodes:
        return None
    else:
        class_type = node["class_type"]
        title = title if title is not None else class_type
        message = f"Node '{title}' not found. The custom node may not be installed."
    extra = {"node_id": node_id, "class_type": class_type, "node_title": title}
    return error_object("missing_node_type", message, f"Node ID '#{node_id}'", extra)


class _GraphValidation:
    def __init__(self, installed: Installation, graph: dict[str, Any]) -> None:
        self._installed = installed
        self._graph = graph
        self._results: dict[str, _NodeResult] = {}
        self._path: list[str] = []
        """The nodes from the output node to the one that is being validated, to find cycles."""

    def run(self, outputs: list[str]) -> ValidationResult:
        valid: list[str] = []
        errors: list[ErrorObject] = []
        node_errors: dict[str, Any] = {}
        for output in outputs:
            if len(self._graph) > MAX_RECURSIVE_NODES:
                self._validate_sources_first(output)
            try:
                result = self._validate(output)
            except Exception as error:  # noqa: BLE001 - whatever a malformed graph raises becomes its error text
                failed = _NodeResult(valid=False, errors=[validation_exception(error, inner=False)])
                result = self._results[output] = failed
            if result.valid:
                valid.append(output)
            else:
                errors += result.errors
                self._collect_node_errors(output, node_errors)
        if valid:
            return ValidationResult(None, valid, node_errors)
        details = "\n".join(f"{error['message']}: {error['details']}" for error in errors)
        failure = error_object("prompt_outputs_failed_validation", "Prompt outputs failed validation", details)
        return ValidationResult(failure, [], node_errors)

    def _validate_sources_first(self, output: str) -> None:
        """Validate what an output node is linked to, the sources first. Exceptions are raised again by `_validate`."""
        order: list[str] = []
        seen: set[str] = set()
        waiting = [output]
        while waiting:
            current = waiting.pop()
            if current not in seen and current in self._graph:
                seen.add(current)
                order.append(current)
                inputs: Mapping[str, Any] = self._graph[current].get("inputs", {})
                waiting += [value[0] for value in inputs.values() if is_link(value)]
        for node_id in reversed(order):
            with contextlib.suppress(Exception):
                self._validate(node_id)

    def _collect_node_errors(self, output: str, node_errors: dict[str, Any]) -> None:
        for node_id, result in self._results.items():
            if not result.valid and result.errors:
                class_type = self._graph[node_id]["class_type"]
                entry = node_errors.setdefault(
                    node_id, {"errors": result.errors, "dependent_outputs": [], "class_type": class_type}
                )
                entry["dependent_outputs"].append(output)

    def _validate(self, node_id: str) -> _NodeResult:
        if node_id in self._results:
            return self._results[node_id]
        if node_id in self._path:
            return self._report_cycle(node_id)
        inputs: dict[str, Any] = self._graph[node_id]["inputs"]
        node = self._installed.nodes[self._graph[node_id]["class_type"]]
        errors: list[ErrorObject] = []
        sources_valid = True
        for name, required, kind, settings in self._installed.inputs(node.class_type, inputs):
            config = (kind, settings)
            if name not in inputs:
                if required and kind != "COMFY_DYNAMICCOMBO_V3":
                    errors.append(missing_input(name))
            elif isinstance(inputs[name], list):
                sources_valid &= self._validate_link(node_id, name, config, errors)
            elif error := check_literal(inputs, name, config, skip_limits=name in node.checked):
                errors.append(error)
        if node.check is not None:
            checked = node.check(self._installed.folders, inputs)
            errors += [custom_validation_error(name, message) for name, message in checked.items()]
        # A cycle through this node has been reported for it meanwhile.
        known = self._results.get(node_id, _NodeResult(valid=True, errors=[]))
        result = _NodeResult(known.valid and sources_valid and not errors, known.errors + errors)
        self._results[node_id] = result
        return result

    def _validate_link(self, node_id: str, name: str, config: InputConfig, errors: list[ErrorObject]) -> bool:
        """Whether the linked node is valid. What is wrong with the link itself is appended to `errors`."""
        link: list[Any] = self._graph[node_id]["inputs"][name]
        if len(link) != 2:
            message = "Bad linked input, must be a length-2 list of [node_id, slot_index]"
            errors.append(input_error("bad_linked_input", message, name, name, config, received_value=link))
            return True
        source = self._graph[link[0]]
        slot: int = link[1]
        received = self._installed.nodes[source["class_type"]].output_types[slot]
        if not _types_match(received, config[0]):
            details = f"{name}, received_type({received}) mismatch input_type({config[0]})"
            message = "Return type mismatch between linked nodes"
            extra = {"received_type": received, "linked_node": link}
            errors.append(input_error("return_type_mismatch", message, details, name, config, **extra))
            return True
        self._path.append(node_id)
        try:
            return self._validate(link[0]).valid
        except Exception as error:  # noqa: BLE001 - whatever a malformed graph raises becomes its error text
            inner = validation_exception(error, inner=True)
            inner["extra_info"] |= {"input_name": name, "input_config": list(config), "linked_node": link}
            self._results[link[0]] = _NodeResult(valid=False, errors=[inner])
            return False
        finally:
            self._path.pop()

    def _report_cycle(self, node_id: str) -> _NodeResult:
        path = [*self._path[self._path.index(node_id) :], node_id]
        members = list(dict.fromkeys(path))
        details = " -> ".join(f"{each} ({self._graph[each]['class_type']})" for each in path)
        for each in members:
            extra = {"node_id": each, "cycle_nodes": members}
            error = error_object("dependency_cycle", "Dependency cycle detected", details, extra)
            self._results[each] = _NodeResult(valid=False, errors=[error])
        return self._results[node_id]


def _types_match(received: str, expected: Any) -> bool:
    if not isinstance(expected, str):
        return received in {"COMBO", "*"}
    if "*" in {received, expected}:
        return True
    return bool(set(received.split(",")) & set(expected.split(",")))
