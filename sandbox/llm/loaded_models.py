"""Which models are loaded."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from sandbox.llm.faults import Faults
from sandbox.llm.options import StandInModelOptions


@dataclass
class LoadedModels:
    """Model name -> when it is unloaded (`time.monotonic()`); infinity until somebody unloads it."""

    options: StandInModelOptions
    faults: Faults
    _until: dict[str, float] = field(default_factory=dict[str, float])

    def load(self, model: str) -> None:
        """Load a model."""
        self._until[model] = float("inf")

    def unload(self, model: str) -> None:
        """Unload a model after the delay of the faults."""
        if model in self._until and not self.faults.never_unload:
            self._until[model] = min(self._until[model], time.monotonic() + self.faults.unload_delay)

    @property
    def names(self) -> list[str]:
        """The models that are loaded now."""
        now = time.monotonic()
        self._until = {model: until for model, until in self._until.items() if until > now}
        return list(self._until)

    def clear(self) -> None:
        """Unload all models at once."""
        self._until.clear()
