"""The waiting jobs: who is next, and how many may wait. Pure: no I/O, no clock, no tasks.

Jobs are served in the order of acceptance, but live speech goes before waiting pictures because it answers somebody
now; after `max_live_in_a_row` of them the oldest waiting picture has its turn. Jobs of a batch go last: single jobs of
other people run between them. A job that was served before (the next part of a long speech, a repeated part) goes to
the front of its line.
"""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from bot.domain.jobs import GenerationRequest, Job
from bot.errors import QueueFull
from bot.generation.queue_lines import QueuedJob, QueueLines


class JobQueue:
    """The waiting jobs of all servers.

    Args:
        max_live_in_a_row: How many live speech jobs may go before the oldest waiting picture.
        max_size: Largest number of waiting jobs.
        max_per_user: Largest number of waiting jobs of one person; live speech and terminal commands do not count.

    A batch counts as one job for both limits.

    """

    def __init__(self, max_live_in_a_row: int = 3, *, max_size: int = 100, max_per_user: int = 3) -> None:
        self._max_size = max_size
        self._max_per_user = max_per_user
        self._lines = QueueLines(max_live_in_a_row)

    def __len__(self) -> int:
        return sum(1 for _ in self._lines)

    def __contains__(self, job_id: UUID) -> bool:
        return any(entry.job.id == job_id for entry in self._lines)

    # -- limits

    def require_space(self, request: GenerationRequest, *, free_in_seconds: float | None = None) -> None:
        """Check the limits for one more job, or one more batch.

        Args:
            request: Of the job that is to be accepted, or of one of the batch.
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
        """How many accepted jobs were never served: all, or those of one person (without live speech).

        A batch counts as one, as long as a job of it was never served.
        """
        new = [entry.job for entry in self._lines if entry.is_new]
        if requester_id is not None:
            new = [job for job in new if job.request.requester_id == requester_id and not job.request.live]
        return len({job.request.batch_id or job.id for job in new})

    # -- order

    def push(self, job: Job, *, ready: bool = True) -> None:
        """Append a newly accepted job; one that is not ready is passed over until `mark_ready`."""
        self._lines.line_of(job).append(QueuedJob(job, ready=ready))

    def mark_ready(self, job_id: UUID) -> None:
        """The job can be prepared now; does nothing if it is not in the queue."""
        for entry in self._lines:
            if entry.job.id == job_id:
                entry.ready = True

    def push_front(self, job: Job) -> None:
        """Put a job that was served before in front of all others of its line."""
        self._lines.line_of(job).appendleft(QueuedJob(job, is_new=False))

    def next_for(self, server: str) -> Job | None:
        """The job that the server would be given now; it stays in the queue."""
        entry = self._lines.pick(server)
        return None if entry is None else entry.job

    def claim(self, job_id: UUID, server: str) -> None:
        """The server prepares the job: from now on `next_for` offers it to no other server."""
        for entry in self._lines:
            if entry.job.id == job_id:
                entry.server = server

    def take(self, server: str) -> Job | None:
        """Remove and return `next_for(server)`."""
        entry = self._lines.take(server)
        return None if entry is None else entry.job

    def remove(self, job_id: UUID) -> bool:
        """Remove a job (it was cancelled); False if it does not wait."""
        for entry in self._lines:
            if entry.job.id == job_id:
                self._lines.remove(entry)
                return True
        return False

    def order(self) -> Iterator[Job]:
        """All waiting jobs in the order in which one server would serve them if nothing else came."""
        lines = self._lines.copy()
        while entry := lines.take(None):
            yield entry.job
