"""After a start: what a process before us left, taken up where the store and ComfyUI say it is.

Unfinished jobs come back into the queue in the order of acceptance, except for parts whose attempt is open. Of those,
ComfyUI is asked: `/queue` first, then `/history`. What runs takes the GPU and is followed, what has ended is collected,
what never arrived or got lost is run again. An open attempt of a job that has ended (cancelled, timed out) is
interrupted and followed, because it may still have the GPU. So are the prompts of a terminal command that was killed:
nobody waits for its jobs any more, and they end here.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from bot.comfyui.client import ComfyClient
from bot.comfyui.exceptions import ComfyError
from bot.comfyui.models import Absent, Lost
from bot.domain.attempts import Attempt, AttemptState, CollectedFile
from bot.domain.jobs import Job, JobState
from bot.errors import GenerationFailed
from bot.generation.active_job import ActiveJob, NotArrived, resumed
from bot.generation.error_translation import job_error
from bot.generation.execution import Executed, Executor
from bot.generation.job_registry import JobRegistry, now
from bot.generation.outputs import OutputFolder
from bot.generation.store import JobStore
from bot.gpu_lock import GpuLock
from bot.instance_lock import command_has_ended

_log = logging.getLogger(__name__)

_ARRIVAL_SECONDS = 1.0
"""How long a POST that a killed process had sent may still take to show in the queue."""


@dataclass(frozen=True)
class OpenAttempt:
    """An open attempt of a process before us."""

    run: ActiveJob
    attempt: Attempt


@dataclass(frozen=True)
class RecoveredJobs:
    """Everything a process before us left."""

    queued: tuple[ActiveJob, ...]
    """Some part must be submitted; in the order of acceptance."""
    complete: tuple[ActiveJob, ...]
    """Every part is on the disk, the result was not committed."""
    adopted: tuple[OpenAttempt, ...]


async def read_recovered_jobs(store: JobStore, folder: OutputFolder, owner: str) -> RecoveredJobs:
    """Read what is left; asks nobody but the store and the disk."""
    unfinished = await store.unfinished(owner)
    runs: dict[object, ActiveJob] = {}
    for job in unfinished:
        await folder.sweep(job)
        attempts = await store.attempts(job.id)
        runs[job.id] = resumed(job, attempts, await _intact(folder, attempts))
    adopted: list[OpenAttempt] = []
    gone = await _end_what_terminals_left(store, folder, owner)
    for attempt in [one for name in (owner, *gone) for one in await store.open_attempts(name)]:
        run = runs.get(attempt.job_id) or await _ended(store, attempt)
        if run is not None:
            adopted.append(OpenAttempt(run, attempt))
    open_runs = {id(one.run) for one in adopted}
    waiting = [runs[job.id] for job in unfinished]
    return RecoveredJobs(
        queued=tuple(run for run in waiting if run.todo),
        complete=tuple(run for run in waiting if run.complete and id(run) not in open_runs),
        adopted=tuple(adopted),
    )


async def _end_what_terminals_left(store: JobStore, folder: OutputFolder, owner: str) -> list[str]:
    """FAILED for every unfinished job of a command that no longer runs; the names of such commands."""
    others = [name for name in await store.owners() if name != owner]
    gone = [name for name in others if await asyncio.to_thread(command_has_ended, folder.data_dir, name)]
    error = GenerationFailed("The command that asked for it ended before it was done.", advice="Run the command again.")
    for job in [job for name in gone for job in await store.unfinished(name)]:
        await store.end(job.id, JobState.FAILED, job_error(error), now())
        await store.mark_delivered(job.id, now())
        await folder.discard(job)
        _log.info("job %s ended: its command was killed", job.id)
    return gone


async def _intact(folder: OutputFolder, attempts: Sequence[Attempt]) -> dict[int, tuple[CollectedFile, ...]]:
    intact: dict[int, tuple[CollectedFile, ...]] = {}
    for attempt in attempts:
        files = attempt.collected if attempt.state is AttemptState.SUCCEEDED else ()
        if files and all([await folder.is_intact(file) for file in files]):
            intact[attempt.part] = files
    return intact


async def _ended(store: JobStore, attempt: Attempt) -> ActiveJob | None:
    job: Job | None = await store.get(attempt.job_id)
    if job is None:
        return None
    run = ActiveJob(job, over=True)
    run.stop.set()
    return run


async def take_up_open_attempts(
    adopted: Sequence[OpenAttempt],
    gpu: GpuLock,
    ledger: JobRegistry,
    executor: Executor,
    settle: Callable[[ActiveJob, Executed], Awaitable[None]],
) -> None:
    """Take up one server's open attempts, one after the other, before anything new is submitted to it."""
    if not adopted:
        return
    ledger.away.add(gpu.client.url)
    ledger.changed()
    await gpu.client.wait_available()
    ledger.away.discard(gpu.client.url)
    async with gpu.generation():
        for one in adopted:
            one.run.executing += 1
            ledger.changed()
            try:
                executed = await _take_up(one, gpu.client, executor)
            finally:
                one.run.executing -= 1
            await settle(one.run, executed)


async def _take_up(one: OpenAttempt, client: ComfyClient, executor: Executor) -> Executed:
    if await _absent(client, one.attempt):
        _log.info("job %s: part %d is not with ComfyUI", one.run.job.id, one.attempt.part)
        sent = one.attempt.state is AttemptState.SUBMITTED
        return Executed(one.attempt, Lost() if sent else NotArrived())
    _log.info("job %s: part %d is followed again", one.run.job.id, one.attempt.part)
    return await executor.follow(one.run, one.attempt)


async def _absent(client: ComfyClient, attempt: Attempt) -> bool:
    denials = 0
    while True:
        try:
            if not isinstance(await client.whereabouts(str(attempt.prompt_id)), Absent):
                return False
            denials += 1
        except ComfyError as error:
            _log.info("ComfyUI cannot be asked for %s: %s", attempt.prompt_id, error)
            await asyncio.sleep(_ARRIVAL_SECONDS)
            await client.wait_available()
            continue
        if denials == 2 or attempt.state is AttemptState.SUBMITTED:
            return True
        await asyncio.sleep(_ARRIVAL_SECONDS)
