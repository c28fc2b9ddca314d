"""The `node_errors` of the answer to `POST /prompt`: what ComfyUI's validation found wrong with the inputs of nodes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.comfyui.json_values import as_list, as_object


@dataclass(frozen=True)
class NodeProblem:
    """One validation error of one node.

    Attributes:
        node_id: The node's key in the graph.
        class_type: The node's class.
        type: ComfyUI's name of the error: `value_not_in_list`, `required_input_missing`, `value_bigger_than_max`, ...
        message: ComfyUI's sentence for the type.
        details: What is wrong with this value. May hold paths of the server, so it is for the log only.
        input_name: The input that is wrong; None where ComfyUI names none.
        received: The value that was sent.
        options: The allowed values; empty where ComfyUI leaves them out, as it does for lists above 20 entries.

    """

    node_id: str
    class_type: str
    type: str
    message: str
    details: str
    input_name: str | None = None
    received: object = None
    options: tuple[str, ...] = ()


def parse_node_errors(node_errors: object) -> tuple[NodeProblem, ...]:
    """`{node_id: {"class_type": ..., "errors": [...]}}` as one entry per error."""
    found: list[NodeProblem] = []
    for node_id, value in as_object(node_errors).items():
        node = as_object(value)
        class_type = str(node.get("class_type") or "")
        found += [_problem(node_id, class_type, as_object(error)) for error in as_list(node.get("errors"))]
    return tuple(found)


def _problem(node_id: str, class_type: str, error: Mapping[str, Any]) -> NodeProblem:
    extra = as_object(error.get("extra_info"))
    name = extra.get("input_name")
    return NodeProblem(
        node_id=node_id,
        class_type=class_type,
        type=str(error.get("type") or ""),
        message=str(error.get("message") or ""),
        details=str(error.get("details") or ""),
        input_name=name if isinstance(name, str) else None,
        received=extra.get("received_value"),
        options=_options(extra.get("input_config")),
    )


def _options(input_config: object) -> tuple[str, ...]:
    """The choices of a combo input: `[["a", ...], {...}]` of older nodes, `["COMBO", {"options": [...]}]` of newer."""
    kind, details = [*as_list(input_config), None, None][:2]
    choices = as_list(kind) or as_list(as_object(details).get("options"))
    return tuple(choice for choice in choices if isinstance(choice, str))
