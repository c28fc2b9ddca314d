"""The time of a service that dates what it sends, where this computer's clock may be wrong or be set meanwhile."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime


class ServiceClock:
    """Tells the service's time by the `Date` header of its answers (RFC 9110, 6.6.1), to a second or so.

    Before the first answer it is this computer's time. Between two answers the monotonic clock counts on, so that a
    step of this computer's clock changes nothing.
    """

    def __init__(self) -> None:
        self._told: datetime | None = None
        self._told_at = 0.0

    def observe(self, date: str) -> None:
        """Take the time from a `Date` header; what is no date is ignored."""
        try:
            told = parsedate_to_datetime(date)
        except ValueError:
            return
        self._told = told if told.tzinfo is not None else told.replace(tzinfo=UTC)
        self._told_at = time.monotonic()

    def now(self) -> datetime:
        """The service's time, aware."""
        if self._told is None:
            return datetime.now(UTC)
        return self._told + timedelta(seconds=time.monotonic() - self._told_at)
