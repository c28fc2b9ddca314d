"""What happens when: a pure function of the seed and the length."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

FIRST_SECONDS: Final = 3.0
"""Before the first fault, so that there is something to disturb."""
PAUSE: Final = (0.5, 4.0)
"""Seconds between the beginnings of two faults."""
LENGTH: Final = (0.5, 6.0)
"""Seconds of a fault that lasts."""
DEEDS_PER_SECOND: Final = 1.5
DEEDS: Final = {"imagine": 8, "say": 6, "again": 3, "batch": 1, "film": 1, "cancel": 1, "queue": 1}
"""What people do, and how often."""


@dataclass(frozen=True)
class Planned:
    """One event.

    Attributes:
        at: Seconds from the start.
        name: Of the fault or deed.
        seconds: How long a fault lasts.
        choice: A number from 0 to 1 for what is still to be chosen.

    """

    at: float
    name: str
    seconds: float
    choice: float


def planned_faults(seed: int, seconds: float, names: Sequence[str]) -> list[Planned]:
    """Faults over that time, each as likely as the others."""
    rng = random.Random(f"faults {seed}")
    found: list[Planned] = []
    at = FIRST_SECONDS
    while at < seconds:
        found.append(Planned(at, rng.choice(names), rng.uniform(*LENGTH), rng.random()))
        at += rng.uniform(*PAUSE)
    return found


def planned_deeds(seed: int, seconds: float) -> list[Planned]:
    """What people do over that time."""
    rng = random.Random(f"deeds {seed}")
    found: list[Planned] = []
    at = 0.0
    while at < seconds:
        name = rng.choices(list(DEEDS), weights=list(DEEDS.values()))[0]
        found.append(Planned(at, name, 0.0, rng.random()))
        at += rng.expovariate(DEEDS_PER_SECOND)
    return found
