"""Reading graphs in API format."""

from __future__ import annotations

from typing import Any


def is_link(value: Any) -> bool:
    """Whether an input is a link: `[node id, index of the output]`."""
    return isinstance(value, list) and len(value) == 2 and isinstance(value[0], str) and isinstance(value[1], int)  # pyright: ignore[reportUnknownArgumentType]
