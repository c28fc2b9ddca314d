"""The settings of a stand-in language model."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class StandInModelOptions:
    """The settings of a stand-in. In a prompt a token is four characters, in an answer it is one word."""

    models: tuple[str, ...] = ("stand-in:latest", "stand-in-small:latest")
    context_window: int = 8192
    token_seconds: float = 0.01
    """Duration of one word of an answer."""
    load_seconds: float = 0.0
    """Duration of loading a model that is not loaded."""
