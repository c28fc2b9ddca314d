"""Attempts: each submission of one part of a job to one ComfyUI server."""

from __future__ import annotations

import uuid
from datetime import datetime
from enum import StrEnum

from bot.domain.value import Value


class AttemptState(StrEnum):
    """One submission of one part to one server."""

    PREPARED = "prepared"
    """Committed, before the POST: it may or may not have arrived."""
    SUBMITTED = "submitted"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    LOST = "lost"
    """It had arrived, and is absent from `/queue` and then from `/history`, asked in that order."""
    UNSENT = "unsent"
    """Prepared, and absent likewise when we came back: it never arrived."""

    @property
    def open(self) -> bool:
        """ComfyUI may still have it, or its files are not yet ours."""
        return self in {AttemptState.PREPARED, AttemptState.SUBMITTED}


class CollectedFile(Value):
    """A file of one part, downloaded and verified; `path` relative to the data folder."""

    path: str
    sha256: str
    size: int
    media_type: str
    temporary: bool = False


class Attempt(Value):
    """`prompt_id = uuid5(job_id, f"{part}/{n}")`: ComfyUI does not check uniqueness, so an id is never used twice."""

    prompt_id: uuid.UUID
    job_id: uuid.UUID
    part: int
    n: int
    server: str
    client_id: str | None = None
    state: AttemptState = AttemptState.PREPARED
    collected: tuple[CollectedFile, ...] = ()
    """Of a SUCCEEDED part: what of it is on our disk."""
    execution_seconds: float | None = None
    created_at: datetime


def attempt_id(job_id: uuid.UUID, part: int, n: int) -> uuid.UUID:
    """The ComfyUI `prompt_id` of repeat `n` of `part`; canonical form, as ComfyUI demands."""
    return uuid.uuid5(job_id, f"{part}/{n}")
