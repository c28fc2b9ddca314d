"""What `chorus doctor` found, one line each."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How bad it is; only `BROKEN` makes the exit code 1."""

    OK = "ok"
    NOTE = "note"
    """Works with less, or was not checked."""
    BROKEN = "broken"


@dataclass(frozen=True)
class Finding:
    """One row of the table."""

    area: str
    state: State
    text: str
    advice: str = ""
    """What to do; empty where nothing is to be done."""


def ok(area: str, text: str) -> Finding:
    """Nothing to do."""
    return Finding(area, State.OK, text)


def note(area: str, text: str, advice: str = "") -> Finding:
    """Works with less, or was not checked."""
    return Finding(area, State.NOTE, text, advice)


def broken(area: str, text: str, advice: str) -> Finding:
    """Something the bot needs does not work."""
    return Finding(area, State.BROKEN, text, advice)
