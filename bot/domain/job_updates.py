"""What a watcher of a job sees, and the queue as people see it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from bot.domain.jobs import Job, JobKind, job_digest
from bot.domain.value import Value


class Waiting(Value):
    """In our queue. `position` 1 is next; `expected_seconds` from this workflow's own history, None if unknown."""

    position: int
    expected_seconds: float | None = None
    reason: str | None = None
    """Why it does not move, if not the queue: "ComfyUI is away", "the model is speaking"."""


class Progress(Value):
    """Running. `fraction` in [0, 1] or None while unknown; `elapsed_seconds` of execution."""

    fraction: float | None
    node_title: str | None
    """Of the node that runs."""
    step: int | None = None
    """How far that node is, such as 12 of 30 sampling steps; None where it does not tell or counts something else."""
    steps: int | None = None
    elapsed_seconds: float
    remaining_seconds: float | None = None
    """From this workflow's own history and the present speed; None if unknown, and for one part of several."""
    preview: bytes | None = None
    """The newest preview picture (JPEG or PNG bytes) where ComfyUI sends one."""
    reason: str | None = None
    """Why it does not go on: "ComfyUI is away"."""


class Ended(Value):
    """GENERATED, DELIVERED, FAILED or CANCELLED: `job` has the artifacts or the error. The last update."""

    job: Job


JobUpdate = Waiting | Progress | Ended


@dataclass(frozen=True, kw_only=True, slots=True)
class QueueEntry:
    """One job in `/queue`. No `Value`, because validating thousands of them would take seconds."""

    job_id: uuid.UUID
    kind: JobKind
    character_id: str
    workflow_name: str
    requester_id: int
    requester_name: str
    guild_id: int | None = None
    channel_id: int | None = None
    batch_id: uuid.UUID | None = None
    position: int
    """0 while it runs, 1 for the next."""
    expected_seconds: float | None = None
    """Until its result, from the workflows' own history; None while that is unknown."""

    @property
    def digest(self) -> str:
        """By which people name the job."""
        return job_digest(self.job_id)


@dataclass(frozen=True, kw_only=True)
class QueueView:
    """What runs and what waits, in the order it will be served; `reason` says why nothing moves, if so."""

    running: tuple[QueueEntry, ...] = ()
    waiting: tuple[QueueEntry, ...] = ()
    reason: str | None = None
