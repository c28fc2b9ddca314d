"""A prompt that somebody else writes while the job waits for its turn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from bot.domain.jobs import GenerationRequest


@dataclass(frozen=True, slots=True)
class RewrittenPrompt:
    """What to draw instead of the request's own words."""

    positive: str
    note: str | None = None
    """A sentence for the person beside the result ("the model was unavailable")."""


class PromptRewriter(Protocol):
    """The language model as generation sees it."""

    async def rewrite(self, request: GenerationRequest) -> RewrittenPrompt:
        """The prompt for a request with `rewrite`; falls back to the request's words, with a note."""
        ...
