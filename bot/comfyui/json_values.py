"""Reading decoded JSON of unknown shape: a value of another type becomes an empty one, never an error."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias, cast

JsonObject: TypeAlias = Mapping[str, Any]


def as_object(value: object) -> JsonObject:
    """A JSON object as it is; an empty object for anything else."""
    return cast("JsonObject", value) if isinstance(value, dict) else {}


def as_list(value: object) -> list[Any]:
    """A JSON array as it is; an empty list for anything else."""
    return cast("list[Any]", value) if isinstance(value, list) else []


def as_int(value: object) -> int | None:
    """A JSON number as an int; None for anything else, also for true and false."""
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
