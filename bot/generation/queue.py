"""The waiting jobs: who is next, and how many may wait. Pure: no I/O, no clock, no tasks.

Jobs are served in the order of acceptance, but live speech goes before waiting pictures because it answers somebody
now; after `max_live_in_a_row` of them the oldest waiting picture has its turn. A job that was served before (the next
part of a long speech, a repeated part) goes to the front of its line.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from bot.domain.jobs import GenerationRequest, Job
from bot.errors import QueueFull


@dataclass(eq=False)
class _Entry:
    job: Job
    server: str | None = None
    """The server that prepares the job; no other one takes it."""
    ready: bool = True
    """False while the job's prompt is being written: it keeps its place, and the others go ahead."""
    is_new: bool = True
    """False for a job that was served before: it counted against the limits when it was accepted."""


class JobQueue:
    """The waiting jobs of all servers.

    Args:
        max_live_in_a_row: How many live speech jobs may go before the oldest waiting picture.
        max_size: Largest number of waiting jobs.
        max_per_user: Largest number of waiting jobs of one person; live speech and terminal commands do not count.

    """

    def __init__(self, max_live_in_a_row: int = 3, *, max_size: int = 100, max_per_user: int = 3) -> None:
        self._max_live_in_a_row = max_live_in_a_row
        self._max_size = max_size
        self._max_per_user = max_per_user
        self._live = deque[_Entry]()
        self._others = deque[_Entry]()
        self._live_in_a_row = 0

    def __len__(self) -> int:
        return len(self._live) + len(self._others)

    def __contains__(self, job_id: UUID) -> bool:
        return any(entry.job.id == job_id for entry in (*self._live, *self._others))

    # -- limits

    def require_space(self, request: GenerationRequest, *, free_in_seconds: float | None = None) -> None:
        """Check the limits for one more job.

        Args:
            request: Of the job that is to be accepted.
            free_in_seconds: When a waiting job is expected to start, for the sentence.

        Raises:
            QueueFull: Too many jobs wait, or too many of this person.

        """
        when = ""
        if free_in_seconds is not None:
            when = f" A place should be free in about {max(1, round(free_in_seconds))} seconds."
        if self.waiting() >= self._max_size:
            raise QueueFull(f"The queue is full: {self.waiting()} jobs wait.{when}")
        is_limited = not request.live and request.requester_id != 0
        if is_limited and (own := self.waiting(request.requester_id)) >= self._max_per_user:
            raise QueueFull(f"You already have {own} jobs waiting.{when}")

    def waiting(self, requester_id: int | None = None) -> int:
        """How many accepted jobs were never served: all, or those of one person (without live speech)."""
        if requester_id is None:
            return sum(entry.is_new for entry in (*self._live, *self._others))
        return sum(entry.is_new and entry.job.request.requester_id == requester_id for entry in self._others)

    # -- order

    def push(self, job: Job, *, ready: bool = True) -> None:
        """Append a newly accepted job; one that is not ready is passed over until `mark_ready`."""
        self._line(job).append(_Entry(job, ready=ready))

    def mark_ready(self, job_id: UUID) -> None:
        """The job can be prepared now; does nothing if it is not in the queue."""
        for entry in (*self._live, *self._others):
            if entry.job.id == job_id:
                entry.ready = True

    def push_front(self, job: Job) -> None:
        """Put a job that was served before in front of all others of its line."""
        self._line(job).appendleft(_Entry(job, is_new=False))

    def next_for(self, server: str) -> Job | None:
        """The job that the server would be given now; it stays in the queue."""
        entry = self._pick(server, self._live, self._others, self._live_in_a_row)
        return None if entry is None else entry.job

    def claim(self, job_id: UUID, server: str) -> None:
        """The server prepares the job: from now on `next_for` offers it to no other server."""
        for entry in (*self._live, *self._others):
            if entry.job.id == job_id:
                entry.server = server

    def take(self, server: str) -> Job | None:
        """Remove and return `next_for(server)`."""
        entry = self._pick(server, self._live, self._others, self._live_in_a_row)
        if entry is None:
            return None
        self._live_in_a_row = self._live_in_a_row_after(entry, self._others, self._live_in_a_row)
        self._line(entry.job).remove(entry)
        return entry.job

    def remove(self, job_id: UUID) -> bool:
        """Remove a job (it was cancelled); False if it does not wait."""
        for line in (self._live, self._others):
            for entry in line:
                if entry.job.id == job_id:
                    line.remove(entry)
                    return True
        return False

    def order(self) -> Iterator[Job]:
        """All waiting jobs in the order in which one server would serve them if nothing else came."""
        live, others, in_a_row = deque(self._live), deque(self._others), self._live_in_a_row
        while entry := self._pick(None, live, others, in_a_row):
            in_a_row = self._live_in_a_row_after(entry, others, in_a_row)
            (live if entry.job.request.live else others).remove(entry)
            yield entry.job

    def _line(self, job: Job) -> deque[_Entry]:
        return self._live if job.request.live else self._others

    def _pick(self, server: str | None, live: deque[_Entry], others: deque[_Entry], in_a_row: int) -> _Entry | None:
        speech, other = _first(live, server), _first(others, server)
        if speech is None or other is None:
            return speech or other
        return speech if in_a_row < self._max_live_in_a_row else other

    @staticmethod
    def _live_in_a_row_after(entry: _Entry, others: deque[_Entry], in_a_row: int) -> int:
        return in_a_row + 1 if entry.job.request.live and others else 0


def _first(line: deque[_Entry], server: str | None) -> _Entry | None:
    """The first entry that the server may take; server None: the first of all."""
    return next((entry for entry in line if server is None or (entry.ready and entry.server in {None, server})), None)
