"""What a node gets and gives, and the errors that end it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Inputs = Mapping[str, Any]
"""A node's inputs with links resolved: as loose as ComfyUI's own, hence `Any`."""


@dataclass(frozen=True, slots=True)
class NodeResult:
    """What a node gives: one value per output, and what the browser is told (`executed.output`)."""

    outputs: tuple[Any, ...] = ()
    ui: Mapping[str, Any] | None = None


class InterruptedProcessingError(Exception):
    """Somebody asked for an interrupt; seen at a node's next look."""


class OutOfMemoryError(Exception):
    """Reported under the name that PyTorch's has."""
