"""The waiting jobs: who is next, and how many may wait. Pure: no I/O, no clock, no tasks.

Discord servers take turns, and the people within each; of one person the jobs are served in the order of acceptance.
Live speech goes before pictures that characters send, these before the wishes of people, and these before batches; what
waits is let through after a number of others (queue_lines.py). Within a round of turns a job that needs the model of
the last one goes first (fair_line.py). A job that was served before (the next part of a long speech, a repeated part)
goes to the front of its line.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from uuid import UUID

from bot.domain.jobs import GenerationRequest, Job, JobKind
from bot.errors import QueueFull
from bot.generation.fair_line import QueuedJob
from bot.generation.queue_lines import QueueLines

_WORDS = {JobKind.IMAGE: "pictures", JobKind.AUDIO: "voices", JobKind.VIDEO: "films"}


@dataclass(frozen=True)
class QueueLimits:
    """How many jobs may wait; a batch counts as one.

    Attributes:
        total: Of everybody.
        per_user: Of one person; live speech and terminal commands do not count.
        per_guild: Of one Discord server, live speech excepted; None: as many as `total` lets.
        by_kind: Of everybody, by what is made; a kind that is not in it: as many as `total` lets.

    """

    total: int = 100
    per_user: int = 3
    per_guild: int | None = None
    by_kind: dict[JobKind, int] = field(default_factory=dict[JobKind, int])


class JobQueue:
    """The waiting jobs of all ComfyUI servers.

    Args:
        max_live_in_a_row: How many live speech jobs may go before the oldest waiting picture.
        limits: How many may wait.

    """

    def __init__(self, max_live_in_a_row: int = 3, *, limits: QueueLimits | None = None) -> None:
        self._limits = limits or QueueLimits()
        self._lines = QueueLines(max_live_in_a_row)
        self._entries: dict[UUID, QueuedJob] = {}
        self._waiting = _WaitingCounts()

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, job_id: UUID) -> bool:
        return job_id in self._entries

    # -- limits

    def require_space(self, request: GenerationRequest, *, free_in_seconds: float | None = None) -> None:
        """Check the limits for one more job, or one more batch.

        Args:
            request: Of the job that is to be accepted, or of one of the batch.
            free_in_seconds: When a waiting job is expected to start, for the sentence.

        Raises:
            QueueFull: Too many jobs wait: of everybody, of this kind, of this Discord server or of this person.

        """
        when = ""
        if free_in_seconds is not None:
            when = f" A place should be free in about {max(1, round(free_in_seconds))} seconds."
        if self.waiting() >= self._limits.total:
            raise QueueFull(f"The queue is full: {self.waiting()} jobs wait.{when}")
        of_kind = self._waiting.of(request.kind)
        if of_kind >= self._limits.by_kind.get(request.kind, self._limits.total):
            raise QueueFull(f"The queue for {_WORDS[request.kind]} is full ({of_kind}).{when}")
        if request.live:
            return
        guild_id, here = request.origin.guild_id, self._waiting.in_guild(request.origin.guild_id)
        if guild_id is not None and self._limits.per_guild is not None and here >= self._limits.per_guild:
            raise QueueFull(f"The queue is full for this server: {here} of its jobs wait.{when}")
        if request.requester_id != 0 and (own := self.waiting(request.requester_id)) >= self._limits.per_user:
            raise QueueFull(f"You already have {own} jobs waiting.{when}")

    def waiting(self, requester_id: int | None = None) -> int:
        """How many accepted jobs were never served: all, or those of one person (without live speech).

        A batch counts as one, as long as a job of it was never served.
        """
        return self._waiting.total if requester_id is None else self._waiting.of_person(requester_id)

    # -- order

    def push(self, job: Job, *, ready: bool = True) -> None:
        """Append a newly accepted job; one that is not ready is passed over until `mark_ready`."""
        entry = self._entries[job.id] = QueuedJob(job, ready=ready)
        self._lines.line_of(entry).append(entry)
        self._waiting.add(job, 1)

    def mark_ready(self, job_id: UUID) -> None:
        """The job can be prepared now; does nothing if it is not in the queue."""
        if (entry := self._entries.get(job_id)) is not None:
            entry.ready = True

    def push_front(self, job: Job) -> None:
        """Put a job that was served before in front of all others of its line."""
        entry = self._entries[job.id] = QueuedJob(job, is_new=False)
        self._lines.line_of(entry).prepend(entry)

    def next_for(self, server: str) -> Job | None:
        """The job that the server would be given now; it stays in the queue."""
        entry = self._lines.pick(server)
        return None if entry is None else entry.job

    def claim(self, job_id: UUID, server: str) -> None:
        """The server prepares the job: `next_for` offers it to no other server, and to this one before its line."""
        if (entry := self._entries.get(job_id)) is not None:
            self._lines.line_of(entry).claim(entry, server)

    def take(self, server: str) -> Job | None:
        """Remove and return `next_for(server)`."""
        entry = self._lines.take(server)
        return None if entry is None else self._forget(entry)

    def remove(self, job_id: UUID) -> bool:
        """Remove a job (it was cancelled); False if it does not wait."""
        entry = self._entries.get(job_id)
        if entry is None:
            return False
        self._lines.remove(entry)
        self._forget(entry)
        return True

    def order(self) -> Iterator[Job]:
        """All waiting jobs in the order in which one server would serve them if nothing else came.

        What changes after the first job was asked for does not show.
        """
        lines = self._lines.copy()
        while entry := lines.take(None):
            yield entry.job

    def _forget(self, entry: QueuedJob) -> Job:
        del self._entries[entry.job.id]
        if entry.is_new:
            self._waiting.add(entry.job, -1)
        return entry.job


class _WaitingCounts:
    """How many jobs were never served, a batch counting as one."""

    def __init__(self) -> None:
        self._jobs_of_unit = Counter[UUID]()
        self._units = Counter[tuple[str, int | str | None]]()

    @property
    def total(self) -> int:
        return len(self._jobs_of_unit)

    def of(self, kind: JobKind) -> int:
        return self._units["kind", kind.value]

    def of_person(self, requester_id: int) -> int:
        return self._units["person", requester_id]

    def in_guild(self, guild_id: int | None) -> int:
        return self._units["guild", guild_id]

    def add(self, job: Job, change: int) -> None:
        """Count a job that begins to wait (1) or is served or removed (-1)."""
        request = job.request
        unit = request.batch_id or job.id
        before = self._jobs_of_unit[unit]
        self._jobs_of_unit[unit] += change
        if not self._jobs_of_unit[unit]:
            del self._jobs_of_unit[unit]
        if bool(before) == bool(before + change):
            return
        keys: list[tuple[str, int | str | None]] = [("kind", request.kind.value)]
        if not request.live:
            keys += [("person", request.requester_id), ("guild", request.origin.guild_id)]
        for key in keys:
            self._units[key] += change
            if not self._units[key]:
                del self._units[key]
