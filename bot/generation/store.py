"""The stores that generation needs, as Protocols; `bot.storage` implements them.

Each method is one transaction. A method that moves a job says by its result whether the job was still in a state it
could be moved from: somebody else (a cancel) may have ended it first, and then nothing was written.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from bot.domain.attempts import Attempt, AttemptState, CollectedFile
from bot.domain.jobs import Job, JobError, JobState
from bot.domain.value import Value


class StoredWorkflow(Value):
    """A version of a workflow as it was when a job was accepted: the API graph and the owner's bindings."""

    content_hash: str
    graph: Mapping[str, Any]
    bindings: Mapping[str, Any]


class JobQuery(Value):
    """Which jobs, newest first. All given conditions hold; `before` is a job's number (keyset paging)."""

    requester_id: int | None = None
    guild_id: int | None = None
    channel_id: int | None = None
    states: tuple[JobState, ...] = ()
    before: uuid.UUID | None = None
    limit: int = 10


class JobStore(Protocol):
    """Jobs and their attempts. `owner` names the process family that dispatches a job: recovery takes up its own."""

    async def add(self, job: Job, *, owner: str, fingerprint: str | None = None) -> None:
        """Commit a new job (QUEUED, or GENERATED where its files were made before)."""
        ...

    async def get(self, job_id: uuid.UUID) -> Job | None:
        """The job as stored."""
        ...

    async def unfinished(self, owner: str) -> list[Job]:
        """QUEUED and RUNNING, in the order of acceptance."""
        ...

    async def owners(self) -> list[str]:
        """Whoever has a job that is QUEUED or RUNNING."""
        ...

    async def undelivered(self, owner: str) -> list[Job]:
        """GENERATED, FAILED or CANCELLED, and not yet shown to the person; in the order of acceptance."""
        ...

    async def begin_attempt(self, attempt: Attempt, parameters: Mapping[str, Any]) -> bool:
        """Commit a PREPARED attempt, and QUEUED -> RUNNING; False if the job has ended."""
        ...

    async def mark_submitted(self, prompt_id: uuid.UUID, client_id: str | None, at: datetime) -> None:
        """PREPARED -> SUBMITTED; the job's `started_at` is set by the first."""
        ...

    async def end_attempt(
        self,
        prompt_id: uuid.UUID,
        state: AttemptState,
        *,
        execution_seconds: float | None = None,
        collected: Sequence[CollectedFile] = (),
    ) -> None:
        """Commit how an attempt ended while its job goes on (another part, or a repeat)."""
        ...

    async def attempts(self, job_id: uuid.UUID) -> list[Attempt]:
        """By part and n."""
        ...

    async def open_attempts(self, owner: str) -> list[Attempt]:
        """PREPARED and SUBMITTED ones, oldest first, of ended jobs too (their prompt may still run)."""
        ...

    async def finish(self, job: Job, prompt_id: uuid.UUID | None, collected: Sequence[CollectedFile] = ()) -> bool:
        """RUNNING -> GENERATED with `job.artifacts` and a row for each file; `prompt_id`'s attempt SUCCEEDED.

        Returns False, with nothing written, if the job has ended.
        """
        ...

    async def end(
        self, job_id: uuid.UUID, state: JobState, error: JobError, at: datetime, *, undeliverable: bool = False
    ) -> Job | None:
        """QUEUED or RUNNING -> FAILED or CANCELLED; None if the job had ended. Attempts stay as they are.

        `undeliverable`: GENERATED -> FAILED instead, and the artifacts stay.
        """
        ...

    async def mark_delivered(self, job_id: uuid.UUID, at: datetime) -> Job | None:
        """GENERATED -> DELIVERED; FAILED and CANCELLED keep their state and count as shown. None: no such job."""
        ...

    async def recent_seconds(self, workflow_hash: str, limit: int = 20) -> list[float]:
        """Execution times of the newest finished jobs of that workflow version, newest first."""
        ...

    async def find_equal(self, fingerprint: str) -> Job | None:
        """The newest finished job with that fingerprint."""
        ...

    async def recent(self, query: JobQuery) -> list[Job]:
        """For `/history`."""
        ...

    async def children(self, job_id: uuid.UUID) -> list[Job]:
        """Jobs made from that one (again, vary, remix, upscale, repeat), oldest first."""
        ...

    async def by_digest(self, digest: str) -> Job | None:
        """The job whose messages and files are named with these 12 hex characters (`Job.digest`)."""
        ...

    async def about_message(self, source_message_id: int) -> list[Job]:
        """Jobs that speak, draw or regenerate that Discord message, oldest first."""
        ...


class WorkflowStore(Protocol):
    """Every version of a workflow that a job ever used."""

    async def put(self, workflow: StoredWorkflow) -> None:
        """Keep a version; one that is there stays as it is."""
        ...

    async def get(self, content_hash: str) -> StoredWorkflow | None:
        """A version by its hash."""
        ...

    async def set_current(self, character_id: str, kind: str, name: str, content_hash: str) -> None:
        """Record which version a name stands for now."""
        ...
