from datetime import UTC, datetime, timedelta

import pytest

from bot.service_clock import ServiceClock


def test_the_time_of_the_service_is_told_by_its_answers() -> None:
    clock = ServiceClock()
    assert abs(clock.now() - datetime.now(UTC)) < timedelta(seconds=5)
    clock.observe("Tue, 15 Nov 1994 08:12:31 GMT")
    told = datetime(1994, 11, 15, 8, 12, 31, tzinfo=UTC)
    assert told <= clock.now() < told + timedelta(minutes=1)


@pytest.mark.parametrize("date", ["", "yesterday", "Tue, 99 Nov 1994 08:12:31 GMT", "\0", "0" * 5000])
def test_what_is_no_date_is_ignored(date: str) -> None:
    clock = ServiceClock()
    clock.observe(date)
    assert abs(clock.now() - datetime.now(UTC)) < timedelta(minutes=1)
