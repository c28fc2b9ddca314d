"""From a job to the next one: again, varied, remixed, larger, or exactly the same. Pure: values in, a request out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.domain.jobs import Derivation, GenerationRequest, InputFile, Job, JobKind, Origin

VARY = "vary"
UPSCALE = "upscale"
"""Names of the image workflows behind the buttons."""


@dataclass(frozen=True)
class Requester:
    """Who wants it, and where the answer goes. Limits count for this person."""

    requester_id: int
    requester_name: str
    origin: Origin


@dataclass(frozen=True)
class Remix:
    """What the person changed. `seed` None: a new one; `overrides` only what differs from the workflow's own."""

    positive: str
    negative: str | None = None
    overrides: Mapping[str, int | float | str] = field(default_factory=dict[str, int | float | str])
    seed: int | None = None


def again(job: Job, by: Requester, *, voice_seed: int | None = None) -> GenerationRequest:
    """The same with a new seed, by the workflow as its file is now.

    Speech needs its seed given: one that is drawn for it would be the same, and so the same file (`reuse`). It still
    speaks what the old one did, and is stale when that changes.
    """
    if job.request.kind is not JobKind.AUDIO:
        return _following(job, by, Derivation.AGAIN)
    spoken = {name: getattr(job.request, name) for name in ("message_id", "alternative", "source_message_id", "note")}
    return _following(job, by, Derivation.AGAIN, seed=voice_seed, **spoken)


def vary(job: Job, by: Requester, picture: InputFile | None) -> GenerationRequest:
    """From that picture by the `vary` workflow; without one, from the same prompt reworded by the model."""
    if picture is not None:
        return _following(job, by, Derivation.VARY, workflow_name=VARY, inputs=(picture,), overrides=_steering(job))
    request = _following(job, by, Derivation.VARY)
    return request.model_copy(update={"rewrite": True, "written_prompt": request.written_prompt or request.positive})


def upscale(job: Job, by: Requester, picture: InputFile) -> GenerationRequest:
    """That picture, larger, by the `upscale` workflow."""
    return _following(job, by, Derivation.UPSCALE, workflow_name=UPSCALE, inputs=(picture,), overrides={})


def remix(job: Job, by: Requester, changes: Remix) -> GenerationRequest:
    """With other words and settings."""
    return _following(
        job,
        by,
        Derivation.REMIX,
        positive=changes.positive,
        written_prompt=None,
        rewrite=False,
        negative=changes.negative,
        overrides=dict(changes.overrides),
        seed=changes.seed,
    )


def repeat(job: Job, by: Requester, *, pinned: bool = True) -> GenerationRequest:
    """The same parameters and seed; `pinned`: by the very version of the workflow, else by its file as it is now."""
    return _following(job, by, Derivation.REPEAT, seed=job.seed, workflow_hash=job.workflow_hash if pinned else None)


def is_like(child: Job, request: GenerationRequest) -> bool:
    """Whether a job is what the request would do once more. Remixes differ by what was changed, pictures by which."""
    mine = child.request
    if request.kind is JobKind.AUDIO and request.follow_up is Derivation.AGAIN:
        return mine.kind is JobKind.AUDIO and mine.follow_up in {None, Derivation.AGAIN}
    same = mine.follow_up is request.follow_up and mine.inputs == request.inputs
    if request.follow_up is Derivation.REMIX:
        keys = ("positive", "negative", "overrides", "seed")
        return same and all(getattr(mine, key) == getattr(request, key) for key in keys)
    return same and mine.workflow_hash == request.workflow_hash


def _following(job: Job, by: Requester, follow_up: Derivation, **changes: Any) -> GenerationRequest:
    """The job's own request, with what was really used in the place of what was looked up or written for it."""
    request, used = job.request, job.parameters
    unwritten = request.rewrite and not used.get("rewritten")
    own: dict[str, Any] = {
        "requester_id": by.requester_id,
        "requester_name": by.requester_name,
        "origin": by.origin,
        "parent_job_id": job.id,
        "follow_up": follow_up,
        "positive": request.positive if unwritten else (used.get("positive") or request.positive),
        "negative": used.get("negative", request.negative),
        "rewrite": unwritten,
        "workflow_name": job.workflow_name,
        "workflow_hash": None,
        "seed": None,
        # The new picture is the bot's own message: the turn that drew the old one has its picture.
        "message_id": None,
        "alternative": None,
        "source_message_id": by.origin.reply_to_message_id,
        "note": None,
        "live": False,
    }
    return request.model_copy(update=own | changes)


def _steering(job: Job) -> dict[str, int | float | str]:
    """Overrides without the size: a picture that is started from has its own."""
    return {name: value for name, value in job.request.overrides.items() if name not in {"width", "height"}}
