"""What POST /prompt checks before it queues a graph, and the very words in which it says no.

The order of checks, the types of errors and the texts are those of ComfyUI 0.33 (observed; clients match on them).
"""

from __future__ import annotations

import contextlib
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sandbox.comfyui.execution_list import is_link
from sandbox.comfyui.node_types import Installation

Problem = dict[str, Any]

DEEP = 200
"""Graphs larger than this are checked from their far end."""

LONG_LIST = 20
"""Combos longer than this are not sent back whole."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """`error` is None where at least one output can run; `node_errors` may be filled all the same."""

    error: Problem | None
    outputs: list[str] = field(default_factory=list[str])
    node_errors: dict[str, Any] = field(default_factory=dict[str, Any])


@dataclass
class _Checked:
    valid: bool
    problems: list[Problem]


def validate(installed: Installation, graph: dict[str, Any], targets: Sequence[str] | None = None) -> Verdict:
    """Check a whole graph. Literals are converted in place (`"2"` becomes 2), as ComfyUI does.

    Raises:
        TypeError, AttributeError: `graph` is no graph at all (a list, a UI workflow): ComfyUI answers 500 then.

    """
    outputs: list[str] = []
    for node_id, node in graph.items():
        missing = _missing_type(installed, node_id, node)
        if missing is not None:
            return Verdict(missing)
        if installed.nodes[node["class_type"]].is_output and (targets is None or node_id in targets):
            outputs.append(node_id)
    if not outputs:
        return Verdict(_error("prompt_no_outputs", "Prompt has no outputs"))
    return _Validation(installed, graph).judge(outputs)


def _missing_type(installed: Installation, node_id: str, node: Mapping[str, Any]) -> Problem | None:
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
    return _error("missing_node_type", message, f"Node ID '#{node_id}'", extra)


class _Validation:
    def __init__(self, installed: Installation, graph: dict[str, Any]) -> None:
        self._installed = installed
        self._graph = graph
        self._checked: dict[str, _Checked] = {}
        self._path: list[str] = []

    def judge(self, outputs: list[str]) -> Verdict:
        good: list[str] = []
        bad: list[Problem] = []
        node_errors: dict[str, Any] = {}
        for output in outputs:
            if len(self._graph) > DEEP:
                self._check_sources_first(output)
            try:
                result = self._check(output)
            except Exception as error:  # noqa: BLE001 - whatever a malformed graph raises becomes its error text
                result = self._checked[output] = _Checked(valid=False, problems=[_raised(error, inner=False)])
            if result.valid:
                good.append(output)
            else:
                bad += result.problems
                self._collect(output, node_errors)
        if good:
            return Verdict(None, good, node_errors)
        details = "\n".join(f"{each['message']}: {each['details']}" for each in bad)
        error = _error("prompt_outputs_failed_validation", "Prompt outputs failed validation", details)
        return Verdict(error, [], node_errors)

    def _check_sources_first(self, output: str) -> None:
        """Check from the far end on, so that a long chain needs no deep recursion. What raises is left for later."""
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
                self._check(node_id)

    def _collect(self, output: str, node_errors: dict[str, Any]) -> None:
        for node_id, result in self._checked.items():
            if not result.valid and result.problems:
                class_type = self._graph[node_id]["class_type"]
                entry = node_errors.setdefault(
                    node_id, {"errors": result.problems, "dependent_outputs": [], "class_type": class_type}
                )
                entry["dependent_outputs"].append(output)

    def _check(self, node_id: str) -> _Checked:
        if node_id in self._checked:
            return self._checked[node_id]
        if node_id in self._path:
            return self._cycle(node_id)
        given: dict[str, Any] = self._graph[node_id]["inputs"]
        node = self._installed.nodes[self._graph[node_id]["class_type"]]
        problems: list[Problem] = []
        valid = True
        for name, required, kind, settings in self._installed.inputs(node.class_type, given):
            if name not in given:
                if required and kind != "COMFY_DYNAMICCOMBO_V3":
                    problems.append(_missing_input(name))
                continue
            if isinstance(given[name], list):
                valid &= self._check_link(node_id, name, kind, settings, problems)
            else:
                _check_literal(given, name, kind, settings, problems, free=name in node.checked)
        if node.check is not None:
            for name, message in node.check(self._installed.folders, given).items():
                problems.append(_custom(name, message))
        known = self._checked.get(node_id, _Checked(valid=True, problems=[]))
        result = _Checked(known.valid and valid and not problems, known.problems + problems)
        self._checked[node_id] = result
        return result

    def _check_link(
        self, node_id: str, name: str, kind: Any, settings: Mapping[str, Any], problems: list[Problem]
    ) -> bool:
        """Whether what is linked can run; what is wrong with the link itself goes into `problems`."""
        link: list[Any] = self._graph[node_id]["inputs"][name]
        if len(link) != 2:
            message = "Bad linked input, must be a length-2 list of [node_id, slot_index]"
            problems.append(_about("bad_linked_input", message, name, name, (kind, settings), received_value=link))
            return True
        source = self._graph[link[0]]
        slot: int = link[1]
        received = self._installed.nodes[source["class_type"]].output_types[slot]
        if not _fits(received, kind):
            details = f"{name}, received_type({received}) mismatch input_type({kind})"
            message = "Return type mismatch between linked nodes"
            problem = _about(
                "return_type_mismatch",
                message,
                details,
                name,
                (kind, settings),
                received_type=received,
                linked_node=link,
            )
            problems.append(problem)
            return True
        self._path.append(node_id)
        try:
            return self._check(link[0]).valid
        except Exception as error:  # noqa: BLE001 - whatever a malformed graph raises becomes its error text
            problem = _raised(error, inner=True)
            problem["extra_info"] |= {"input_name": name, "input_config": [kind, settings], "linked_node": link}
            self._checked[link[0]] = _Checked(valid=False, problems=[problem])
            return False
        finally:
            self._path.pop()

    def _cycle(self, node_id: str) -> _Checked:
        path = [*self._path[self._path.index(node_id) :], node_id]
        members = list(dict.fromkeys(path))
        details = " -> ".join(f"{each} ({self._graph[each]['class_type']})" for each in path)
        for each in members:
            extra = {"node_id": each, "cycle_nodes": members}
            problem = _error("dependency_cycle", "Dependency cycle detected", details, extra)
            self._checked[each] = _Checked(valid=False, problems=[problem])
        return self._checked[node_id]


def _fits(received: str, wanted: Any) -> bool:
    if not isinstance(wanted, str):
        return received in {"COMBO", "*"}
    if "*" in {received, wanted}:
        return True
    return bool(set(received.split(",")) & set(wanted.split(",")))


def _check_literal(
    given: dict[str, Any], name: str, kind: Any, settings: Mapping[str, Any], problems: list[Problem], *, free: bool
) -> None:
    value: Any = given[name]
    config = (kind, settings)
    try:
        if isinstance(value, dict) and "__value__" in value:
            value = given[name] = value["__value__"]  # pyright: ignore[reportUnknownVariableType]
        value = given[name] = _converted(value, kind)
    except (TypeError, ValueError, OverflowError) as error:
        message = f"Failed to convert an input value to a {kind} value"
        details = f"{name}, {value}, {error}"
        problem = _about(
            "invalid_input_type", message, details, name, config, received_value=value, exception_message=str(error)
        )
        problems.append(problem)
        return
    if free:
        return
    if "min" in settings and value < settings["min"]:
        message = f"Value {value} smaller than min of {settings['min']}"
        problems.append(_about("value_smaller_than_min", message, name, name, config, received_value=value))
    elif "max" in settings and value > settings["max"]:
        message = f"Value {value} bigger than max of {settings['max']}"
        problems.append(_about("value_bigger_than_max", message, name, name, config, received_value=value))
    elif isinstance(kind, list) or kind == "COMBO":
        _check_choice(value, name, config, problems)


def _converted(value: Any, kind: Any) -> Any:
    match kind:
        case "INT":
            return int(value)
        case "FLOAT":
            return float(value)
        case "STRING":
            return str(value)
        case "BOOLEAN":
            return bool(value)
        case _:
            return value


def _check_choice(value: Any, name: str, config: tuple[Any, Mapping[str, Any]], problems: list[Problem]) -> None:
    kind, settings = config
    choices: list[Any] = settings.get("options", []) if kind == "COMBO" else kind
    if value in choices:
        return
    long = len(choices) > LONG_LIST
    listed = f"(list of length {len(choices)})" if long else str(choices)
    details = f"{name}: {value!r} not in {listed}"
    problem = _about("value_not_in_list", "Value not in list", details, name, config, received_value=value)
    if long:
        problem["extra_info"]["input_config"] = None
    problems.append(problem)


def _error(kind: str, message: str, details: str = "", extra: dict[str, Any] | None = None) -> Problem:
    return {"type": kind, "message": message, "details": details, "extra_info": extra or {}}


def _about(
    kind: str, message: str, details: str, name: str, config: tuple[Any, Mapping[str, Any]], **extra: Any
) -> Problem:
    return _error(kind, message, details, {"input_name": name, "input_config": list(config), **extra})


def _missing_input(name: str) -> Problem:
    details = name.rsplit(".", 1)[-1]
    return _error("required_input_missing", "Required input is missing", details, {"input_name": name})


def _custom(name: str, message: str) -> Problem:
    details = f"{name} - {message}"
    return _error("custom_validation_failed", "Custom validation failed for node", details, {"input_name": name})


def _raised(error: Exception, *, inner: bool) -> Problem:
    kind = "exception_during_inner_validation" if inner else "exception_during_validation"
    message = "Exception when validating inner node" if inner else "Exception when validating node"
    extra = {"exception_type": type(error).__name__, "traceback": traceback.format_tb(error.__traceback__)}
    if inner:
        extra["exception_message"] = str(error)
    return _error(kind, message, str(error), extra)
