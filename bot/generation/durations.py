"""How long things take, from what they took: the median of a workflow version's recent executions."""

from __future__ import annotations

import statistics
from collections import deque

from bot.domain.jobs import Job, JobKind
from bot.generation.store import JobStore

_KEPT = 20


class Durations:
    """Execution times in memory, by workflow hash; read from the store once per workflow."""

    def __init__(self, store: JobStore) -> None:
        self._store = store
        self._by_hash: dict[str, deque[float]] = {}
        self._by_kind: dict[JobKind, deque[float]] = {}
        self._medians: dict[str, float] = {}

    async def learn(self, job: Job) -> None:
        """Make sure that what the store knows of the job's workflow is in memory."""
        if job.workflow_hash not in self._by_hash:
            found = await self._store.recent_seconds(job.workflow_hash, _KEPT)
            for seconds in reversed(found):
                self.add(job, seconds)
            self._by_hash.setdefault(job.workflow_hash, deque(maxlen=_KEPT))

    def add(self, job: Job, seconds: float) -> None:
        """A job of that workflow was executed in so many seconds."""
        self._note(self._by_hash.setdefault(job.workflow_hash, deque(maxlen=_KEPT)), job.workflow_hash, seconds)
        self._note(self._by_kind.setdefault(job.request.kind, deque(maxlen=_KEPT)), job.request.kind, seconds)

    def expected(self, job: Job) -> float | None:
        """Seconds of execution to expect; None: this workflow never ran."""
        return self._medians.get(job.workflow_hash)

    def guess(self, job: Job) -> float | None:
        """`expected`, or else what others of its kind take; None: none ever ran."""
        return self._medians.get(job.workflow_hash, self._medians.get(job.request.kind))

    def _note(self, known: deque[float], key: str, seconds: float) -> None:
        known.append(seconds)
        self._medians[key] = statistics.median(known)
