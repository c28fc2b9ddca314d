"""After a start: the jobs that a process before this one left unfinished.

They come back into the queue in the order of acceptance, except for parts with an open attempt: those are adopted
(adoption.py). An open attempt of an ended job (cancelled, timed out) is interrupted and followed, because it may still
have the GPU. So are the prompts of a terminal command that was killed; its jobs end.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.domain.attempts import Attempt, AttemptState, CollectedFile
from bot.domain.jobs import JobState
from bot.errors import GenerationFailed
from bot.generation.active_job import ActiveJob, restored_active_job
from bot.generation.error_translation import job_error
from bot.generation.job_registry import utc_now
from bot.generation.outputs import OutputFolder
from bot.instance_lock import command_has_ended
from bot.storage.jobs import JobRepository

_log = logging.getLogger(__name__)


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
