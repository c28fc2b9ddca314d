import uuid
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from bot.domain.attempts import AttemptState, CollectedFile
from bot.domain.jobs import Job, JobError, JobKind, JobQuery, JobState
from bot.storage.database import Database
from bot.storage.gallery import GalleryRepository
from bot.storage.jobs import JobRepository
from tests.storage.factories import at, make_artifact, make_attempt, make_job

ERROR = JobError(code="CANCELLED", message="Cancelled.", advice="Ask again.")


@pytest.fixture
def jobs(database: Database) -> JobRepository:
    return JobRepository(database)


async def running(jobs: JobRepository, **changes: Any) -> Job:
    job = make_job(**changes)
    await jobs.add(job, owner="run")
    assert await jobs.begin_attempt(make_attempt(job), job.parameters)
    found = await jobs.get(job.id)
    assert found is not None
    assert found.state is JobState.RUNNING
    return found


async def generated(jobs: JobRepository, **changes: Any) -> Job:
    job = await running(jobs, **changes)
    values = {"artifacts": (make_artifact(job.request.kind),), "generated_at": at(9), "execution_seconds": 3.5}
    done = job.model_copy(update=values)
    assert await jobs.finish(done, make_attempt(job).prompt_id)
    found = await jobs.get(job.id)
    assert found is not None
    return found


async def test_a_job_comes_back_as_it_was(jobs: JobRepository) -> None:
    job = make_job(negative="x", overrides={"width": 64}, parent_job_id=uuid.uuid4(), note="n", age_restricted=True)
    await jobs.add(job, owner="run")
    assert await jobs.get(job.id) == job
    assert await jobs.get(uuid.uuid4()) is None


async def test_unfinished_jobs_come_in_the_order_of_acceptance_and_by_owner(jobs: JobRepository) -> None:
    mine = [make_job() for _ in range(5)]
    for job in mine:
        await jobs.add(job, owner="run")
    await jobs.add(make_job(), owner="terminal")
    await jobs.begin_attempt(make_attempt(mine[2]), {})
    await jobs.end(mine[3].id, JobState.FAILED, ERROR, at(1))
    assert [job.id for job in await jobs.unfinished("run")] == [mine[n].id for n in (0, 1, 2, 4)]
    assert [attempt.job_id for attempt in await jobs.open_attempts("run")] == [mine[2].id]
    assert await jobs.open_attempts("terminal") == []


async def test_an_ended_job_cannot_be_moved(jobs: JobRepository) -> None:
    job = await running(jobs)
    ended = await jobs.end(job.id, JobState.CANCELLED, ERROR, at(2))
    assert ended is not None
    assert ended.error == ERROR
    assert ended.ended_at == at(2)
    assert not await jobs.begin_attempt(make_attempt(job, n=1), {})
    assert await jobs.end(job.id, JobState.FAILED, ERROR, at(3)) is None
    assert not await jobs.finish(job.model_copy(update={"artifacts": (make_artifact(),)}), None)
    found = await jobs.get(job.id)
    assert found is not None
    assert found.state is JobState.CANCELLED
    assert found.artifacts == ()
    assert [attempt.state for attempt in await jobs.attempts(job.id)] == [AttemptState.PREPARED]


async def test_a_waiting_job_cannot_be_finished(jobs: JobRepository) -> None:
    job = make_job()
    await jobs.add(job, owner="run")
    assert not await jobs.finish(job, None)


async def test_finishing_writes_the_result_the_attempt_and_the_rows_together(
    jobs: JobRepository, database: Database
) -> None:
    job = await generated(jobs)
    assert job.state is JobState.GENERATED
    assert job.execution_seconds == 3.5
    (attempt,) = await jobs.attempts(job.id)
    assert attempt.state is AttemptState.SUCCEEDED
    assert await GalleryRepository(database).remove_job(job.id) == 1


async def test_a_row_that_cannot_be_written_undoes_the_whole_transition(jobs: JobRepository) -> None:
    job = await running(jobs)
    bad = make_artifact().model_copy(update={"sha256": None})
    with pytest.raises(IntegrityError):
        await jobs.finish(job.model_copy(update={"artifacts": (make_artifact(), bad)}), make_attempt(job).prompt_id)
    found = await jobs.get(job.id)
    assert found is not None
    assert found.state is JobState.RUNNING
    assert [attempt.state for attempt in await jobs.attempts(job.id)] == [AttemptState.PREPARED]


async def test_delivery_ends_a_result_and_marks_an_error_as_shown(jobs: JobRepository) -> None:
    done = await generated(jobs)
    failed = await running(jobs)
    await jobs.end(failed.id, JobState.FAILED, ERROR, at(2))
    waiting = await running(jobs)
    assert [job.id for job in await jobs.undelivered("run")] == [done.id, failed.id]
    for job in (done, failed, waiting):
        await jobs.mark_delivered(job.id, at(5))
    states = [(await jobs.get(job.id)) for job in (done, failed, waiting)]
    assert [job.state for job in states if job] == [JobState.DELIVERED, JobState.FAILED, JobState.RUNNING]
    assert [job.delivered_at for job in states if job] == [at(5), at(5), None]
    assert await jobs.undelivered("run") == []
    again = await jobs.mark_delivered(done.id, at(8))
    assert again is not None
    assert again.delivered_at == at(5)
    assert await jobs.mark_delivered(uuid.uuid4(), at(8)) is None


async def test_a_result_that_cannot_be_posted_fails_with_its_files(jobs: JobRepository) -> None:
    done = await generated(jobs)
    assert await jobs.end(done.id, JobState.FAILED, ERROR, at(3)) is None
    failed = await jobs.end(done.id, JobState.FAILED, ERROR, at(3), undeliverable=True)
    assert failed is not None
    assert failed.artifacts == done.artifacts


async def test_an_attempt_is_submitted_and_ended_once(jobs: JobRepository) -> None:
    job = await running(jobs, kind=JobKind.AUDIO)
    prompt_id = make_attempt(job).prompt_id
    await jobs.mark_submitted(prompt_id, "client", at(4))
    await jobs.mark_submitted(prompt_id, "other", at(5))
    file = CollectedFile(path="audio/x.flac", sha256="d" * 64, size=3, media_type="audio/flac")
    await jobs.end_attempt(prompt_id, AttemptState.SUCCEEDED, execution_seconds=1.5, collected=[file])
    await jobs.end_attempt(prompt_id, AttemptState.LOST)
    (attempt,) = await jobs.attempts(job.id)
    assert attempt.state is AttemptState.SUCCEEDED
    assert attempt.client_id == "client"
    assert attempt.collected == (file,)
    assert attempt.execution_seconds == 1.5
    found = await jobs.get(job.id)
    assert found is not None
    assert found.started_at == at(4)


async def test_an_attempts_id_is_never_used_twice(jobs: JobRepository) -> None:
    job = await running(jobs)
    with pytest.raises(IntegrityError):
        await jobs.begin_attempt(make_attempt(job), {})


async def test_execution_times_are_of_that_workflow_newest_first(jobs: JobRepository) -> None:
    for seconds, workflow in ((1.0, "a"), (2.0, "a"), (9.0, "b"), (3.0, "a")):
        job = await running(jobs, workflow_hash=workflow * 64)
        done = job.model_copy(update={"artifacts": (make_artifact(),), "execution_seconds": seconds})
        assert await jobs.finish(done, None)
    assert await jobs.recent_seconds("a" * 64, 2) == [3.0, 2.0]
    assert await jobs.recent_seconds("c" * 64) == []


async def test_an_equal_job_is_found_by_its_fingerprint_when_it_has_a_result(jobs: JobRepository) -> None:
    waiting = make_job()
    await jobs.add(waiting, owner="run", fingerprint="f" * 64)
    assert await jobs.find_equal("f" * 64) is None
    await jobs.begin_attempt(make_attempt(waiting), {})
    await jobs.finish(waiting.model_copy(update={"artifacts": (make_artifact(),)}), None)
    found = await jobs.find_equal("f" * 64)
    assert found is not None
    assert found.id == waiting.id


async def test_an_equal_job_of_another_person_elsewhere_is_not_found(jobs: JobRepository) -> None:
    theirs = make_job(state=JobState.GENERATED, artifacts=(make_artifact(),), requester_id=1, channel_id=5, guild_id=9)
    await jobs.add(theirs, owner="run", fingerprint="f" * 64)
    for requester_id, channel_id, guild_id, expected in (
        (1, 6, 9, theirs.id),
        (2, 5, 9, theirs.id),
        (2, 6, 9, None),
        (2, 7, 10, None),
        (2, 8, None, None),
        (2, None, None, None),
        (0, None, None, None),
    ):
        request = make_job(requester_id=requester_id, channel_id=channel_id, guild_id=guild_id).request
        found = await jobs.find_equal("f" * 64, request=request)
        assert (found and found.id) == expected


async def test_a_job_that_comes_with_its_files_has_its_rows(jobs: JobRepository, database: Database) -> None:
    job = make_job(state=JobState.GENERATED, artifacts=(make_artifact(),), voice_sample_id=77, kind=JobKind.AUDIO)
    await jobs.add(job, owner="run")
    assert await GalleryRepository(database).remove_job(job.id) == 1


async def test_history_is_filtered_and_paged(jobs: JobRepository) -> None:
    made = [make_job(requester_id=n % 2, channel_id=n % 3, guild_id=1) for n in range(9)]
    for job in made:
        await jobs.add(job, owner="run")
    newest = await jobs.recent(JobQuery(guild_id=1, limit=4))
    assert [job.id for job in newest] == [job.id for job in made[:4:-1]]
    older = await jobs.recent(JobQuery(guild_id=1, before=newest[-1].id, limit=100))
    assert [job.id for job in older] == [job.id for job in made[4::-1]]
    mine = await jobs.recent(JobQuery(requester_id=1, channel_id=0, states=(JobState.QUEUED,)))
    assert [job.id for job in mine] == [made[3].id]
    assert await jobs.recent(JobQuery(states=(JobState.FAILED,))) == []


async def test_what_was_made_from_a_job_or_about_a_message(jobs: JobRepository) -> None:
    parent = make_job()
    children = [make_job(parent_job_id=parent.id, source_message_id=4) for _ in range(2)]
    for job in (parent, *children):
        await jobs.add(job, owner="run")
    assert [job.id for job in await jobs.children(parent.id)] == [job.id for job in children]
    assert [job.id for job in await jobs.about_message(4)] == [job.id for job in children]
