"""Batches in the database: their jobs are accepted and delivered together or not at all."""

import tracemalloc
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from bot.domain.batches import Batch, BatchPlan, BatchState
from bot.domain.jobs import Job, JobError, JobState
from bot.storage.batches import PROPOSAL_DAYS, BatchRepository
from bot.storage.database import Database
from bot.storage.jobs import JobRepository
from tests.storage.factories import at, make_artifact, make_attempt, make_job

ERROR = JobError(code="CANCELLED", message="Cancelled.")


@pytest.fixture
def batches(database: Database) -> BatchRepository:
    return BatchRepository(database)


@pytest.fixture
def jobs(database: Database) -> JobRepository:
    return JobRepository(database)


def make_batch(**changes: Any) -> Batch:
    plan = BatchPlan(prompts=("a lighthouse",), workflows=("one", "two"), count=2, first_seed=2**64 - 9)
    base = Batch(
        id=uuid.uuid4(), request=make_job().request, plan=plan, total=4, state=BatchState.RUNNING, created_at=at(0)
    )
    return base.model_copy(update=changes)


def jobs_of(batch: Batch) -> list[Job]:
    return [make_job(batch_id=batch.id, batch_index=n) for n in range(batch.total)]


async def start(batches: BatchRepository, batch: Batch, made: list[Job]) -> bool:
    return await batches.start(batch, [(job, None) for job in made], owner="run")


async def test_a_batch_and_its_jobs_come_back_as_they_were(batches: BatchRepository, jobs: JobRepository) -> None:
    batch = make_batch()
    made = jobs_of(batch)
    assert await start(batches, batch, made[::-1])
    assert await batches.get(batch.id) == batch
    assert await batches.by_digest(batch.digest) == batch
    assert await batches.jobs(batch.id) == made
    assert await jobs.unfinished("run") == made[::-1], "made in the order in which they were given"
    assert await batches.undelivered("run") == [batch]
    assert await batches.undelivered("terminal") == []


async def test_a_batch_is_started_once(batches: BatchRepository, jobs: JobRepository) -> None:
    batch = make_batch(state=BatchState.PROPOSED)
    await batches.propose(batch, owner="run")
    assert await batches.undelivered("run") == []
    started = batch.model_copy(update={"state": BatchState.RUNNING})
    assert await start(batches, started, jobs_of(batch))
    assert not await start(batches, started, jobs_of(batch))
    assert len(await jobs.unfinished("run")) == batch.total


async def test_of_a_batch_that_cannot_be_stored_nothing_is(batches: BatchRepository, jobs: JobRepository) -> None:
    batch = make_batch()
    made = jobs_of(batch)
    with pytest.raises(IntegrityError):
        await start(batches, batch, [*made[:3], made[0]])
    assert await batches.get(batch.id) is None
    assert await jobs.unfinished("run") == []


async def test_proposals_that_nobody_confirmed_are_forgotten(batches: BatchRepository) -> None:
    today = datetime.now(UTC)
    long_ago = today - timedelta(days=PROPOSAL_DAYS, minutes=1)
    now = make_batch(state=BatchState.PROPOSED, created_at=today)
    old = make_batch(state=BatchState.PROPOSED, created_at=long_ago)
    running = make_batch(created_at=long_ago)
    await batches.propose(old, owner="run")
    await start(batches, running, jobs_of(running))
    await batches.propose(now, owner="run")
    assert await batches.get(old.id) is None
    assert await batches.get(running.id) == running
    assert await batches.get(now.id) == now


async def test_a_delivered_batch_delivers_its_pictures(batches: BatchRepository, jobs: JobRepository) -> None:
    batch = make_batch()
    made = jobs_of(batch)
    finished = made[0].model_copy(update={"state": JobState.GENERATED, "artifacts": (make_artifact(),)})
    assert await batches.start(batch, [(finished, "f"), *((job, None) for job in made[1:])], owner="run")
    assert await jobs.begin_attempt(make_attempt(made[1]), {})
    assert await jobs.finish(made[1].model_copy(update={"artifacts": (make_artifact(n=1),)}), None)
    await jobs.end(made[2].id, JobState.FAILED, ERROR, at(1))
    assert await batches.stop(batch.id)
    assert not await batches.stop(batch.id)
    await jobs.end(made[3].id, JobState.CANCELLED, ERROR, at(2))
    await batches.mark_delivered(batch.id, at(3))
    found = await batches.jobs(batch.id)
    assert [job.state.value for job in found] == ["delivered", "delivered", "failed", "cancelled"]
    assert all(job.delivered_at == at(3) for job in found)
    assert await jobs.undelivered("run") == []
    assert await batches.undelivered("run") == []
    stored = await batches.get(batch.id)
    assert stored is not None
    assert (stored.state, stored.delivered_at) == (BatchState.DELIVERED, at(3))


async def test_everybody_has_one_vote(batches: BatchRepository) -> None:
    first, second = make_batch(), make_batch()
    for batch in (first, second):
        await start(batches, batch, jobs_of(batch))
    for person, choice in ((1, 0), (2, 0), (3, 1), (1, 1)):
        await batches.vote(first.id, person, choice)
    await batches.vote(second.id, 1, 1)
    assert await batches.votes(first.id) == {0: 1, 1: 2}
    totals = await batches.vote_totals(guild_id=9, channel_id=5)
    assert [(vote.workflow_name, vote.votes, vote.comparisons) for vote in totals] == [("two", 3, 2), ("one", 1, 2)]
    assert await batches.vote_totals(guild_id=10, channel_id=5) == []
    assert len(await batches.vote_totals(guild_id=None, channel_id=5)) == 2


async def test_counting_votes_holds_no_prompts_in_memory(batches: BatchRepository) -> None:
    prompts = tuple(f"{n} " * 1000 for n in range(20))
    plan = BatchPlan(prompts=prompts, workflows=("one", "two"), first_seed=1)
    for _ in range(50):
        batch = make_batch(plan=plan, total=0)
        await batches.propose(batch, owner="run")
        for person in range(20):
            await batches.vote(batch.id, person, person % 2)
    tracemalloc.start()
    try:
        totals = await batches.vote_totals(guild_id=9, channel_id=5)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert [(vote.votes, vote.comparisons) for vote in totals] == [(500, 50), (500, 50)]
    assert peak < 3 * 2**20


async def test_the_pictures_of_a_batch_are_found_by_an_index(database: Database) -> None:
    query = "EXPLAIN QUERY PLAN SELECT * FROM jobs WHERE batch_id = 'x' ORDER BY batch_index"
    async with database.read() as connection:
        plan = [str(row[3]) for row in (await connection.execute(text(query))).all()]
    assert plan == ["SEARCH jobs USING INDEX ix_jobs_batch_id_batch_index (batch_id=?)"]
