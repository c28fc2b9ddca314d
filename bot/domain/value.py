"""The base of all domain values: frozen, and stored as JSON."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Value(BaseModel):
    """A frozen value that can be stored as JSON; unknown keys are refused when it is read.

    An error about it names the keys and never their values, which may be words of people: such errors are logged.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", serialize_by_alias=True, hide_input_in_errors=True)
