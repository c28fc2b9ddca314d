"""What a gallery's buttons carry, and dates."""

from __future__ import annotations

import json
import re
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.gallery import GalleryQuery
from bot.domain.jobs import JobKind
from bot.errors import InputInvalid
from cogs.gallery.custom_ids import FILTERS, ITEM, JUMP, PAGE, POSITION, Filters, PagePosition
from cogs.gallery.dates import parse_date

NOW = datetime(2026, 5, 17, 15, 30, tzinfo=UTC)
SNOWFLAKES = st.integers(1, 2**63 - 1)
ANY_FILTERS = st.builds(
    Filters,
    kind=st.sampled_from([None, *JobKind]),
    since=st.none() | st.integers(1_420_070_400, 4_000_000_000).map(lambda when: datetime.fromtimestamp(when, UTC)),
    requester_id=st.none() | SNOWFLAKES,
    character_id=st.none() | st.from_regex(r"[a-z0-9_-]{1,50}", fullmatch=True),
)
POSITIONS = st.sampled_from([PagePosition("n"), PagePosition("o")]) | st.builds(
    PagePosition, st.sampled_from("ab"), SNOWFLAKES
)


@given(ANY_FILTERS, POSITIONS)
def test_everything_fits_into_a_custom_id_and_comes_back(filters: Filters, position: PagePosition) -> None:
    match = re.fullmatch(FILTERS, filters.packed)
    assert match is not None
    assert Filters.of(match) == filters
    assert re.fullmatch(POSITION, position.packed)
    assert PagePosition.of(position.packed) == position
    longest = f"chorus:gp:{position.packed}:{filters.packed}"
    assert len(longest) <= 100
    assert re.fullmatch(PAGE, longest)
    assert re.fullmatch(JUMP, f"chorus:gj:{filters.packed}")
    assert not re.fullmatch(ITEM, longest)


@given(ANY_FILTERS, st.none() | st.uuids(), st.text(min_size=1, max_size=200), POSITIONS)
def test_longer_filters_are_saved_by_their_content(
    filters: Filters, batch_id: uuid.UUID | None, words: str, position: PagePosition
) -> None:
    longer = replace(filters, batch_id=batch_id, text=words)
    assert Filters.of_content(json.loads(json.dumps(longer.content))) == longer
    match = re.fullmatch(PAGE, f"chorus:gp:{position.packed}:{longer.packed}")
    assert match is not None
    assert match["saved"] == longer.key != replace(longer, text=words + "x").key
    assert filters.key is None


def test_the_query_of_a_page() -> None:
    query = PagePosition("b", 7).applied_to(
        Filters(kind=JobKind.VIDEO, requester_id=5).applied_to(GalleryQuery(channel_id=1))
    )
    assert query == GalleryQuery(channel_id=1, kind=JobKind.VIDEO, requester_id=5, older_than=7)
    assert PagePosition("o").applied_to(GalleryQuery(channel_id=1)).from_oldest


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
    assert parse_date(text, now=NOW) == expected


@pytest.mark.parametrize("text", ["", "soon", "2026-13-01", "99999y", "1900-01-01", "-3d", "0001-01-01"])
def test_what_is_no_date_is_told(text: str) -> None:
    with pytest.raises(InputInvalid):
        parse_date(text, now=NOW)
