"""Which models are in the stand-in's memory: Ollama's and LM Studio's ways of asking and unloading."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from sandbox.llm.faults import Faults
from sandbox.llm.options import StandInModelOptions


@dataclass
class LoadedModels:
    """Model -> when it is gone (`time.monotonic()`); infinity while nobody has asked for that."""

    options: StandInModelOptions
    faults: Faults
    _until: dict[str, float] = field(default_factory=dict[str, float])

    def load(self, model: str) -> None:
        """Use it."""
        self._until[model] = float("inf")

    def unload(self, model: str) -> None:
        """Let go of it, soon."""
        if model in self._until and not self.faults.never_unload:
            self._until[model] = min(self._until[model], time.monotonic() + self.faults.unload_delay)

    @property
    def names(self) -> list[str]:
        """What is in memory now."""
        now = time.monotonic()
        self._until = {model: until for model, until in self._until.items() if until > now}
        return list(self._until)

    def clear(self) -> None:
        """The server was started anew."""
        self._until.clear()
