"""Circuit breakers: when they open, whom they let through, and when they close."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from bot.circuit_breaker import BreakerOptions, CircuitBreaker, CircuitState

OPTIONS = BreakerOptions(threshold=3, first_pause=2.0, longest_pause=5.0)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def opened() -> tuple[CircuitBreaker, Clock]:
    clock = Clock()
    breaker = CircuitBreaker(OPTIONS, clock)
    for _ in range(3):
        assert breaker.allows()
        breaker.failed()
    return breaker, clock


def test_it_opens_after_failures_in_a_row_only() -> None:
    breaker = CircuitBreaker(OPTIONS, Clock())
    for _ in range(5):
        breaker.failed()
        breaker.failed()
        breaker.succeeded()
        assert breaker.state is CircuitState.CLOSED
    breaker, _ = opened()
    assert breaker.state is CircuitState.OPEN
    assert not breaker.allows()


def test_one_probe_at_a_time_decides() -> None:
    breaker, clock = opened()
    clock.now += 2.0
    assert [breaker.allows() for _ in range(3)] == [True, False, False]
    breaker.succeeded()
    assert [breaker.allows() for _ in range(3)] == [True, True, True]


def test_pauses_grow_up_to_the_longest() -> None:
    breaker, clock = opened()
    pauses: list[float] = []
    for _ in range(4):
        pauses.append(breaker.seconds_until_probe)
        clock.now += breaker.seconds_until_probe
        assert breaker.allows()
        breaker.failed()
    assert pauses == [2.0, 4.0, 5.0, 5.0]


def test_a_probe_that_nobody_ends_is_replaced() -> None:
    breaker, clock = opened()
    clock.now += 2.0
    assert breaker.allows()
    clock.now += 2.0
    assert breaker.allows()


async def test_who_waits_goes_on_as_the_probe_or_when_it_closes() -> None:
    breaker, _ = opened()
    waiting = [asyncio.create_task(breaker.wait()) for _ in range(2)]
    await asyncio.sleep(0)
    breaker.probe_now()
    done, pending = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    assert (len(done), len(pending)) == (1, 1)
    breaker.succeeded()
    await asyncio.gather(*pending)


@given(st.lists(st.sampled_from(["failed", "succeeded", "time"]), max_size=40))
def test_it_is_closed_exactly_after_fewer_failures_than_the_threshold(events: list[str]) -> None:
    clock = Clock()
    breaker = CircuitBreaker(OPTIONS, clock)
    failures = 0
    acts: dict[str, Callable[[], None]] = {"failed": breaker.failed, "succeeded": breaker.succeeded}
    for event in events:
        if event == "time":
            clock.now += 1.0
        else:
            acts[event]()
            failures = failures + 1 if event == "failed" else 0
        assert (breaker.state is CircuitState.CLOSED) == (failures < 3)
