"""How long workflows take: the median of the last executions of each workflow version."""

from __future__ import annotations

import statistics
from collections import deque
from collections.abc import Sequence

from bot.domain.jobs import Job, JobKind
from bot.storage.jobs import JobRepository

_KEPT_EXECUTIONS = 20


class Durations:
    """Execution times in seconds by workflow hash; read from the database once per workflow version."""

    def __init__(self, jobs: JobRepository) -> None:
        self._jobs = jobs
        self._by_hash: dict[str, deque[float]] = {}
        self._by_kind: dict[JobKind, deque[float]] = {}
        self._medians: dict[str, float] = {}

    async def load(self, job: Job) -> None:
        """Read the stored executions of the job's workflow version, unless they are in memory."""
        if job.workflow_hash not in self._by_hash:
            found = await self._jobs.recent_seconds(job.workflow_hash, _KEPT_EXECUTIONS)
            for seconds in reversed(found):
                self.add(job, seconds)
            self._by_hash.setdefault(job.workflow_hash, deque(maxlen=_KEPT_EXECUTIONS))

    def add(self, job: Job, seconds: float) -> None:
        """Record that the job was executed in that many seconds."""
        by_hash = self._by_hash.setdefault(job.workflow_hash, deque(maxlen=_KEPT_EXECUTIONS))
        by_kind = self._by_kind.setdefault(job.request.kind, deque(maxlen=_KEPT_EXECUTIONS))
        for key, known in ((job.workflow_hash, by_hash), (job.request.kind, by_kind)):
            known.append(seconds)
            self._medians[key] = statistics.median(known)

    async def total(self, jobs: Sequence[Job]) -> float | None:
        """The estimates of all the jobs together; None if one of them is not known."""
        total = 0.0
        for job in jobs:
            await self.load(job)
            seconds = self.estimate(job)
            if seconds is None:
                return None
            total += seconds
        return total

    def expected(self, job: Job) -> float | None:
        """The median of the job's workflow version; None if it never ran."""
        return self._medians.get(job.workflow_hash)

    def estimate(self, job: Job) -> float | None:
        """As `expected`; for a workflow that never ran, the median of its kind (None if that never ran either)."""
        return self._medians.get(job.workflow_hash, self._medians.get(job.request.kind))
