"""The inputs and results of nodes, and the errors that end a node."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Inputs = Mapping[str, Any]
"""A node's inputs with links replaced by the linked values; their types are as open as in ComfyUI, hence `Any`."""


@dataclass(frozen=True, slots=True)
class NodeResult:
    """A node's result: one value per output, and `ui`, which clients get as `executed.output`."""

    outputs: tuple[Any, ...] = ()
    ui: Mapping[str, Any] | None = None


class InterruptedProcessingError(Exception):
    """The prompt was interrupted, as ComfyUI's InterruptProcessingException."""


class OutOfMemoryError(Exception):
    """Reported to clients under the name of PyTorch's error."""
