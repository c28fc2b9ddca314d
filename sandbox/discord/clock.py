"""The local Discord's time, snowflakes, and waiting for changes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar

DISCORD_EPOCH_MS = 1_420_070_400_000
"""The start of snowflake time, in milliseconds since 1970 (reference, "Snowflake ID Format")."""

POLL_SECONDS = 0.05
"""Interval at which conditions are also checked, because they may depend on more than the local Discord's state."""

T = TypeVar("T")


class Clock:
    """The real time, which a test may move forward so that tokens and links expire.

    Args:
        ahead: Seconds by which it is ahead of this computer's clock from the start; negative: behind it.

    """

    def __init__(self, ahead: float = 0.0) -> None:
        self._ahead = ahead

    def now(self) -> float:
        """Seconds since 1970, with everything added that was given to `advance`."""
        return time.time() + self._ahead

    def advance(self, seconds: float) -> None:
        """Move the local Discord's time forward; the bot's clock does not change."""
        self._ahead += seconds

    def iso(self) -> str:
        """The time now as an ISO 8601 timestamp."""
        return iso(self.now())


def iso(moment: float) -> str:
    """Seconds since 1970 as an ISO 8601 timestamp: `2026-01-02T03:04:05.678000+00:00`."""
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="microseconds")


def snowflake_time(snowflake: int) -> float:
    """When a snowflake was made, in seconds since 1970."""
    return ((snowflake >> 22) + DISCORD_EPOCH_MS) / 1000


class Snowflakes:
    """Generates ids that always increase and whose upper bits are the time of creation."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last = 0

    def next(self) -> int:
        """A new id, larger than all before."""
        stamp = (int(self._clock.now() * 1000) - DISCORD_EPOCH_MS) << 22
        self._last = max(self._last + 1, stamp)
        return self._last


class ChangeNotifier:
    """Lets tests wait for conditions. They are checked again after every change."""

    def __init__(self) -> None:
        self._waiting: set[asyncio.Future[None]] = set()

    def notify(self) -> None:
        """Check all conditions that are waited for again."""
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
