"""JSON objects, and reading values from them that may be absent or null."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]


def get_object(node: Json, key: str) -> Json:
    """An object inside an object; empty where it is absent or null."""
    return node.get(key) or {}


def get_list(node: Json, key: str) -> list[Json]:
    """A list of objects inside an object; empty where it is absent or null."""
    return node.get(key) or []


def get_int(node: Json, key: str, default: int) -> int:
    """An integer inside an object; the default where it is absent or null."""
    value = node.get(key)
    return default if value is None else int(value)
