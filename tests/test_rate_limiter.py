"""How often somebody may do something."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.rate_limiter import RateLimiter


@given(st.lists(st.floats(0, 20, allow_nan=False), max_size=60), st.integers(1, 4))
def test_no_window_holds_more_than_is_allowed(pauses: list[float], times: int) -> None:
    now = 0.0
    limiter = RateLimiter(times, seconds=10, clock=lambda: now)
    allowed: list[float] = []
    for pause in pauses:
        now += pause
        in_window = [at for at in allowed if at > now - 10]
        assert limiter.allows("ada") is (len(in_window) < times)
        if len(in_window) < times:
            allowed.append(now)


def test_everybody_counts_alone_and_old_keys_are_forgotten() -> None:
    now = 0.0
    limiter = RateLimiter(1, seconds=10, clock=lambda: now)
    assert all(limiter.allows(user) for user in range(3000))
    assert not limiter.allows(2999)
    now = 11.0
    assert limiter.allows(2999)
    assert len(limiter._uses) == 1  # pyright: ignore[reportPrivateUsage]
