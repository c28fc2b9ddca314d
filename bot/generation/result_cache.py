"""The same words in the same voice are spoken once: the file is there already."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from bot.domain.jobs import Artifact, Job, JobState
from bot.generation.acceptance import Accepted
from bot.generation.store import JobStore


async def reusable(accepted: Accepted, store: JobStore, data_dir: Path) -> Job | None:
    """The accepted job, finished with the files of an equal one; None: there is none, or its files are gone."""
    if accepted.fingerprint is None:
        return None
    equal = await store.find_equal(accepted.fingerprint)
    if equal is None or not equal.artifacts:
        return None
    if not await asyncio.to_thread(_present, equal.artifacts, data_dir):
        return None
    return accepted.job.model_copy(
        update={
            "state": JobState.GENERATED,
            "artifacts": equal.artifacts,
            "generated_at": accepted.job.created_at,
            "execution_seconds": 0.0,
            "note": accepted.job.note or equal.note,
        }
    )


def _present(artifacts: Sequence[Artifact], data_dir: Path) -> bool:
    for artifact in artifacts:
        path = data_dir / artifact.path
        if not path.is_file() or path.stat().st_size != artifact.size:
            return False
    return True
