"""All active jobs. Every change of a job's state goes through here: it is stored first, then watchers are told."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from uuid import UUID

from bot.comfyui.availability import Outage
from bot.comfyui.client import ComfyClient
from bot.domain.attempts import AttemptState, CollectedFile
from bot.domain.job_updates import Ended, QueueEntry, QueueView, Waiting
from bot.domain.jobs import UNFINISHED, Artifact, Job, JobState
from bot.errors import ChorusError
from bot.generation.active_job import ActiveJob
from bot.generation.durations import Durations
from bot.generation.error_translation import job_error
from bot.generation.queue import JobQueue
from bot.generation.update_broadcaster import UpdateBroadcaster
from bot.storage.jobs import JobRepository
from bot.storage.waiting import waiting_for_store

_log = logging.getLogger(__name__)

ANNOUNCE_SECONDS = 0.05
"""Changes of the queue within this time become one update of each waiting job."""
_PAUSE_PER_WORK = 10
"""Positions are computed in at most one part in so many of the time."""
_ENTRIES_AT_ONCE = 50
"""One or two milliseconds of work."""


class JobRegistry:
    """Active jobs, their queue and their watchers.

    Attributes:
        jobs: The stored jobs.
        queue: The waiting ones.
        active: All active jobs by id.
        updates: What watchers of jobs see.
        durations: How long workflows take.
        away_servers: The ComfyUI servers that do not answer, by base URL.
        busy_reason: Set by the orchestrator; says why nothing moves although ComfyUI answers, if so.

    """

    def __init__(self, jobs: JobRepository, queue: JobQueue, server_count: int) -> None:
        self.jobs = jobs
        self.queue = queue
        self.active: dict[UUID, ActiveJob] = {}
        self.updates = UpdateBroadcaster()
        self.durations = Durations(jobs)
        self.away_servers = dict[str, ComfyClient]()
        self.busy_reason: Callable[[], str | None] = lambda: None
        self._server_count = server_count
        self._listeners: list[Callable[[], None]] = []
        self._announcing: asyncio.Task[None] | None = None
        self._announce_again = False

    def on_change(self, listener: Callable[[], None]) -> None:
        """Call `listener` (which must not block) whenever the queue or a preparation changed."""
        self._listeners.append(listener)

    def notify_change(self) -> None:
        """Wake the dispatchers, and tell those who watch waiting jobs soon."""
        for listener in self._listeners:
            listener()
        self._announce_again = True
        if self._announcing is None:
            self._announcing = asyncio.create_task(self._announce_positions(), name="announce positions")

    async def close(self) -> None:
        """Announce nothing more."""
        if self._announcing is not None:
            self._announcing.cancel()
            await asyncio.wait({self._announcing})

    # -- changes of state

    async def enqueue(self, active: ActiveJob, *, front: bool = False) -> None:
        """Let a job wait for its turn, if it has a pending part and does not wait already."""
        await self.durations.load(active.job)
        self.active[active.job.id] = active
        if active.ended or not active.pending_parts:
            self.remove_if_done(active)
            return
        if active.job.id not in self.queue:
            if front:
                self.queue.push_front(active.job)
            else:
                self.queue.push(active.job, ready=active.rewriting is None)
        self.notify_change()

    async def run_part_again(self, active: ActiveJob, part: int) -> None:
        """Let a part be submitted once more, before waiting jobs."""
        active.pending_parts.add(part)
        await self.enqueue(active, front=True)

    async def end(self, active: ActiveJob, state: JobState, error: ChorusError) -> bool:
        """FAILED or CANCELLED; what still runs for the job is told to stop. False if it had ended before.

        Raises:
            StorageUnavailable: The current task may wait no longer for the database; the job goes on.

        """
        job = await self.jobs.end(active.job.id, state, job_error(error), utc_now())
        with waiting_for_store(until=None):  # the end is stored, so what follows from it must happen
            if job is None:
                await self.follow_store(active)
                return False
            _log.info("job %s ended: %s", job.id, error.code, exc_info=error if error.__cause__ else None)
            await self._close(active, job)
            return True

    async def record_result(
        self,
        active: ActiveJob,
        artifacts: Sequence[Artifact],
        prompt_id: UUID | None,
        collected: Sequence[CollectedFile],
    ) -> bool:
        """RUNNING -> GENERATED with these artifacts; False if the job has ended otherwise.

        Args:
            active: Whose parts are all collected.
            artifacts: Verified files.
            prompt_id: The attempt that collected the last part; None: it was collected before a restart.
            collected: Files of that attempt.

        """
        seconds = active.execution_seconds
        job = active.job.model_copy(
            update={
                "state": JobState.GENERATED,
                "artifacts": tuple(artifacts),
                "generated_at": utc_now(),
                "execution_seconds": seconds,
                "note": " ".join(filter(None, (active.job.note, *active.notes))) or None,
            }
        )
        if not await self.jobs.finish(job, prompt_id, collected):
            await self.follow_store(active)
            return False
        if seconds is not None:
            self.durations.add(job, seconds)
        await self._close(active, await self.jobs.get(job.id) or job)
        return True

    async def follow_store(self, active: ActiveJob) -> None:
        """The database refused a change of state: if the job has ended there, it ends here too."""
        job = await self.jobs.get(active.job.id)
        if job is not None and not active.ended and job.state not in UNFINISHED:
            await self._close(active, job)

    async def discard_preparation(self, active: ActiveJob, state: AttemptState) -> None:
        """Do not submit what was prepared; its attempt, if it was stored, ends as `state`."""
        rewriting, active.rewriting = active.rewriting, None
        if rewriting is not None and rewriting is not asyncio.current_task():
            rewriting.cancel()
            await asyncio.wait({rewriting})
        task, active.preparation = active.preparation, None
        if task is None or task is asyncio.current_task():
            return
        task.cancel()
        await asyncio.wait({task})
        if not task.cancelled() and task.exception() is None and (prepared := task.result()):
            await self.jobs.end_attempt(prepared.attempt.prompt_id, state)

    def remove_if_done(self, active: ActiveJob) -> None:
        """Remove an ended job for which nothing works any more."""
        if active.ended and active.idle:
            self.active.pop(active.job.id, None)

    async def _close(self, active: ActiveJob, job: Job) -> None:
        """The job has ended in the database: remove it from the queue, stop its prompt, tell the watchers."""
        active.job, active.ended = job, True
        active.pending_parts.clear()
        active.stop_requested.set()
        self.queue.remove(job.id)
        self.updates.publish(job.id, Ended(job=job))
        await self.discard_preparation(active, AttemptState.CANCELLED)
        self.remove_if_done(active)
        self.notify_change()

    # -- what people see

    async def queue_view(self) -> QueueView:
        """What runs and what waits now."""
        shown = [_queue_entry(active.job, 0, self._remaining_seconds(active)) for active in self._running()]
        waiting = [entry async for entry in self._waiting_entries()]
        return QueueView(running=tuple(shown), waiting=tuple(waiting), reason=self.waiting_reason())

    def _running(self) -> list[ActiveJob]:
        return [active for active in self.active.values() if active.executing_parts and not active.ended]

    async def _waiting_entries(self) -> AsyncGenerator[QueueEntry]:
        """The waiting jobs in the order of now; other tasks run in between, because thousands may wait."""
        until: float | None = 0.0
        for active in self._running():
            until = _sum(until, self._remaining_seconds(active))
        position = 0
        for number, job in enumerate(self.queue.order(), start=1):
            if number % _ENTRIES_AT_ONCE == 0:
                await asyncio.sleep(0)
            active = self.active.get(job.id)
            until = _sum(until, self.durations.estimate(job))
            if active is None or active.executing_parts:
                continue
            position += 1
            known = until is not None and self.durations.expected(job) is not None
            expected = until / self._server_count if known and until is not None else None
            yield _queue_entry(job, position, expected)

    def waiting_reason(self) -> str | None:
        """Why nothing moves, if it is not for other jobs."""
        if len(self.away_servers) >= self._server_count:
            return self._reason_for_outage()
        return self.busy_reason()

    def _reason_for_outage(self) -> str:
        """Of several servers the first that the owner has to do something about."""
        outages = [client.outage for client in self.away_servers.values()]
        known = [outage for outage in outages if outage not in {None, Outage.AWAY}]
        return f"ComfyUI {known[0] if known else Outage.AWAY}"

    def outage_of(self, client: ComfyClient) -> str | None:
        """Why the prompts of that server do not go on, if it does not answer."""
        return f"ComfyUI {client.outage or Outage.AWAY}" if client.url in self.away_servers else None

    def mark_away(self, client: ComfyClient, *, away: bool) -> None:
        """The server does not answer, or answers again: everybody who watches a job is told."""
        if away:
            self.away_servers[client.url] = client
        elif self.away_servers.pop(client.url, None) is None:
            return
        self.notify_change()

    def seconds_until_start(self) -> float | None:
        """In how many seconds one waiting job is expected to start; None: not known."""
        remaining = [self._remaining_seconds(active) for active in self._running()]
        return min((seconds for seconds in remaining if seconds is not None), default=None)

    async def place(self, job_id: UUID) -> QueueEntry | None:
        """Where the job waits; None: it does not."""
        if job_id in self.queue:
            async with aclosing(self._waiting_entries()) as entries:
                async for entry in entries:
                    if entry.job_id == job_id:
                        return entry
        return None

    async def announce_position(self, job_id: UUID) -> None:
        """Publish the position of a waiting job, for somebody who begins to watch it."""
        entry = await self.place(job_id)
        if entry is not None:
            self._announce(entry)

    async def _announce_positions(self) -> None:
        """Publish the positions of all watched jobs; a queue of thousands less often than a short one."""
        pause = ANNOUNCE_SECONDS
        while self._announce_again:
            await asyncio.sleep(pause)
            self._announce_again = False
            if not any(self.updates.is_watched(job_id) for job_id in self.active):
                continue
            began = time.monotonic()
            async for entry in self._waiting_entries():
                if self.updates.is_watched(entry.job_id):
                    self._announce(entry)
            pause = max(ANNOUNCE_SECONDS, _PAUSE_PER_WORK * (time.monotonic() - began))
        self._announcing = None

    def _announce(self, entry: QueueEntry) -> None:
        active = self.active.get(entry.job_id)
        if entry.job_id not in self.queue or active is None or active.executing_parts:  # it runs meanwhile
            return
        # Whole seconds: an update that looks the same is not worth sending.
        expected = None if entry.expected_seconds is None else float(round(entry.expected_seconds))
        waiting = Waiting(position=entry.position, expected_seconds=expected, reason=self.waiting_reason())
        self.updates.publish(entry.job_id, waiting)

    def _remaining_seconds(self, active: ActiveJob) -> float | None:
        expected = self.durations.expected(active.job)
        if expected is None:
            return None
        since = active.executing_since
        return max(0.0, expected - (time.monotonic() - since if since is not None else 0.0))


def utc_now() -> datetime:
    """The wall clock, for what is stored."""
    return datetime.now(UTC)


def _sum(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one + other


def _queue_entry(job: Job, position: int, expected: float | None) -> QueueEntry:
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
        batch_id=request.batch_id,
        position=position,
        expected_seconds=expected,
    )
