"""The jobs under way: every transition goes through here, is committed first and told to watchers after."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from uuid import UUID

from bot.domain.attempts import AttemptState, CollectedFile
from bot.domain.job_updates import Ended, QueueEntry, QueueView, Waiting
from bot.domain.jobs import Artifact, Job, JobState
from bot.errors import ChorusError
from bot.generation.active_job import ActiveJob
from bot.generation.durations import Durations
from bot.generation.error_translation import job_error
from bot.generation.queue import FairQueue
from bot.generation.store import JobStore
from bot.generation.update_broadcaster import UpdateBroadcaster

_log = logging.getLogger(__name__)


ANNOUNCE_SECONDS = 0.05
"""How long changes of the queue are gathered before those who wait are told."""


class JobRegistry:
    """Runs, their queue and their watchers.

    Attributes:
        away: Servers that do not answer.
        busy: Set by the orchestrator: why nothing moves although ComfyUI answers, if so.

    """

    def __init__(self, store: JobStore, queue: FairQueue, servers: int) -> None:
        self.store = store
        self.queue = queue
        self.board = UpdateBroadcaster()
        self.durations = Durations(store)
        self.runs: dict[UUID, ActiveJob] = {}
        self.away = set[str]()
        self.busy: Callable[[], str | None] = lambda: None
        self._servers = servers
        self._listeners: list[Callable[[], None]] = []
        self._announcing: asyncio.TimerHandle | None = None

    def on_change(self, listener: Callable[[], None]) -> None:
        """Call `listener` (must not block) whenever the queue or a preparation changed."""
        self._listeners.append(listener)

    def changed(self) -> None:
        """Wake the dispatchers and tell those who watch waiting jobs."""
        for listener in self._listeners:
            listener()
        if self._announcing is None:
            # Once for many changes: each tells everybody who waits.
            self._announcing = asyncio.get_running_loop().call_later(ANNOUNCE_SECONDS, self._announce_all)

    def _announce_all(self) -> None:
        self._announcing = None
        if any(self.board.is_watched(job_id) for job_id in self.runs):
            for entry in self.view().waiting:
                if self.board.is_watched(entry.job_id):
                    self._announce(entry)

    # -- transitions

    async def enter(self, run: ActiveJob, *, front: bool = False) -> None:
        """Let a run wait for its turn, if it does not already."""
        await self.durations.learn(run.job)
        self.runs[run.job.id] = run
        if run.over or not run.todo:
            return
        if run.job.id not in self.queue:
            (self.queue.push_front if front else self.queue.push)(run.job)
        self.changed()

    async def repeat(self, run: ActiveJob, part: int) -> None:
        """Do a part once more, before others."""
        run.todo.add(part)
        await self.enter(run, front=True)

    async def end(self, run: ActiveJob, state: JobState, error: ChorusError) -> bool:
        """FAILED or CANCELLED; False if the job had ended before. Whatever still runs for it is told to stop."""
        job = await self._store_end(run.job.id, state, error)
        if job is None:
            await self.catch_up(run)
            return False
        _log.info("job %s ended: %s", job.id, error.code, exc_info=error if error.__cause__ else None)
        await self.close(run, job)
        return True

    async def _store_end(self, job_id: UUID, state: JobState, error: ChorusError) -> Job | None:
        """Nothing is shown that is not stored: with the disk full it is tried until there is room."""
        delay = 1.0
        while True:
            try:
                return await self.store.end(job_id, state, job_error(error), now())
            except Exception:  # noqa: BLE001 - whatever the database has: giving up would leave the job for ever
                _log.exception("job %s: its end (%s) could not be stored; trying again", job_id, error.code)
                await asyncio.sleep(delay)
                delay = min(delay * 2, 30.0)

    async def catch_up(self, run: ActiveJob) -> None:
        """The store refused a transition: if the job has ended there, it ends here too."""
        job = await self.store.get(run.job.id)
        if job is not None and not run.over and job.state not in {JobState.QUEUED, JobState.RUNNING}:
            await self.close(run, job)

    async def close(self, run: ActiveJob, job: Job) -> None:
        """The job has ended in the store: leave the queue, stop what runs, tell the watchers."""
        run.job, run.over = job, True
        run.todo.clear()
        run.stop.set()
        self.queue.remove(job.id)
        self.board.publish(job.id, Ended(job=job))
        await self.drop_preparation(run, AttemptState.CANCELLED)
        self.forget(run)
        self.changed()

    async def generated(
        self, run: ActiveJob, artifacts: Sequence[Artifact], prompt_id: UUID | None, collected: Sequence[CollectedFile]
    ) -> bool:
        """Commit the result; False if the job has ended otherwise."""
        seconds = sum(run.seconds.values()) if run.seconds else None
        job = run.job.model_copy(
            update={
                "state": JobState.GENERATED,
                "artifacts": tuple(artifacts),
                "generated_at": now(),
                "execution_seconds": seconds,
                "note": " ".join(filter(None, (run.job.note, *run.notes))) or None,
            }
        )
        if not await self.store.finish(job, prompt_id, collected):
            await self.catch_up(run)
            return False
        if seconds is not None:
            self.durations.add(job, seconds)
        await self.close(run, await self.store.get(job.id) or job)
        return True

    def forget(self, run: ActiveJob) -> None:
        """Drop an ended run that nothing works for any more."""
        if run.over and run.idle:
            self.runs.pop(run.job.id, None)

    async def drop_preparation(self, run: ActiveJob, state: AttemptState) -> None:
        """What was prepared will not be submitted; its attempt, if it was committed, ended as `state`."""
        task, run.preparation = run.preparation, None
        if task is None or task is asyncio.current_task():
            return
        task.cancel()
        await asyncio.wait({task})
        if not task.cancelled() and task.exception() is None and (prepared := task.result()):
            await self.store.end_attempt(prepared.attempt.prompt_id, state)

    # -- what people see

    def view(self) -> QueueView:
        """The queue now."""
        running = [run for run in self.runs.values() if run.executing and not run.over]
        shown = [_entry(run.job, 0, self._remaining(run)) for run in running]
        until: float | None = 0.0
        for entry in shown:
            until = _sum(until, entry.expected_seconds)
        waiting: list[QueueEntry] = []
        for job in self.queue.order():
            run = self.runs.get(job.id)
            until = _sum(until, self.durations.guess(job))
            if run is not None and not run.executing:
                expected = None if until is None or self.durations.expected(job) is None else until / self._servers
                waiting.append(_entry(job, len(waiting) + 1, expected))
        return QueueView(running=tuple(shown), waiting=tuple(waiting), reason=self.reason())

    def reason(self) -> str | None:
        """Why nothing moves, if not the queue."""
        if len(self.away) >= self._servers:
            return "ComfyUI is away"
        return self.busy()

    def show(self, job_id: UUID) -> None:
        """Publish the place of a waiting job for somebody who begins to watch."""
        for entry in self.view().waiting:
            if entry.job_id == job_id:
                self._announce(entry)

    def seconds_until_place(self) -> float | None:
        """How long until one waiting job has its turn: what the running ones still need."""
        remaining = [self._remaining(run) for run in self.runs.values() if run.executing and not run.over]
        return min((seconds for seconds in remaining if seconds is not None), default=None)

    def _announce(self, entry: QueueEntry) -> None:
        # Whole seconds: a difference that nobody is shown is no update.
        expected = None if entry.expected_seconds is None else float(round(entry.expected_seconds))
        waiting = Waiting(position=entry.position, expected_seconds=expected, reason=self.reason())
        self.board.publish(entry.job_id, waiting)

    def _remaining(self, run: ActiveJob) -> float | None:
        expected = self.durations.expected(run.job)
        if expected is None:
            return None
        since = run.executing_since
        return max(0.0, expected - (time.monotonic() - since if since is not None else 0.0))


def now() -> datetime:
    """The wall clock, for what is stored."""
    return datetime.now(UTC)


def _sum(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one + other


def _entry(job: Job, position: int, expected: float | None) -> QueueEntry:
    request = job.request
    return QueueEntry(
        job_id=job.id,
        kind=request.kind,
        character_id=request.character_id,
        workflow_name=job.workflow_name,
        requester_id=request.requester_id,
        requester_name=request.requester_name,
        guild_id=request.origin.guild_id,
        channel_id=request.origin.channel_id,
        position=position,
        expected_seconds=expected,
    )
