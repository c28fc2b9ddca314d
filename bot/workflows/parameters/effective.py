"""What a graph really ran with, whether a person changed it or not."""

from __future__ import annotations

import re
from typing import Any

from bot.workflows.graph import Graph, class_type, inputs, node_order, upstream
from bot.workflows.object_info import ObjectInfo
from bot.workflows.parameters.of_workflow import parameters_of
from bot.workflows.workflow import Workflow

_LORA_CLASS = re.compile(r"lora|efficient loader", re.IGNORECASE)
_NO_FILE = frozenset({"", "none"})


def effective_values(workflow: Workflow, graph: Graph, object_info: ObjectInfo | None = None) -> dict[str, Any]:
    """Return the values of the well-known parameters in a graph that is about to be queued, and its LoRAs.

    Args:
        workflow: The workflow.
        graph: The result of `inject`.
        object_info: The body of `GET /object_info`, if known.

    Returns:
        Parameter name -> value; `loras` is a list of texts such as `ink.safetensors:0.8`, absent where there are none.

    """
    found: dict[str, Any] = {}
    for parameter in parameters_of(workflow, object_info):
        if not parameter.well_known or parameter.name in {"lora", "strength"}:
            continue
        place = parameter.places[0]
        value = inputs(graph, place.node_id).get(place.input_name)
        if isinstance(value, (int, float, str)):
            found[parameter.name] = value
    if loras := _loras(graph, workflow):
        found["loras"] = loras
    return found


def _loras(graph: Graph, workflow: Workflow) -> list[str]:
    found: list[str] = []
    for node_id in sorted(upstream(graph, workflow.analysis.output_nodes), key=node_order):
        given = inputs(graph, node_id)
        name = given.get("lora_name")
        if not _LORA_CLASS.search(class_type(graph, node_id)) or not isinstance(name, str) or name.lower() in _NO_FILE:
            continue
        strengths = [value for key, value in given.items() if "strength" in key and isinstance(value, (int, float))]
        found.append(":".join([name, *(f"{value:g}" for value in dict.fromkeys(strengths))]))
    return found
