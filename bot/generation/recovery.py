"""After a start: the jobs that a process before this one left unfinished.

They come back into the queue in the order of acceptance, except for parts with an open attempt: about those ComfyUI is
asked, `/queue` first, then `/history`. A prompt that runs is followed and keeps the GPU, one that ended is collected,
one that never arrived or was lost is run again. An open attempt of an ended job (cancelled, timed out) is interrupted
and followed, because it may still have the GPU. So are the prompts of a terminal command that was killed; its jobs end.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.comfyui.client import ComfyClient
from bot.comfyui.exceptions import ComfyError
from bot.comfyui.prompt_state import Absent, Lost
from bot.domain.attempts import Attempt, AttemptState, CollectedFile
from bot.domain.jobs import JobState
from bot.errors import GenerationFailed
from bot.generation.active_job import ActiveJob, ExecutedPart, NotSubmitted, restored_active_job
from bot.generation.error_translation import job_error
from bot.generation.execution import Executor
from bot.generation.job_registry import JobRegistry, utc_now
from bot.generation.outputs import OutputFolder
from bot.gpu_lock import GpuLock
from bot.instance_lock import command_has_ended
from bot.storage.jobs import JobRepository

_log = logging.getLogger(__name__)

_ARRIVAL_SECONDS = 1.0
"""How long a POST that a killed process had sent may take to show in ComfyUI's queue."""


@dataclass(frozen=True)
class OpenAttempt:
    """An attempt that ComfyUI may still have."""

    active: ActiveJob
    attempt: Attempt


@dataclass(frozen=True)
class RecoveredJobs:
    """What a process before this one left."""

    queued: tuple[ActiveJob, ...]
    """Jobs with a part to submit, in the order of acceptance."""
    collected: tuple[ActiveJob, ...]
    """Jobs all of whose parts are on the disk, but whose result was not stored."""
    open_attempts: tuple[OpenAttempt, ...]


async def read_recovered_jobs(jobs: JobRepository, folder: OutputFolder, owner: str, locks_dir: Path) -> RecoveredJobs:
    """Read what is left from the database and the disk. ComfyUI is not asked."""
    unfinished = await jobs.unfinished(owner)
    active_jobs: dict[object, ActiveJob] = {}
    for job in unfinished:
        await folder.remove_partial_downloads(job)
        attempts = await jobs.attempts(job.id)
        active_jobs[job.id] = restored_active_job(job, attempts, await _intact_files(folder, attempts))
    open_attempts: list[OpenAttempt] = []
    ended_commands = await _end_jobs_of_killed_commands(jobs, folder, owner, locks_dir)
    for attempt in [one for name in (owner, *ended_commands) for one in await jobs.open_attempts(name)]:
        active = active_jobs.get(attempt.job_id) or await _ended_job(jobs, attempt)
        if active is not None:
            open_attempts.append(OpenAttempt(active, attempt))
    with_open_attempt = {id(one.active) for one in open_attempts}
    waiting = [active_jobs[job.id] for job in unfinished]
    return RecoveredJobs(
        queued=tuple(active for active in waiting if active.pending_parts),
        collected=tuple(active for active in waiting if active.all_collected and id(active) not in with_open_attempt),
        open_attempts=tuple(open_attempts),
    )


async def _end_jobs_of_killed_commands(
    jobs: JobRepository, folder: OutputFolder, owner: str, locks_dir: Path
) -> list[str]:
    """FAILED for every unfinished job of a terminal command that does not run any more; the names of those commands."""
    others = [name for name in await jobs.owners() if name != owner]
    ended = [name for name in others if await asyncio.to_thread(command_has_ended, locks_dir, name)]
    error = GenerationFailed("The command that asked for it ended before it was done.", advice="Run the command again.")
    for job in [job for name in ended for job in await jobs.unfinished(name)]:
        await jobs.end(job.id, JobState.FAILED, job_error(error), utc_now())
        await jobs.mark_delivered(job.id, utc_now())
        await folder.discard(job)
        _log.info("job %s ended: its command was killed", job.id)
    return ended


async def _intact_files(folder: OutputFolder, attempts: Sequence[Attempt]) -> dict[int, tuple[CollectedFile, ...]]:
    """The files of succeeded attempts by part, where all of them are still on the disk."""
    intact: dict[int, tuple[CollectedFile, ...]] = {}
    for attempt in attempts:
        files = attempt.collected if attempt.state is AttemptState.SUCCEEDED else ()
        if files and all([await folder.is_intact(file) for file in files]):
            intact[attempt.part] = files
    return intact


async def _ended_job(jobs: JobRepository, attempt: Attempt) -> ActiveJob | None:
    """The ended job of an open attempt, told to stop; None: its row is gone."""
    job = await jobs.get(attempt.job_id)
    if job is None:
        return None
    active = ActiveJob(job, ended=True)
    active.stop_requested.set()
    return active


async def follow_open_attempts(
    open_attempts: Sequence[OpenAttempt],
    client: ComfyClient,
    gpu: GpuLock,
    registry: JobRegistry,
    executor: Executor,
    *,
    handle_outcome: Callable[[ActiveJob, ExecutedPart], Awaitable[None]],
) -> None:
    """Follow one server's open attempts, one after the other, before anything new is submitted to it."""
    if not open_attempts:
        return
    registry.away_servers[client.url] = client
    registry.notify_change()
    await client.wait_available()
    registry.away_servers.pop(client.url, None)
    async with gpu.generation():
        for one in open_attempts:
            one.active.executing_parts += 1
            registry.notify_change()
            try:
                executed = await _follow(one, client, executor)
            finally:
                one.active.executing_parts -= 1
            await handle_outcome(one.active, executed)


async def _follow(one: OpenAttempt, client: ComfyClient, executor: Executor) -> ExecutedPart:
    if await _is_absent(client, one.attempt):
        _log.info("job %s: part %d is not with ComfyUI", one.active.job.id, one.attempt.part)
        was_submitted = one.attempt.state is AttemptState.SUBMITTED
        return ExecutedPart(one.attempt, Lost() if was_submitted else NotSubmitted())
    _log.info("job %s: part %d is followed again", one.active.job.id, one.attempt.part)
    return await executor.follow(one.active, one.attempt)


async def _is_absent(client: ComfyClient, attempt: Attempt) -> bool:
    """Whether ComfyUI does not have the prompt; a PREPARED one gets a moment to arrive."""
    denials = 0
    while True:
        try:
            if not isinstance(await client.prompt_state(str(attempt.prompt_id)), Absent):
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
