"""A circuit breaker: after several failures in a row a server is left alone, but for a single request now and then."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class CircuitState(StrEnum):
    """Whether requests are let through."""

    CLOSED = "closed"
    """All of them."""
    OPEN = "open"
    """None."""
    HALF_OPEN = "half-open"
    """One, as a probe: its result decides."""


@dataclass(frozen=True, slots=True)
class BreakerOptions:
    """When a circuit breaker opens, and for how long. Times in seconds.

    Attributes:
        threshold: After so many failures in a row it opens.
        first_pause: Until the first probe; after each probe that fails twice as long.
        longest_pause: No pause is longer.

    """

    threshold: int = 3
    first_pause: float = 2.0
    longest_pause: float = 60.0


class CircuitBreaker:
    """The circuit breaker of one server. Who asks it before a request tells it how the request ended.

    A probe whose end nobody tells, because it was cancelled, is replaced by another one after the same pause.

    Args:
        options: When it opens.
        clock: Monotonic time in seconds.

    """

    def __init__(self, options: BreakerOptions | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._options = options or BreakerOptions()
        self._clock = clock
        self._failures = 0
        self._next_probe_at = 0.0
        self._changed = asyncio.Event()

    @property
    def state(self) -> CircuitState:
        """The state, without letting anything through."""
        if self._failures < self._options.threshold:
            return CircuitState.CLOSED
        return CircuitState.HALF_OPEN if self._clock() >= self._next_probe_at else CircuitState.OPEN

    @property
    def seconds_until_probe(self) -> float:
        """How long no request is let through; 0 where the next one would be."""
        return 0.0 if self.state is not CircuitState.OPEN else self._next_probe_at - self._clock()

    def allows(self) -> bool:
        """Whether a request may be made now. In the half-open state this request becomes the probe."""
        state = self.state
        if state is CircuitState.HALF_OPEN:
            self._next_probe_at = self._clock() + self._pause()
        return state is not CircuitState.OPEN

    async def wait(self) -> None:
        """Return when a request may be made; as `allows`, it may be the probe."""
        while not self.allows():
            self._changed.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self.seconds_until_probe):
                    await self._changed.wait()

    def succeeded(self) -> None:
        """A request was answered."""
        self._failures = 0
        self._changed.set()

    def failed(self) -> None:
        """A request failed because of the server."""
        self._failures += 1
        self._next_probe_at = self._clock() + self._pause()

    def probe_now(self) -> None:
        """Let the next request through as a probe: something else says that the server may work again."""
        self._next_probe_at = min(self._next_probe_at, self._clock())
        self._changed.set()

    def _pause(self) -> float:
        doublings = min(max(self._failures - self._options.threshold, 0), 30)
        return min(self._options.first_pause * 2**doublings, self._options.longest_pause)
