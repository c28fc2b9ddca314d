"""How often somebody may do something in a short time."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Hashable

_KEYS_KEPT = 1000


class RateLimiter:
    """Counts uses by key, such as a user's id, in a sliding window. Kept in memory only.

    Args:
        times: How many uses of one key are allowed within the window.
        seconds: Length of the window.
        clock: A monotonic clock, in seconds.

    """

    def __init__(self, times: int, *, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._times = times
        self._seconds = seconds
        self._clock = clock
        self._uses: dict[Hashable, deque[float]] = {}

    def allows(self, key: Hashable) -> bool:
        """Count a use of the key if it is allowed now; whether it is. Refused uses do not count."""
        now = self._clock()
        if len(self._uses) >= _KEYS_KEPT:
            self._uses = {each: uses for each, uses in self._uses.items() if uses[-1] > now - self._seconds}
        uses = self._uses.setdefault(key, deque(maxlen=self._times))
        if len(uses) == self._times and uses[0] > now - self._seconds:
            return False
        uses.append(now)
        return True
