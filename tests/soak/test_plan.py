"""The plan of a soak."""

from __future__ import annotations

from itertools import pairwise

from soak.faults import fault_names
from soak.plan import DEEDS, FIRST_SECONDS, PAUSE, planned_deeds, planned_faults

HOUR = 3600.0


def test_a_seed_repeats_the_plan() -> None:
    names = fault_names(own_disk=True)
    assert planned_faults(7, HOUR, names) == planned_faults(7, HOUR, names)
    assert planned_deeds(7, HOUR) == planned_deeds(7, HOUR)
    assert planned_faults(7, HOUR, names) != planned_faults(8, HOUR, names)
    assert planned_deeds(7, HOUR) != planned_deeds(8, HOUR)


def test_an_hour_has_every_fault_and_every_deed() -> None:
    names = fault_names(own_disk=True)
    faults = planned_faults(1, HOUR, names)
    assert {planned.name for planned in faults} == set(names)
    assert {planned.name for planned in planned_deeds(1, HOUR)} == set(DEEDS)
    times = [planned.at for planned in faults]
    assert times[0] == FIRST_SECONDS
    assert all(PAUSE[0] <= later - earlier <= PAUSE[1] for earlier, later in pairwise(times))


def test_without_a_disk_of_its_own_no_disk_is_filled() -> None:
    assert set(fault_names(own_disk=True)) - set(fault_names(own_disk=False)) == {"disk full"}
