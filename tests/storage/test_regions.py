"""Chosen regions in the database, and the jobs that are started from them."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.jobs import RegionStart
from bot.domain.regions import GRIDS, RegionSelection, cells_in_other_grid
from bot.errors import InputInvalid
from bot.storage.database import Database
from bot.storage.jobs import JobRepository
from bot.storage.regions import MAX_SELECTIONS, SELECTION_DAYS, RegionRepository
from tests.storage.factories import make_job

NOW = datetime(2026, 11, 1, tzinfo=UTC)


def selection(user_id: int = 1, *, age: timedelta = timedelta()) -> RegionSelection:
    at = datetime.now(UTC) - age
    return RegionSelection(
        id=uuid.uuid4(), user_id=user_id, job_id=uuid.uuid4(), picture=0, created_at=at, updated_at=at
    )


async def test_what_is_chosen_is_kept_and_choosing_twice_is_choosing_once(database: Database) -> None:
    regions, given = RegionRepository(database), selection()
    await regions.add(given)
    for _ in range(2):
        await regions.choose(given.id, 3, [4, 1], chosen=True)
    await regions.choose(given.id, 3, [1], chosen=False)
    assert await regions.choose(given.id, 4, [9], chosen=True) is not None, "of another grid: nothing changes"
    changed = await regions.set_words(given.id, "a boat", 0.5)
    assert changed is not None
    assert (changed.grid, changed.cells, changed.words, changed.strength) == (3, (4,), "a boat", 0.5)
    read = await RegionRepository(database).get(given.id)
    assert read == changed
    assert await regions.choose(uuid.uuid4(), 3, [0], chosen=True) is None
    assert await regions.set_grid(uuid.uuid4(), 4) is None


async def test_a_job_is_recorded_with_its_selection_or_not_at_all(database: Database) -> None:
    regions, jobs, given = RegionRepository(database), JobRepository(database), selection()
    await regions.add(given)
    first, second = make_job(), make_job()
    start = RegionStart(selection_id=given.id, number=0)
    started = [
        job.model_copy(update={"request": job.request.model_copy(update={"region_start": start})})
        for job in (first, second)
    ]
    await jobs.add(started[0], owner="test")
    with pytest.raises(InputInvalid, match="started already"):
        await jobs.add(started[1], owner="test")
    assert await jobs.get(second.id) is None
    read = await regions.get(given.id)
    assert read is not None
    assert (read.starts, read.started_job_id) == (1, first.id)
    stored = await jobs.get(first.id)
    assert stored is not None
    assert stored.request.region_start == start


async def test_old_selections_are_forgotten(database: Database) -> None:
    regions = RegionRepository(database)
    old = selection(age=timedelta(days=SELECTION_DAYS + 1))
    mine = [selection(2, age=timedelta(minutes=minutes)) for minutes in range(MAX_SELECTIONS, -1, -1)]
    for each in (old, *mine):
        await regions.add(each)
    found = [await regions.get(each.id) for each in (old, *mine)]
    assert [each is not None for each in found] == [False, False, *[True] * MAX_SELECTIONS]


@given(st.sampled_from(GRIDS), st.sampled_from(GRIDS), st.data())
def test_another_grid_covers_about_the_same(before: int, after: int, data: st.DataObject) -> None:
    cells = data.draw(st.frozensets(st.integers(0, before * before - 1)))
    found = cells_in_other_grid(cells, before, after)
    assert list(found) == sorted(set(found))
    assert all(0 <= cell < after * after for cell in found)
    if before == after or not cells:
        assert set(found) == cells
    if len(cells) == before * before:
        assert len(found) == after * after


def test_a_corner_stays_a_corner() -> None:
    assert cells_in_other_grid({8}, 3, 4) == (15,)
    assert cells_in_other_grid({0, 3}, 4, 3) == (0, 2)
