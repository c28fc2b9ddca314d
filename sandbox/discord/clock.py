"""Time, snowflakes, and waiting for changes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar

DISCORD_EPOCH_MS = 1_420_070_400_000
"""Snowflakes count milliseconds from here (reference: "Snowflake ID Format")."""

POLL_SECONDS = 0.05
"""A waiting condition is also checked this often, as it may depend on more than the local Discord's state."""

T = TypeVar("T")


class Clock:
    """Wall time that a test may move forward, so that a token of 15 minutes expires without waiting for it."""

    def __init__(self) -> None:
        self._ahead = 0.0

    def now(self) -> float:
        """Seconds since 1970, moved forward by everything `advance` was given."""
        return time.time() + self._ahead

    def advance(self, seconds: float) -> None:
        """Move the local Discord's time forward; the bot's own clock is not touched."""
        self._ahead += seconds

    def iso(self) -> str:
        """Now, as Discord writes a timestamp."""
        return iso(self.now())


def iso(moment: float) -> str:
    """Seconds since 1970 as Discord writes a timestamp: `2026-01-02T03:04:05.678000+00:00`."""
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="microseconds")


def snowflake_time(snowflake: int) -> float:
    """When a snowflake was made, in seconds since 1970."""
    return ((snowflake >> 22) + DISCORD_EPOCH_MS) / 1000


class Snowflakes:
    """Ids that grow strictly, and whose upper bits are the time they were made."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last = 0

    def next(self) -> int:
        """A new id, larger than every one before."""
        stamp = (int(self._clock.now() * 1000) - DISCORD_EPOCH_MS) << 22
        self._last = max(self._last + 1, stamp)
        return self._last


class ChangeNotifier:
    """Lets tests wait for conditions: they are checked again whenever something changed."""

    def __init__(self) -> None:
        self._waiting: set[asyncio.Future[None]] = set()

    def notify(self) -> None:
        """Check every waiting condition again, because something changed."""
        for future in self._waiting:
            if not future.done():
                future.set_result(None)
        self._waiting.clear()

    async def wait_until(self, condition: Callable[[], T | None], *, timeout: float, what: str) -> T:  # noqa: ASYNC109 - the deadline belongs to the sentence of the failure
        """Wait until `condition` is true and return its value.

        Raises:
            TimeoutError: It was not true within `timeout` seconds; the message names `what` was waited for.

        """
        try:
            async with asyncio.timeout(timeout):
                while not (value := condition()):
                    future = asyncio.get_running_loop().create_future()
                    self._waiting.add(future)
                    try:
                        await asyncio.wait([future], timeout=POLL_SECONDS)
                    finally:
                        self._waiting.discard(future)
                return value
        except TimeoutError:
            message = f"The local Discord waited {timeout:g} s in vain for {what}."
            raise TimeoutError(message) from None
