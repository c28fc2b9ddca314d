"""Validating the literal inputs of a node: conversion to the input's type, limits and combos."""

from __future__ import annotations

from typing import Any

from sandbox.comfyui.validation_errors import ErrorObject, InputConfig, input_error

LONG_COMBO = 20
"""ComfyUI does not repeat combos with more choices than this in its errors."""


def check_literal(inputs: dict[str, Any], name: str, config: InputConfig, *, skip_limits: bool) -> ErrorObject | None:
    """Convert a literal in place (`"2"` becomes 2, as ComfyUI does) and return what is wrong with it, or None.

    Args:
        inputs: The node's inputs.
        name: The input to check.
        config: Its type and settings.
        skip_limits: Whether only the conversion is checked, because the node validates the input itself.

    """
    value: Any = inputs[name]
    kind, settings = config
    try:
        if isinstance(value, dict) and "__value__" in value:
            value = inputs[name] = value["__value__"]  # pyright: ignore[reportUnknownVariableType]
        value = inputs[name] = _convert(value, kind)
    except (TypeError, ValueError, OverflowError) as error:
        message, details = f"Failed to convert an input value to a {kind} value", f"{name}, {value}, {error}"
        return input_error(
            "invalid_input_type", message, details, name, config, received_value=value, exception_message=str(error)
        )
    if skip_limits:
        return None
    if "min" in settings and value < settings["min"]:
        message = f"Value {value} smaller than min of {settings['min']}"
        return input_error("value_smaller_than_min", message, name, name, config, received_value=value)
    if "max" in settings and value > settings["max"]:
        message = f"Value {value} bigger than max of {settings['max']}"
        return input_error("value_bigger_than_max", message, name, name, config, received_value=value)
    return _check_choice(value, name, config) if isinstance(kind, list) or kind == "COMBO" else None


def _convert(value: Any, kind: Any) -> Any:
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


def _check_choice(value: Any, name: str, config: InputConfig) -> ErrorObject | None:
    kind, settings = config
    choices: list[Any] = settings.get("options", []) if kind == "COMBO" else kind
    if value in choices:
        return None
    is_long = len(choices) > LONG_COMBO
    listed = f"(list of length {len(choices)})" if is_long else str(choices)
    details = f"{name}: {value!r} not in {listed}"
    error = input_error("value_not_in_list", "Value not in list", details, name, config, received_value=value)
    if is_long:
        error["extra_info"]["input_config"] = None
    return error
