"""The base of all domain values: frozen, and stored as JSON."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Value(BaseModel):
    """A frozen value that travels through the store as JSON; unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")
