"""Jobs and Discord's refusals for tests, as the values and exceptions they really are."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

import discord

from bot.domain.jobs import Artifact, GenerationRequest, Job, JobError, JobKind, JobState, Origin

CHANNEL = 1_000
GUILD = 2_000
PERSON = 3_000


def a_request(**changes: Any) -> GenerationRequest:
    given: dict[str, Any] = {
        "kind": JobKind.IMAGE,
        "character_id": "nova",
        "requester_id": PERSON,
        "requester_name": "Ann",
        "origin": Origin(guild_id=GUILD, channel_id=CHANNEL, interaction_id=77, after_message_id=70),
        "positive": "a lighthouse at dusk",
    }
    return GenerationRequest(**(given | changes))


def a_job(request: GenerationRequest | None = None, **changes: Any) -> Job:
    given: dict[str, Any] = {
        "id": uuid.uuid4(),
        "request": request or a_request(),
        "state": JobState.QUEUED,
        "workflow_name": "default",
        "workflow_hash": "0" * 64,
        "character_version": "1",
        "seed": 2**64 - 1,
        "created_at": datetime.now(UTC),
    }
    return Job(**(given | changes))


def a_failed_job(**changes: Any) -> Job:
    error = JobError(code="OUT_OF_MEMORY", message="The graphics card ran out of memory.", advice="Try a smaller size.")
    return a_job(state=JobState.FAILED, error=error, **changes)


def a_picture(path: str, *, size: int = 1000, width: int = 512, height: int = 768) -> Artifact:
    return Artifact(
        kind=JobKind.IMAGE, path=path, sha256="0" * 64, size=size, media_type="image/png", width=width, height=height
    )


@dataclass
class Answer:
    """The part of an aiohttp response that discord.py's exceptions read."""

    status: int
    reason: str = "refused"
    headers: dict[str, str] = field(default_factory=dict[str, str])


def refusal(status: int, code: int = 0, **headers: str) -> discord.HTTPException:
    """What discord.py raises for that answer."""
    kinds: dict[int, type[discord.HTTPException]] = {403: discord.Forbidden, 404: discord.NotFound}
    kind = kinds.get(status, discord.DiscordServerError if status >= 500 else discord.HTTPException)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return kind(cast("Any", Answer(status, headers=named)), {"code": code, "message": "refused"})
