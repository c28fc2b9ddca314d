"""How long workflows take: the median of the last executions of each workflow version."""

from __future__ import annotations

import statistics
from collections import deque
from collections.abc import Mapping, Sequence

from bot.domain.jobs import Job, JobKind
from bot.storage.jobs import JobRepository

_KEPT_EXECUTIONS = 20
_KEPT_NODE_TIMES = 5


class Durations:
    """Execution times in seconds by workflow hash; read from the database once per workflow version."""

    def __init__(self, jobs: JobRepository) -> None:
        self._jobs = jobs
        self._by_hash: dict[str, deque[float]] = {}
        self._by_kind: dict[JobKind, deque[float]] = {}
        self._medians: dict[str, float] = {}
        self._nodes: dict[str, deque[Mapping[str, float]]] = {}
        """Workflow hash -> seconds by node id, of the last executions in which ComfyUI told all of its nodes."""

    async def load(self, job: Job) -> None:
        """Read the stored executions of the job's workflow version, unless they are in memory."""
        if job.workflow_hash not in self._by_hash:
            found = await self._jobs.recent_seconds(job.workflow_hash, _KEPT_EXECUTIONS)
            for seconds in reversed(found):
                self._add_total(job, seconds)
            for done in reversed(await self._jobs.recently_executed(job.workflow_hash, _KEPT_NODE_TIMES)):
                self._add_nodes(done)
            self._by_hash.setdefault(job.workflow_hash, deque(maxlen=_KEPT_EXECUTIONS))

    def add(self, job: Job, seconds: float) -> None:
        """Record that the job was executed in that many seconds, and how long its nodes took."""
        self._add_total(job, seconds)
        self._add_nodes(job)

    def _add_total(self, job: Job, seconds: float) -> None:
        by_hash = self._by_hash.setdefault(job.workflow_hash, deque(maxlen=_KEPT_EXECUTIONS))
        by_kind = self._by_kind.setdefault(job.request.kind, deque(maxlen=_KEPT_EXECUTIONS))
        for key, known in ((job.workflow_hash, by_hash), (job.request.kind, by_kind)):
            known.append(seconds)
            self._medians[key] = statistics.median(known)

    def _add_nodes(self, job: Job) -> None:
        if job.node_times and len(job.request.text_parts) < 2:
            known = self._nodes.setdefault(job.workflow_hash, deque(maxlen=_KEPT_NODE_TIMES))
            known.append({time.node: time.seconds for time in job.node_times})

    def node_seconds(self, job: Job) -> Mapping[str, float]:
        """The median time of each node of the job's workflow version, by its id; of those that ComfyUI ran."""
        known = self._nodes.get(job.workflow_hash, ())
        nodes = {node for times in known for node in times}
        return {node: statistics.median(times[node] for times in known if node in times) for node in nodes}

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
