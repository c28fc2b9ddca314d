"""The error objects with which POST /prompt refuses a graph, in the words of ComfyUI 0.33."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from typing import Any

ErrorObject = dict[str, Any]
"""`type`, `message`, `details` and `extra_info`, as in the `error` and the `node_errors` of a refusal."""

InputConfig = tuple[Any, Mapping[str, Any]]
"""An input's type (or its list of choices) and its settings, as `/object_info` has them."""


def error_object(kind: str, message: str, details: str = "", extra: dict[str, Any] | None = None) -> ErrorObject:
    """An error of the type `kind`."""
    return {"type": kind, "message": message, "details": details, "extra_info": extra or {}}


def input_error(kind: str, message: str, details: str, name: str, config: InputConfig, **extra: Any) -> ErrorObject:
    """An error about the input `name` of a node."""
    return error_object(kind, message, details, {"input_name": name, "input_config": list(config), **extra})


def missing_input(name: str) -> ErrorObject:
    """A required input is absent. For an input of a dynamic combo (`format.codec`) the details name its last part."""
    details = name.rsplit(".", 1)[-1]
    return error_object("required_input_missing", "Required input is missing", details, {"input_name": name})


def custom_validation_error(name: str, message: str) -> ErrorObject:
    """The node's own VALIDATE_INPUTS refused the input `name` with this message."""
    details = f"{name} - {message}"
    return error_object("custom_validation_failed", "Custom validation failed for node", details, {"input_name": name})


def validation_exception(error: Exception, *, inner: bool) -> ErrorObject:
    """Validation raised an exception: at an output node, or (`inner`) at a node that it is linked to."""
    kind = "exception_during_inner_validation" if inner else "exception_during_validation"
    message = "Exception when validating inner node" if inner else "Exception when validating node"
    extra = {"exception_type": type(error).__name__, "traceback": traceback.format_tb(error.__traceback__)}
    if inner:
        extra["exception_message"] = str(error)
    return error_object(kind, message, str(error), extra)
