"""How much graphics memory a workflow takes, as far as the sizes of its model files tell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from bot.workflows.model_files import ModelFile

_CLASSES: Final = (4, 6, 8, 10, 12, 16, 20, 24, 32, 40, 48, 80, 96)
"""Gigabytes that graphics cards have."""
_WORKING_BYTES: Final = 1.5e9
"""For what is computed, beside the model itself (ComfyUI, comfy/model_management.py: minimum_inference_memory)."""


@dataclass(frozen=True, slots=True)
class MemoryEstimate:
    """What the sizes of the model files say.

    Attributes:
        largest_bytes: The largest file whose size is known; 0: none is.
        total_bytes: All files whose sizes are known.
        unknown: The names of the others.

    """

    largest_bytes: int
    total_bytes: int
    unknown: tuple[str, ...]

    @property
    def class_gigabytes(self) -> int | None:
        """The smallest usual graphics card on which the largest model fits whole; None: not known, or none is enough.

        ComfyUI loads the models of a workflow one after another and keeps those that do not fit in main memory
        (comfy/model_management.py: load_models_gpu), so that the largest one decides.
        """
        if not self.largest_bytes:
            return None
        needed = (self.largest_bytes + _WORKING_BYTES) / 1e9
        return next((size for size in _CLASSES if size >= needed), None)


def estimate_memory(models: Iterable[ModelFile], sizes: Mapping[str, int]) -> MemoryEstimate | None:
    """Return what the sizes say; None: the workflow loads no model files.

    Args:
        models: The model files of a workflow.
        sizes: Bytes of the files that the server has, by name.

    """
    by_name = {name.replace("\\", "/"): size for name, size in sizes.items()}
    names = list(dict.fromkeys(model.name.replace("\\", "/") for model in models))
    if not names:
        return None
    known = {name: by_name[name] for name in names if name in by_name}
    unknown = tuple(name for name in names if name not in known)
    return MemoryEstimate(max(known.values(), default=0), sum(known.values()), unknown)
