"""Follows all jobs of a batch at once."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Self
from uuid import UUID

from bot.domain.job_updates import Ended
from bot.domain.jobs import UNFINISHED

if TYPE_CHECKING:
    from bot.domain.job_updates import JobUpdate
    from bot.domain.jobs import Job
    from bot.generation.orchestrator import Orchestrator


class BatchWatcher:
    """The newest state of each job. Use it with `async with`.

    Args:
        orchestrator: Runs the jobs.
        jobs: Of the batch, in reading order.

    Attributes:
        updates: The newest update of each job that has not ended.

    """

    def __init__(self, orchestrator: Orchestrator, jobs: Sequence[Job]) -> None:
        self.updates: dict[UUID, JobUpdate] = {}
        self._orchestrator = orchestrator
        self._jobs = {job.id: job for job in jobs}
        self._changed = asyncio.Event()
        self._ended = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        self._tasks = [
            asyncio.create_task(self._watch(job_id), name=f"watch {job_id}")
            for job_id, job in self._jobs.items()
            if job.state in UNFINISHED
        ]
        self._note_change()
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def jobs(self) -> list[Job]:
        """In reading order."""
        return list(self._jobs.values())

    @property
    def all_ended(self) -> bool:
        """No job is unfinished."""
        return self._ended.is_set()

    async def wait_changed(self) -> None:
        """Until something changed since the last call."""
        await self._changed.wait()
        self._changed.clear()

    async def wait_ended(self, seconds: float | None = None) -> None:
        """Until all jobs have ended, or so many seconds have passed; None: as long as it takes."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(None if seconds is None else max(0.0, seconds)):
                await self._ended.wait()

    async def _watch(self, job_id: UUID) -> None:
        async for update in self._orchestrator.watch(job_id):
            if isinstance(update, Ended):
                self._jobs[job_id] = update.job
                self.updates.pop(job_id, None)
            else:
                self.updates[job_id] = update
            self._note_change()

    def _note_change(self) -> None:
        if all(job.state not in UNFINISHED for job in self._jobs.values()):
            self._ended.set()
        self._changed.set()
