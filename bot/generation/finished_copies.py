"""Answers a request with the files of an equal job that was finished before."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from bot.domain.jobs import Artifact, GenerationRequest, Job, JobKind, JobState
from bot.generation.acceptance import Accepted
from bot.storage.jobs import JobRepository


async def find_finished_copy(accepted: Accepted, jobs: JobRepository, data_dir: Path) -> Job | None:
    """The accepted job, GENERATED with the files of an equal earlier job; None: there is none, or its files are gone.

    Equal is speech of the same words, voice sample, workflow version and seed, and a picture of the same values,
    workflow version and given seed, unless it was asked for by `fresh` or is derived from another job. The answer names
    the earlier job of a picture, which therefore is the same person's or of the same channel.
    """
    if accepted.fingerprint is None or not _may_be_copied(accepted.job.request):
        return None
    request = accepted.job.request
    equal = await jobs.find_equal(accepted.fingerprint, request=None if request.kind is JobKind.AUDIO else request)
    if equal is None or not equal.artifacts:
        return None
    if not await asyncio.to_thread(_all_on_disk, equal.artifacts, data_dir):
        return None
    return accepted.job.model_copy(
        update={
            "state": JobState.GENERATED,
            "artifacts": equal.artifacts,
            "generated_at": accepted.job.created_at,
            "execution_seconds": 0.0,
            "quota_pieces": 0,
            "quota_seconds": 0.0,
            "note": _note_of_copy(accepted.job, equal),
        }
    )


def _may_be_copied(request: GenerationRequest) -> bool:
    if request.kind is JobKind.AUDIO:
        return True
    is_wish = request.derivation is None and request.origin.channel_id is not None
    return is_wish and request.seed is not None and not request.fresh


def _note_of_copy(job: Job, equal: Job) -> str | None:
    if job.request.kind is JobKind.AUDIO:
        return job.note or equal.note
    made = f"Made before, as job {equal.digest}: the same words, settings and seed. `fresh` draws it anew."
    return " ".join(filter(None, (job.note, made)))


def _all_on_disk(artifacts: Sequence[Artifact], data_dir: Path) -> bool:
    for artifact in artifacts:
        path = data_dir / artifact.path
        if not path.is_file() or path.stat().st_size != artifact.size:
            return False
    return True
