"""How long things take, from what they took: the median of a workflow version's recent executions."""

from __future__ import annotations

import statistics
from collections import deque
from collections.abc import Iterable

from bot.generation.jobs import Job, JobKind
from bot.generation.store import JobStore

_KEPT = 20


class Durations:
    """Execution times in memory, by workflow hash; read from the store once per workflow."""

    def __init__(self, store: JobStore) -> None:
        self._store = store
        self._by_hash: dict[str, deque[float]] = {}
        self._by_kind: dict[JobKind, deque[float]] = {}

    async def learn(self, job: Job) -> None:
        """Make sure that what the store knows of the job's workflow is in memory."""
        if job.workflow_hash not in self._by_hash:
            found = await self._store.recent_seconds(job.workflow_hash, _KEPT)
            known = self._by_hash.setdefault(job.workflow_hash, deque(maxlen=_KEPT))
            known.extendleft(found)
            self._kind(job).extend(known)

    def add(self, job: Job, seconds: float) -> None:
        """A job of that workflow was executed in so many seconds."""
        self._by_hash.setdefault(job.workflow_hash, deque(maxlen=_KEPT)).append(seconds)
        self._kind(job).append(seconds)

    def expected(self, job: Job) -> float | None:
        """Seconds of execution to expect; None: this workflow never ran."""
        known = self._by_hash.get(job.workflow_hash)
        return statistics.median(known) if known else None

    def total(self, jobs: Iterable[Job]) -> float | None:
        """Seconds for all of them, one after the other; a workflow that never ran counts as others of its kind do.

        None: nothing is known of some kind.
        """
        total = 0.0
        for job in jobs:
            expected = self.expected(job)
            if expected is None:
                alike = self._by_kind.get(job.request.kind)
                if not alike:
                    return None
                expected = statistics.median(alike)
            total += expected
        return total

    def _kind(self, job: Job) -> deque[float]:
        return self._by_kind.setdefault(job.request.kind, deque(maxlen=_KEPT))
