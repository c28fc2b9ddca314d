"""Dates as people write them: `2026-01-31`, `3d`, `yesterday`."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from bot.errors import InputInvalid

_AGO: Final = re.compile(r"(\d{1,5})\s*(h|hours?|d|days?|w|weeks?|m|months?|y|years?)", re.IGNORECASE)
_HOURS: Final = {"h": 1, "d": 24, "w": 7 * 24, "m": 30 * 24, "y": 365 * 24}
_ADVICE = "Write a date such as 2026-01-31, or how long ago: 12h, 3d, 2w, 6m, yesterday."


def parse_date(text: str, *, now: datetime) -> datetime:
    """The beginning of a day, or the moment so long ago; in UTC.

    Raises:
        InputInvalid: It is not a date, or the date does not exist.

    """
    wanted = text.strip().lower()
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    if wanted in {"today", "yesterday"}:
        return midnight - timedelta(days=wanted == "yesterday")
    ago = _AGO.fullmatch(wanted)
    try:
        if ago is not None:
            return now.astimezone(UTC) - timedelta(hours=int(ago[1]) * _HOURS[ago[2][0]])
        found = datetime.fromisoformat(wanted)
    except (ValueError, OverflowError):
        raise InputInvalid("That is no date.", advice=_ADVICE) from None
    found = found if found.tzinfo is not None else found.replace(tzinfo=UTC)
    if found.year < 2015:  # before Discord; also keeps custom ids short
        raise InputInvalid("Nothing is that old here.", advice=_ADVICE)
    return found
