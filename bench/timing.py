"""Durations in milliseconds, and their quantiles."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that `share` of the values do not exceed (nearest rank).

    Raises:
        ValueError: There are no values.

    """
    if not values:
        message = "nothing was measured"
        raise ValueError(message)
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


@dataclass
class Sample:
    """Durations of the same thing, in milliseconds."""

    values: list[float] = field(default_factory=list[float])

    @contextmanager
    def timed(self) -> Generator[None]:
        """Add how long the block takes."""
        started = time.perf_counter()
        yield
        self.values.append((time.perf_counter() - started) * 1000)

    @property
    def median(self) -> float:
        """Half are not above it."""
        return quantile(self.values, 0.5)

    @property
    def p99(self) -> float:
        """99 % are not above it."""
        return quantile(self.values, 0.99)

    @property
    def note(self) -> str:
        """The spread, for the table."""
        spread = f"{min(self.values):.3g} to {max(self.values):.3g} ms"
        return f"{len(self.values)} samples, {spread}"


def repeated(act: Callable[[], object], *, times: int) -> Sample:
    """Time a synchronous call so many times, after one that does not count."""
    act()
    sample = Sample()
    for _ in range(times):
        with sample.timed():
            act()
    return sample
