"""The lines in which jobs wait, and which of them is served next. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Final
from uuid import UUID

from bot.domain.jobs import Job

BATCH_IN_A_ROW: Final = 4
"""Batches take turns, so many jobs each: a model that only one of them uses is not loaded anew for every picture."""
MAX_SINGLE_IN_A_ROW: Final = 10
"""After so many single jobs one of a waiting batch has its turn, so that a busy server does not starve it."""


@dataclass(eq=False)
class QueuedJob:
    """A job in a line.

    Attributes:
        job: As it was when it began to wait.
        server: The server that prepares the job; no other one takes it.
        ready: False while the job's prompt is being written: it keeps its place, and the others go ahead.
        is_new: False for a job that was served before: it counted against the limits when it was accepted.

    """

    job: Job
    server: str | None = None
    ready: bool = True
    is_new: bool = True


@dataclass
class QueueLines:
    """Live speech, single jobs, and batches, in this order of priority.

    Attributes:
        max_live_in_a_row: How many live speech jobs may go before the oldest waiting job.
        live: Live speech.
        single: Jobs that belong to no batch.
        batches: The jobs of each batch; the first batch has its turn.
        live_in_a_row: How many live speech jobs were served since the last other one.
        single_in_a_row: How many single jobs were served since the last one of a batch.
        batch_in_a_row: How many jobs of the first batch were served in its turn.

    """

    max_live_in_a_row: int
    live: deque[QueuedJob] = field(default_factory=deque[QueuedJob])
    single: deque[QueuedJob] = field(default_factory=deque[QueuedJob])
    batches: dict[UUID, deque[QueuedJob]] = field(default_factory=dict[UUID, deque[QueuedJob]])
    live_in_a_row: int = 0
    single_in_a_row: int = 0
    batch_in_a_row: int = 0

    def copy(self) -> QueueLines:
        """The same lines, of which entries can be removed without removing them here."""
        batches = {batch_id: deque(line) for batch_id, line in self.batches.items()}
        return replace(self, live=deque(self.live), single=deque(self.single), batches=batches)

    def __iter__(self) -> Iterator[QueuedJob]:
        return chain(self.live, self.single, *self.batches.values())

    def line_of(self, job: Job) -> deque[QueuedJob]:
        """The line in which the job waits, or would."""
        if job.request.live:
            return self.live
        if job.request.batch_id is not None:
            return self.batches.setdefault(job.request.batch_id, deque())
        return self.single

    def remove(self, entry: QueuedJob) -> None:
        """Take an entry out of its line."""
        self.line_of(entry.job).remove(entry)
        self._drop_empty_batch(entry.job.request.batch_id)

    def pick(self, server: str | None) -> QueuedJob | None:
        """The entry that the server would be given now; server None: the first of all. It stays in its line."""
        speech = _first(self.live, server)
        other = self._pick_other(server)
        if speech is None or other is None:
            return speech or other
        return speech if self.live_in_a_row < self.max_live_in_a_row else other

    def take(self, server: str | None) -> QueuedJob | None:
        """Remove and return `pick(server)`, and count it for the turns."""
        entry = self.pick(server)
        if entry is None:
            return None
        batch_id = entry.job.request.batch_id
        self.line_of(entry.job).remove(entry)
        waits = bool(self.single or any(self.batches.values()))
        self.live_in_a_row = self.live_in_a_row + 1 if entry.job.request.live and waits else 0
        if not entry.job.request.live:
            self.single_in_a_row = self.single_in_a_row + 1 if batch_id is None and self.batches else 0
        if batch_id is not None and not entry.job.request.live:
            self._count_turn(batch_id)
        self._drop_empty_batch(batch_id)
        return entry

    def _pick_other(self, server: str | None) -> QueuedJob | None:
        single = _first(self.single, server)
        of_batch = next((found for line in self.batches.values() if (found := _first(line, server))), None)
        if single is None or of_batch is None:
            return single or of_batch
        return single if self.single_in_a_row < MAX_SINGLE_IN_A_ROW else of_batch

    def _count_turn(self, batch_id: UUID) -> None:
        if next(iter(self.batches)) != batch_id:  # another server prepares the first batch's next job
            return
        self.batch_in_a_row += 1
        if self.batch_in_a_row >= BATCH_IN_A_ROW:
            self.batches[batch_id] = self.batches.pop(batch_id)
            self.batch_in_a_row = 0

    def _drop_empty_batch(self, batch_id: UUID | None) -> None:
        if batch_id is None or self.batches.get(batch_id):
            return
        if batch_id in self.batches and next(iter(self.batches)) == batch_id:
            self.batch_in_a_row = 0
        self.batches.pop(batch_id, None)


def _first(line: deque[QueuedJob], server: str | None) -> QueuedJob | None:
    """The first entry that the server may take; server None: the first of all."""
    return next((entry for entry in line if server is None or (entry.ready and entry.server in {None, server})), None)
