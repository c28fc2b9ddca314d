"""How a stand-in language model is set up."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class StandInModelOptions:
    """Sizes in tokens; a token is four characters of a prompt, and one word of an answer."""

    models: tuple[str, ...] = ("stand-in:latest", "stand-in-small:latest")
    context_window: int = 8192
    token_seconds: float = 0.01
    load_seconds: float = 0.0
    """Time of the first request to a model that is not in memory."""
