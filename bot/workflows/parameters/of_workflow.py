"""The parameters of a workflow as its owner allows them, cached by content and `/object_info`."""

from __future__ import annotations

import dataclasses
from collections import OrderedDict
from threading import Lock

from bot.workflows.bindings import Bindings, Limit
from bot.workflows.object_info import ObjectInfo
from bot.workflows.parameter_names import canonical_name
from bot.workflows.parameters.collection import WorkflowParameters
from bot.workflows.parameters.extraction import extract_parameters
from bot.workflows.parameters.parameter import NUMERIC_TYPES, OpenTo, Parameter
from bot.workflows.workflow import Workflow

_MAX_CACHED = 256
_cached: OrderedDict[tuple[str, int], tuple[ObjectInfo | None, WorkflowParameters]] = OrderedDict()
"""(content hash, identity of `/object_info`) -> that `/object_info`, kept so that its identity stays its own."""
_lock = Lock()


def parameters_of(workflow: Workflow, object_info: ObjectInfo | None = None) -> WorkflowParameters:
    """Return the parameters of a workflow; computed once for each content and each version of `/object_info`.

    Args:
        workflow: The workflow.
        object_info: The body of `GET /object_info`; the client gets a new one when its server restarts.

    """
    key = (workflow.content_hash, id(object_info))
    with _lock:
        if key in _cached:
            _cached.move_to_end(key)
            return _cached[key][1]
    parameters, other_names = extract_parameters(workflow.graph, workflow.analysis, object_info)
    found = _allowed(WorkflowParameters(parameters, other_names), workflow.bindings, other_names)
    with _lock:
        _cached[key] = (object_info, found)
        while len(_cached) > _MAX_CACHED:
            _cached.popitem(last=False)
    return found


def _allowed(found: WorkflowParameters, bindings: Bindings, other_names: dict[str, str]) -> WorkflowParameters:
    """The parameters with what the owner wrote into the bindings file."""
    changed = {parameter.name: parameter for parameter in found}

    def change(name: str, **values: object) -> None:
        if (parameter := found.find(name)) is not None and parameter.name in changed:
            changed[parameter.name] = dataclasses.replace(changed[parameter.name], **values)

    for name in bindings.expose:
        change(name, open_to=OpenTo.EVERYONE)
    for name, label in bindings.label.items():
        change(name, label=label)
    for name, value in bindings.defaults.named().items():
        change(name, default=value)
    for name, limit in bindings.limits.items():
        for each in ("width", "height") if canonical_name(name) == "size" else (name,):
            if (parameter := found.find(each)) is not None:
                change(each, **_limited(changed[parameter.name], limit))
    for name in bindings.lock:
        change(name, open_to=OpenTo.NOBODY)
    for name in bindings.hide:
        if (parameter := found.find(name)) is not None:
            changed.pop(parameter.name, None)
    kept = {other: name for other, name in other_names.items() if name in changed}
    return WorkflowParameters(list(changed.values()), kept)


def _limited(parameter: Parameter, limit: Limit) -> dict[str, object]:
    if isinstance(limit, (int, float)):
        limit = (parameter.minimum if parameter.minimum is not None else limit, limit)
    if parameter.type in NUMERIC_TYPES and len(limit) == 2 and all(isinstance(one, (int, float)) for one in limit):
        low, high = (float(one) if isinstance(one, float) else int(one) for one in limit)
        lows = [low, *([] if parameter.minimum is None else [parameter.minimum])]
        highs = [high, *([] if parameter.maximum is None else [parameter.maximum])]
        return {"minimum": max(lows), "maximum": min(highs)}
    allowed = {str(one) for one in limit}
    return {"choices": [one for one in parameter.choices or limit if str(one) in allowed]}
