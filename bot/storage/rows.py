"""Rows of `jobs` and `attempts` as values, and values as rows."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from pydantic import ConfigDict, TypeAdapter
from sqlalchemy import RowMapping

from bot.domain.attempts import Attempt, AttemptState, CollectedFile
from bot.domain.jobs import Artifact, GenerationRequest, Job, JobError, JobState

_CONFIG = ConfigDict(hide_input_in_errors=True)
_ARTIFACTS = TypeAdapter(tuple[Artifact, ...], config=_CONFIG)
_COLLECTED = TypeAdapter(tuple[CollectedFile, ...], config=_CONFIG)


def job_row(job: Job, *, owner: str, number: int, fingerprint: str | None) -> dict[str, Any]:
    """A new row of `jobs`."""
    request = job.request
    return {
        "id": str(job.id),
        "number": number,
        "owner": owner,
        "kind": request.kind.value,
        "state": job.state.value,
        "request": request.model_dump(mode="json"),
        "character_id": request.character_id,
        "character_version": job.character_version,
        "workflow_name": job.workflow_name,
        "workflow_hash": job.workflow_hash,
        "seed": str(job.seed),
        "parameters": dict(job.parameters),
        "fingerprint": fingerprint,
        "requester_id": request.requester_id,
        "guild_id": request.origin.guild_id,
        "channel_id": request.origin.channel_id,
        "interaction_id": request.origin.interaction_id,
        "source_message_id": request.source_message_id,
        "parent_job_id": str(request.parent_job_id) if request.parent_job_id else None,
        "conversation_id": request.conversation_id,
        "message_id": request.message_id,
        "artifacts": artifacts_json(job.artifacts),
        "error": job.error.model_dump(mode="json") if job.error else None,
        "note": job.note,
        "created_at": job.created_at,
        "started_at": job.started_at,
        "generated_at": job.generated_at,
        "ended_at": job.ended_at,
        "delivered_at": job.delivered_at,
        "execution_seconds": job.execution_seconds,
        "quota_pieces": job.quota_pieces,
        "quota_seconds": job.quota_seconds,
        "batch_id": str(request.batch_id) if request.batch_id else None,
        "batch_index": request.batch_index,
    }


def job_value(row: RowMapping) -> Job:
    """A row of `jobs`."""
    error = row["error"]
    return Job(
        id=uuid.UUID(row["id"]),
        request=GenerationRequest.model_validate(row["request"]),
        state=JobState(row["state"]),
        workflow_name=row["workflow_name"],
        workflow_hash=row["workflow_hash"],
        character_version=row["character_version"],
        seed=int(row["seed"]),
        parameters=row["parameters"],
        artifacts=_ARTIFACTS.validate_python(row["artifacts"]),
        error=JobError.model_validate(error) if error else None,
        note=row["note"],
        created_at=row["created_at"],
        started_at=row["started_at"],
        generated_at=row["generated_at"],
        ended_at=row["ended_at"],
        delivered_at=row["delivered_at"],
        execution_seconds=row["execution_seconds"],
        quota_pieces=row["quota_pieces"],
        quota_seconds=row["quota_seconds"],
    )


def artifacts_json(artifacts: Sequence[Artifact]) -> list[Any]:
    """As `jobs.artifacts` holds them."""
    return _ARTIFACTS.dump_python(tuple(artifacts), mode="json")


def collected_json(files: Sequence[CollectedFile]) -> list[Any] | None:
    """As `attempts.collected` holds them."""
    return _COLLECTED.dump_python(tuple(files), mode="json") if files else None


def attempt_row(attempt: Attempt) -> dict[str, Any]:
    """A new row of `attempts`."""
    return {
        "prompt_id": str(attempt.prompt_id),
        "job_id": str(attempt.job_id),
        "part": attempt.part,
        "n": attempt.n,
        "server": attempt.server,
        "client_id": attempt.client_id,
        "state": attempt.state.value,
        "collected": collected_json(attempt.collected),
        "execution_seconds": attempt.execution_seconds,
        "created_at": attempt.created_at,
    }


def attempt_value(row: RowMapping) -> Attempt:
    """A row of `attempts`."""
    return Attempt(
        prompt_id=uuid.UUID(row["prompt_id"]),
        job_id=uuid.UUID(row["job_id"]),
        part=row["part"],
        n=row["n"],
        server=row["server"],
        client_id=row["client_id"],
        state=AttemptState(row["state"]),
        collected=_COLLECTED.validate_python(row["collected"] or ()),
        execution_seconds=row["execution_seconds"],
        created_at=row["created_at"],
    )
