"""Values to store."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.domain.attempts import Attempt, attempt_id
from bot.domain.jobs import Artifact, GenerationRequest, Job, JobKind, JobState, Origin

START = datetime(2026, 1, 1, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def make_job(kind: JobKind = JobKind.IMAGE, **changes: Any) -> Job:
    """A job; `changes` go to the job, or to its request, or to its origin, wherever there is such a field."""
    origin = Origin(guild_id=9, channel_id=5).model_copy(update=_of(Origin, changes))
    base = GenerationRequest(
        kind=kind, character_id="nova", requester_id=1, positive="a lighthouse", origin=origin,
        text_parts=("Hello.", "You.") if kind is JobKind.AUDIO else (),
    )  # fmt: skip
    request = base.model_copy(update=_of(GenerationRequest, changes) | {"origin": origin})
    job = Job(
        id=uuid.uuid4(),
        request=request,
        state=JobState.QUEUED,
        workflow_name="default",
        workflow_hash="a" * 64,
        character_version="b" * 64,
        seed=2**64 - 1,
        parameters={"seed": 2**64 - 1, "positive": "a lighthouse", "cfg": 7.5},
        created_at=at(0),
    )
    return job.model_copy(update=_of(Job, changes))


def _of(model: type[Any], changes: dict[str, Any]) -> dict[str, Any]:
    fields = model.model_fields
    if model is not Job:
        return {name: value for name, value in changes.items() if name in fields}
    return {name: value for name, value in changes.items() if name in fields and name != "request"}


def make_artifact(kind: JobKind = JobKind.IMAGE, n: int = 0, **changes: Any) -> Artifact:
    base = Artifact(
        kind=kind,
        path=f"images/x/{n}.png",
        sha256="c" * 64,
        size=100,
        media_type="image/png",
        width=64,
        height=48,
        thumbnail=f"images/x/{n}.thumb.webp",
    )
    return base.model_copy(update=changes)


def make_attempt(job: Job, part: int = 0, n: int = 0) -> Attempt:
    return Attempt(
        prompt_id=attempt_id(job.id, part, n), job_id=job.id, part=part, n=n, server="http://x", created_at=at(n)
    )
