"""What a gallery's buttons carry, and dates."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.gallery import GalleryQuery
from bot.domain.jobs import JobKind
from bot.errors import InputInvalid
from cogs.gallery._buttons import ItemButton, JumpButton, PageButton
from cogs.gallery._state import PATTERN, PLACE_PATTERN, Filters, Place
from cogs.gallery._when import parse_when

NOW = datetime(2026, 5, 17, 15, 30, tzinfo=UTC)
SNOWFLAKES = st.integers(1, 2**63 - 1)
FILTERS = st.builds(
    Filters,
    kind=st.sampled_from([None, *JobKind]),
    since=st.none() | st.integers(1_420_070_400, 4_000_000_000).map(lambda when: datetime.fromtimestamp(when, UTC)),
    person=st.none() | SNOWFLAKES,
    character_id=st.none() | st.from_regex(r"[a-z0-9_-]{1,50}", fullmatch=True),
)
PLACES = st.sampled_from([Place("n"), Place("o")]) | st.builds(Place, st.sampled_from("ab"), SNOWFLAKES)


@given(FILTERS, PLACES)
def test_everything_fits_into_a_custom_id_and_comes_back(filters: Filters, place: Place) -> None:
    match = re.fullmatch(PATTERN, filters.packed)
    assert match is not None
    assert Filters.of(match) == filters
    assert re.fullmatch(PLACE_PATTERN, place.packed)
    assert Place.of(place.packed) == place
    longest = f"chorus:gp:{place.packed}:{filters.packed}"
    assert len(longest) <= 100
    assert PageButton.__discord_ui_compiled_template__.fullmatch(longest)
    assert JumpButton.__discord_ui_compiled_template__.fullmatch(f"chorus:gj:{filters.packed}")
    assert not ItemButton.__discord_ui_compiled_template__.fullmatch(longest)


def test_the_query_of_a_page() -> None:
    query = Place("b", 7).on(Filters(kind=JobKind.VIDEO, person=5).on(GalleryQuery(channel_id=1)))
    assert query == GalleryQuery(channel_id=1, kind=JobKind.VIDEO, requester_id=5, older_than=7)
    assert Place("o").on(GalleryQuery(channel_id=1)).from_oldest


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-31", datetime(2026, 1, 31, tzinfo=UTC)),
        ("2026-01-31T08:00+02:00", datetime(2026, 1, 31, 6, tzinfo=UTC)),
        (" 3D ", NOW - timedelta(days=3)),
        ("2 weeks", NOW - timedelta(days=14)),
        ("12h", NOW - timedelta(hours=12)),
        ("today", datetime(2026, 5, 17, tzinfo=UTC)),
        ("yesterday", datetime(2026, 5, 16, tzinfo=UTC)),
    ],
)
def test_dates_as_people_write_them(text: str, expected: datetime) -> None:
    assert parse_when(text, now=NOW) == expected


@pytest.mark.parametrize("text", ["", "soon", "2026-13-01", "99999y", "1900-01-01", "-3d", "0001-01-01"])
def test_what_is_no_date_is_told(text: str) -> None:
    with pytest.raises(InputInvalid):
        parse_when(text, now=NOW)
