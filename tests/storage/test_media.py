"""The gallery against a plain list: who sees what, in which order, page by page."""

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.dialects import postgresql, sqlite

from bot.domain.gallery import GalleryItem, GalleryQuery
from bot.domain.jobs import Job, JobKind, JobState
from bot.storage.database import Database
from bot.storage.gallery import GalleryRepository, page_statement
from bot.storage.jobs import JobRepository
from bot.storage.schema import audio_messages, images, videos
from tests.storage.factories import at, make_artifact, make_job

KINDS = list(JobKind)


SCOPES: list[dict[str, Any]] = [{"channel_id": 0}, {"channel_id": 1}, {"guild_id": 1}, {"guild_id": 2}]


def _query(scope: dict[str, Any], more: dict[str, Any]) -> GalleryQuery:
    return GalleryQuery(**scope, **more)


QUERIES = st.builds(
    _query,
    st.sampled_from(SCOPES),
    st.fixed_dictionaries(
        {
            "include_age_restricted": st.booleans(),
            "character_id": st.sampled_from([None, "nova", "alex", "nobody"]),
            "requester_id": st.sampled_from([None, 0, 3]),
            "kind": st.sampled_from([None, *KINDS]),
            "since": st.sampled_from([None, at(-1), at(20), at(999)]),
            "until": st.sampled_from([None, at(0), at(45), at(999)]),
            "limit": st.integers(1, 30),
        }
    ),
)


def spread(count: int) -> list[Job]:
    """Jobs of every kind, character, person, channel and shelf."""
    return [
        make_job(
            KINDS[n % 3],
            state=JobState.GENERATED,
            character_id=("nova", "alex")[n % 2],
            requester_id=n % 4,
            channel_id=n % 2,
            guild_id=1 + n % 5 // 4,
            age_restricted=n % 7 == 0,
            created_at=at(n),
            generated_at=at(n),
            artifacts=tuple(make_artifact(KINDS[n % 3], part, duration_seconds=1.0) for part in range(1 + n % 2)),
        )
        for n in range(count)
    ]


async def fill(database: Database, jobs: list[Job]) -> None:
    store = JobRepository(database)
    for job in jobs:
        await store.add(job, owner="run")


def expected(jobs: list[Job], query: GalleryQuery) -> list[tuple[Any, int]]:
    """All matching files, newest first."""
    found: list[tuple[Any, int]] = []
    for job in jobs:
        request, origin = job.request, job.request.origin
        rules = (
            (query.channel_id, origin.channel_id),
            (query.guild_id, origin.guild_id),
            (query.character_id, request.character_id),
            (query.requester_id, request.requester_id),
            (query.kind, request.kind),
        )
        visible = query.include_age_restricted or not origin.age_restricted
        in_time = (query.since is None or job.created_at >= query.since) and (
            query.until is None or job.created_at < query.until
        )
        if visible and in_time and all(wanted is None or wanted == given for wanted, given in rules):
            found += [(job.id, n) for n in range(len(job.artifacts))]
    return found[::-1]


def keys(items: tuple[GalleryItem, ...]) -> list[tuple[Any, int]]:
    return [(item.job_id, item.n) for item in items]


async def walk(gallery: GalleryRepository, query: GalleryQuery) -> list[tuple[Any, int]]:
    """Every page from the newest on, and back again from the oldest."""
    seen: list[tuple[Any, int]] = []
    page = await gallery.page(query)
    while True:
        seen += keys(page.items)
        if not page.has_older:
            break
        page = await gallery.page(query.model_copy(update={"older_than": page.items[-1].id}))
        assert page.has_newer
    back: list[tuple[Any, int]] = []
    page = await gallery.page(query.model_copy(update={"from_oldest": True}))
    while True:
        back = keys(page.items) + back
        if not page.has_newer:
            break
        page = await gallery.page(query.model_copy(update={"newer_than": page.items[0].id}))
        assert page.has_older
    assert back == seen
    return seen


@pytest.fixture
def gallery(database: Database) -> GalleryRepository:
    return GalleryRepository(database)


async def test_every_query_shows_exactly_what_it_should(database: Database, gallery: GalleryRepository) -> None:
    jobs = spread(60)
    await fill(database, jobs)
    loop = asyncio.get_running_loop()

    @settings(max_examples=40, deadline=None)
    @given(QUERIES)
    def check(query: GalleryQuery) -> None:
        future = asyncio.run_coroutine_threadsafe(walk(gallery, query), loop)
        assert future.result(30) == expected(jobs, query)

    await asyncio.to_thread(check)


async def test_items_carry_what_a_page_shows(database: Database, gallery: GalleryRepository) -> None:
    jobs = spread(3)
    await fill(database, jobs)
    for kind in KINDS:
        (item, *_) = (await gallery.page(GalleryQuery(guild_id=1, kind=kind, include_age_restricted=True))).items
        assert item.kind is kind
        assert item.seed == 2**64 - 1
        assert item.prompt == ("Hello. You." if kind is JobKind.AUDIO else "a lighthouse")
        assert (item.thumbnail is None) == (kind is JobKind.AUDIO)
        assert (item.duration_seconds is None) == (kind is JobKind.IMAGE)
        assert await gallery.item(item.id) == item
    assert await gallery.item(10**9) is None


async def test_a_removed_result_is_gone_from_every_page(database: Database, gallery: GalleryRepository) -> None:
    jobs = spread(4)
    await fill(database, jobs)
    before = await gallery.page(GalleryQuery(guild_id=1, include_age_restricted=True))
    assert await gallery.remove_job(jobs[1].id) == 2
    assert await gallery.remove_job(jobs[1].id) == 0
    after = await gallery.page(GalleryQuery(guild_id=1, include_age_restricted=True))
    assert len(before.items) - len(after.items) == 2
    gone = next(item for item in before.items if item.job_id == jobs[1].id)
    assert await gallery.item(gone.id) is None


async def test_a_query_without_a_scope_is_refused(gallery: GalleryRepository) -> None:
    for query in (GalleryQuery(), GalleryQuery(channel_id=1, guild_id=1)):
        with pytest.raises(ValueError, match="one channel or of one guild"):
            await gallery.page(query)


@pytest.mark.parametrize("scope", ["channel_id", "guild_id"])
@pytest.mark.parametrize("filters", [(), ("character_id",), ("requester_id",), ("character_id", "requester_id")])
async def test_every_page_is_read_off_an_index_without_sorting(
    database: Database, scope: str, filters: tuple[str, ...]
) -> None:
    """The plan is what makes a page of a million rows as quick as one of ten."""
    values: dict[str, Any] = {scope: 1, **{name: "1" if name == "character_id" else 1 for name in filters}}
    columns = "_".join((scope, "shelf", *filters, "id"))
    places: list[dict[str, Any]] = [{}, {"older_than": 9}, {"newer_than": 9}, {"from_oldest": True}]
    async with database.read() as connection:
        for place in places:
            statement = page_statement(GalleryQuery(**values, **place, include_age_restricted=True))
            sql = statement.compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True})
            rows = await connection.execute(text(f"EXPLAIN QUERY PLAN {sql}"))
            plan = [str(row[3]) for row in rows.all()]
            reads = [step for step in plan if step.startswith(("SEARCH", "SCAN")) and "subquery" not in step.lower()]
            indexes = {f"ix_{table.name}_{columns}" for table in (images, videos, audio_messages)}
            assert {step.split("INDEX ")[1].split(" ")[0] for step in reads if "INDEX" in step} == indexes, plan
            assert not [step for step in plan if "TEMP B-TREE" in step], plan


def test_the_widest_page_can_be_written_for_postgresql() -> None:
    query = GalleryQuery(guild_id=1, include_age_restricted=True, since=at(0), until=at(1))
    assert "UNION ALL" in str(page_statement(query).compile(dialect=postgresql.dialect()))
