"""Jobs and attempts in the database. Each method is one transaction; see `bot.generation.store.JobStore`."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, func, insert, or_, select, update

from bot.domain.attempts import Attempt, AttemptState, CollectedFile
from bot.domain.jobs import UNFINISHED, GenerationRequest, Job, JobError, JobQuery, JobState
from bot.policy import Demand
from bot.storage.database import Database
from bot.storage.gallery import deleted_jobs, insert_results
from bot.storage.last_settings import remember_settings
from bot.storage.reading import read_each_row, read_mappings
from bot.storage.regions import record_region_start
from bot.storage.retrying import retrying
from bot.storage.rows import artifacts_json, attempt_row, attempt_value, collected_json, job_row, job_value
from bot.storage.schema import attempts, jobs
from bot.storage.usage import require_room

_UNFINISHED = tuple(state.value for state in UNFINISHED)
_FINISHED = (JobState.GENERATED.value, JobState.DELIVERED.value)
_MOST_EQUAL = 50
"""Of jobs with the same fingerprint no more are looked at."""
_OPEN = tuple(state.value for state in AttemptState if state.open)


@retrying
class JobRepository:
    """Implements `JobRepository`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def database_is_away(self) -> bool:
        """Whether a transaction failed and waits to be repeated."""
        return self._database.retrier.is_failing

    # -- jobs

    async def add(self, job: Job, *, owner: str, fingerprint: str | None = None, demand: Demand | None = None) -> None:
        """Commit a new job (QUEUED, or GENERATED where its files were made before).

        Args:
            job: The job.
            owner: Who dispatches it.
            fingerprint: Equal for jobs that would make the same file.
            demand: What it needs of quotas, checked in the same transaction; None: nothing.

        Raises:
            QuotaReached: A quota is used up; nothing was stored.
            TooManyRequests: A cooldown is not over; nothing was stored.
            InputInvalid: It is started from a region of which another job was started meanwhile.

        """
        async with self._database.write() as connection:
            if demand is not None:
                await require_room(connection, demand)
            last = (await connection.execute(select(func.max(jobs.c.number)))).scalar()
            row = job_row(job, owner=owner, number=(last or 0) + 1, fingerprint=fingerprint)
            await connection.execute(insert(jobs).values(row))
            await remember_settings(connection, job)
            await record_region_start(connection, job)
            if job.artifacts:
                await insert_results(connection, job)

    async def get(self, job_id: uuid.UUID) -> Job | None:
        """The job as stored."""
        found = await self._jobs(select(jobs).where(jobs.c.id == str(job_id)))
        return found[0] if found else None

    async def unfinished(self, owner: str) -> list[Job]:
        """QUEUED and RUNNING, in the order of acceptance."""
        mine = and_(jobs.c.state.in_(_UNFINISHED), jobs.c.owner == owner)
        return await self._jobs(select(jobs).where(mine).order_by(jobs.c.number))

    async def owners(self) -> list[str]:
        """Whoever has a job that is QUEUED or RUNNING."""
        query = select(jobs.c.owner).where(jobs.c.state.in_(_UNFINISHED)).distinct().order_by(jobs.c.owner)
        async with self._database.read() as connection:
            return [str(owner) for owner in (await connection.execute(query)).scalars()]

    async def undelivered(self, owner: str) -> list[Job]:
        """GENERATED, FAILED or CANCELLED, and not yet shown to the person; in the order of acceptance."""
        states = (JobState.GENERATED.value, JobState.FAILED.value, JobState.CANCELLED.value)
        mine = and_(jobs.c.state.in_(states), jobs.c.delivered_at.is_(None), jobs.c.owner == owner)
        return await self._jobs(select(jobs).where(mine).order_by(jobs.c.number))

    async def finish(self, job: Job, prompt_id: uuid.UUID | None, collected: Sequence[CollectedFile] = ()) -> bool:
        """RUNNING -> GENERATED with `job.artifacts` and a row for each file; `prompt_id`'s attempt SUCCEEDED.

        Returns False, with nothing written, if the job has ended.
        """
        values = {
            "state": JobState.GENERATED.value,
            "artifacts": artifacts_json(job.artifacts),
            "note": job.note,
            "generated_at": job.generated_at,
            "execution_seconds": job.execution_seconds,
            "parameters": dict(job.parameters),
        }
        change = update(jobs).where(jobs.c.id == str(job.id), jobs.c.state == JobState.RUNNING.value).values(values)
        async with self._database.write() as connection:
            if not (await connection.execute(change)).rowcount:
                return False
            if prompt_id is not None:
                ended = {"state": AttemptState.SUCCEEDED.value, "collected": collected_json(collected)}
                await connection.execute(update(attempts).where(attempts.c.prompt_id == str(prompt_id)).values(ended))
            await insert_results(connection, job)
        return True

    async def end(
        self, job_id: uuid.UUID, state: JobState, error: JobError, at: datetime, *, undeliverable: bool = False
    ) -> Job | None:
        """QUEUED or RUNNING -> FAILED or CANCELLED; None if the job had ended. Attempts stay as they are.

        `undeliverable`: GENERATED -> FAILED instead, and the artifacts stay.
        """
        before = (JobState.GENERATED.value,) if undeliverable else _UNFINISHED
        values = {"state": state.value, "error": error.model_dump(mode="json"), "ended_at": at}
        change = update(jobs).where(jobs.c.id == str(job_id), jobs.c.state.in_(before)).values(values)
        return await self._changed(job_id, change)

    async def mark_delivered(self, job_id: uuid.UUID, at: datetime) -> Job | None:
        """GENERATED -> DELIVERED; FAILED and CANCELLED keep their state and count as shown. None: no such job."""
        key = str(job_id)
        shown = update(jobs).where(jobs.c.id == key, jobs.c.delivered_at.is_(None)).values(delivered_at=at)
        delivered = {"state": JobState.DELIVERED.value, "ended_at": at}
        async with self._database.write() as connection:
            await connection.execute(
                update(jobs).where(jobs.c.id == key, jobs.c.state == JobState.GENERATED.value).values(delivered)
            )
            await connection.execute(shown.where(jobs.c.state.not_in(_UNFINISHED)))
            row = (await connection.execute(select(jobs).where(jobs.c.id == key))).mappings().first()
        return None if row is None else job_value(row)

    # -- attempts

    async def begin_attempt(
        self, attempt: Attempt, parameters: Mapping[str, Any], *, workflow_hash: str | None = None
    ) -> bool:
        """Commit a PREPARED attempt, and QUEUED -> RUNNING; False if the job has ended.

        Args:
            attempt: The attempt.
            parameters: What the job runs with now.
            workflow_hash: The version of the workflow that it runs with; None: as it is stored.

        """
        values: dict[str, Any] = {"state": JobState.RUNNING.value, "parameters": dict(parameters)}
        if workflow_hash is not None:
            values["workflow_hash"] = workflow_hash
        change = update(jobs).where(jobs.c.id == str(attempt.job_id), jobs.c.state.in_(_UNFINISHED)).values(values)
        async with self._database.write() as connection:
            if not (await connection.execute(change)).rowcount:
                return False
            await connection.execute(insert(attempts).values(attempt_row(attempt)))
        return True

    async def mark_submitted(self, prompt_id: uuid.UUID, client_id: str | None, at: datetime) -> None:
        """PREPARED -> SUBMITTED; the job's `started_at` is set by the first."""
        key = str(prompt_id)
        submitted = {"state": AttemptState.SUBMITTED.value, "client_id": client_id}
        job_id = select(attempts.c.job_id).where(attempts.c.prompt_id == key).scalar_subquery()
        async with self._database.write() as connection:
            await connection.execute(
                update(attempts)
                .where(attempts.c.prompt_id == key, attempts.c.state == AttemptState.PREPARED.value)
                .values(submitted)
            )
            await connection.execute(
                update(jobs).where(jobs.c.id == job_id, jobs.c.started_at.is_(None)).values(started_at=at)
            )

    async def end_attempt(
        self,
        prompt_id: uuid.UUID,
        state: AttemptState,
        *,
        execution_seconds: float | None = None,
        collected: Sequence[CollectedFile] = (),
    ) -> None:
        """Commit how an attempt ended while its job goes on (another part, or a repeat)."""
        values = {
            "state": state.value,
            "execution_seconds": execution_seconds,
            "collected": collected_json(collected),
        }
        async with self._database.write() as connection:
            await connection.execute(
                update(attempts)
                .where(attempts.c.prompt_id == str(prompt_id), attempts.c.state.in_(_OPEN))
                .values(values)
            )

    async def attempts(self, job_id: uuid.UUID) -> list[Attempt]:
        """By part and n."""
        mine = select(attempts).where(attempts.c.job_id == str(job_id))
        return await self._attempts(mine.order_by(attempts.c.part, attempts.c.n))

    async def open_attempts(self, owner: str) -> list[Attempt]:
        """PREPARED and SUBMITTED ones, oldest first, of ended jobs too (their prompt may still run)."""
        mine = select(attempts).join(jobs).where(attempts.c.state.in_(_OPEN), jobs.c.owner == owner)
        return await self._attempts(mine.order_by(attempts.c.created_at, attempts.c.part, attempts.c.n))

    # -- what was

    async def recent_seconds(self, workflow_hash: str, limit: int = 20) -> list[float]:
        """Execution times of the newest finished jobs of that workflow version, newest first."""
        done = and_(jobs.c.workflow_hash == workflow_hash, jobs.c.state.in_(_FINISHED), jobs.c.execution_seconds > 0)
        query = select(jobs.c.execution_seconds).where(done).order_by(jobs.c.number.desc()).limit(limit)
        async with self._database.read() as connection:
            return [float(seconds) for seconds in (await connection.execute(query)).scalars()]

    async def recently_executed(self, workflow_hash: str, limit: int) -> list[Job]:
        """The newest finished jobs of that workflow version that were executed, newest first."""
        done = and_(jobs.c.workflow_hash == workflow_hash, jobs.c.state.in_(_FINISHED), jobs.c.execution_seconds > 0)
        return await self._jobs(select(jobs).where(done).order_by(jobs.c.number.desc()).limit(limit))

    async def find_equal(self, fingerprint: str, *, request: GenerationRequest | None = None) -> Job | None:
        """The newest finished job with that fingerprint, whose pictures were not deleted.

        Args:
            fingerprint: What is equal.
            request: Only a job of the same person or of the same channel is wanted: nobody learns what others asked
                for elsewhere. None: everybody's.

        """
        found = await self._equal(fingerprint, request=request)
        return found[0] if found else None

    async def copies(self, job: Job) -> list[Job]:
        """Other finished jobs that have the files of this one, because they asked for the same."""
        own = select(jobs.c.fingerprint).where(jobs.c.id == str(job.id))
        async with self._database.read() as connection:
            fingerprint = (await connection.execute(own)).scalar()
        paths = {artifact.path for artifact in job.artifacts}
        equal = await self._equal(fingerprint) if fingerprint else []
        return [one for one in equal if one.id != job.id and paths & {artifact.path for artifact in one.artifacts}]

    async def _equal(self, fingerprint: str, *, request: GenerationRequest | None = None) -> list[Job]:
        """Finished jobs with that fingerprint whose pictures were not deleted, newest first."""
        equal = and_(jobs.c.fingerprint == fingerprint, jobs.c.state.in_(_FINISHED))
        if request is not None:
            here = jobs.c.channel_id == request.origin.channel_id
            equal = and_(equal, or_(here, jobs.c.requester_id == request.requester_id))
        found = await self._jobs(select(jobs).where(equal).order_by(jobs.c.number.desc()).limit(_MOST_EQUAL))
        async with self._database.read() as connection:
            deleted = await deleted_jobs(connection, [str(job.id) for job in found])
        return [job for job in found if str(job.id) not in deleted]

    async def recent(self, query: JobQuery) -> list[Job]:
        """For `/history`. Fewer than `query.limit` are all that there are."""
        found = select(jobs).order_by(jobs.c.number.desc())
        for name in ("requester_id", "guild_id", "channel_id"):
            value = getattr(query, name)
            if value is not None:
                found = found.where(jobs.c[name] == value)
        if query.states:
            found = found.where(jobs.c.state.in_([state.value for state in query.states]))
        if query.before is not None:
            number = select(jobs.c.number).where(jobs.c.id == str(query.before)).scalar_subquery()
            found = found.where(jobs.c.number < number)
        selected = query.limit
        async with self._database.read() as connection:
            while True:
                rows = read_each_row((await connection.execute(found.limit(selected))).mappings(), job_value, "jobs")
                readable = [job for job in rows if job is not None]
                if len(readable) >= query.limit or len(rows) < selected:
                    return readable[: query.limit]
                selected *= 2  # some could not be read, and others come after them

    async def children(self, job_id: uuid.UUID) -> list[Job]:
        """Jobs made from that one (again, vary, remix, upscale, repeat), oldest first."""
        return await self._jobs(select(jobs).where(jobs.c.parent_job_id == str(job_id)).order_by(jobs.c.number))

    async def by_digest(self, digest: str) -> Job | None:
        """The job whose messages and files are named with these 12 hex characters (`Job.digest`).

        A look at every id: rare, and the ids have an index of their own to be read from.
        """
        if not digest.isalnum():
            return None
        found = await self._jobs(select(jobs).where(jobs.c.id.like(f"%-{digest.lower()}")).limit(2))
        return found[0] if len(found) == 1 and found[0].digest == digest.lower() else None

    async def about_message(self, source_message_id: int) -> list[Job]:
        """Jobs that speak, draw or regenerate that Discord message, oldest first."""
        about = jobs.c.source_message_id == source_message_id
        return await self._jobs(select(jobs).where(about).order_by(jobs.c.number))

    # -- plumbing

    async def _jobs(self, query: Select[Any]) -> list[Job]:
        async with self._database.read() as connection:
            return read_mappings(await connection.execute(query), job_value, "jobs")

    async def _attempts(self, query: Select[Any]) -> list[Attempt]:
        async with self._database.read() as connection:
            return read_mappings(await connection.execute(query), attempt_value, "attempts")

    async def _changed(self, job_id: uuid.UUID, change: Any) -> Job | None:
        async with self._database.write() as connection:
            if not (await connection.execute(change)).rowcount:
                return None
            row = (await connection.execute(select(jobs).where(jobs.c.id == str(job_id)))).mappings().one()
        return job_value(row)
