"""The result of one check of `chorus doctor`: one row of its table."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class CheckStatus(StrEnum):
    """How a check has ended; only `BROKEN` makes the exit code 1."""

    OK = "ok"
    NOTE = "note"
    """It works with less, or was not checked."""
    BROKEN = "broken"


@dataclass(frozen=True)
class CheckResult:
    """What a check has found."""

    area: str
    """What was checked: Discord, ComfyUI, Workflows, ..."""
    status: CheckStatus
    text: str
    advice: str = ""
    """What to do; empty where nothing needs to be done."""


def ok(area: str, text: str) -> CheckResult:
    """Return a result that needs nothing to be done."""
    return CheckResult(area, CheckStatus.OK, text)


def note(area: str, text: str, advice: str = "") -> CheckResult:
    """Return a result for something that works with less, or was not checked."""
    return CheckResult(area, CheckStatus.NOTE, text, advice)


def broken(area: str, text: str, advice: str) -> CheckResult:
    """Return a result for something that the bot needs and that does not work."""
    return CheckResult(area, CheckStatus.BROKEN, text, advice)
