"""The request of a job that is made from an earlier job: again, varied, remixed, enlarged, repeated. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bot.domain.jobs import Derivation, GenerationRequest, InputFile, Job, JobKind, Origin, RegionStart
from bot.workflows.parameter_names import LORA_NAME
from bot.workflows.parameters import ParameterValue
from bot.workflows.workflow import INPAINT_WORKFLOW, OUTPAINT_WORKFLOW, UPSCALE_WORKFLOW, VARY_WORKFLOW

_KEPT_BY_VARIATIONS = frozenset({"steps", "cfg", "guidance", "sampler", "scheduler"})
"""Overrides that mean the same in the workflows of the buttons Vary, Region and Wider."""
_BY_WORDS = frozenset({Derivation.REMIX, Derivation.ANIMATE, Derivation.INPAINT})
"""The same only if the words and settings are."""


@dataclass(frozen=True)
class Requester:
    """For whom the derived job is made, and where its result goes."""

    requester_id: int
    requester_name: str
    origin: Origin


@dataclass(frozen=True)
class RemixChanges:
    """What the person changed.

    Attributes:
        positive: The prompt.
        negative: The negative prompt; None: as the workflow has it.
        overrides: Parameters that differ from the workflow's own.
        seed: None: a random one.

    """

    positive: str
    negative: str | None = None
    overrides: Mapping[str, ParameterValue] = field(default_factory=dict[str, ParameterValue])
    seed: int | None = None


@dataclass(frozen=True)
class FilmChanges:
    """What a film of a picture is made with.

    Attributes:
        picture: What it begins with.
        positive: The prompt.
        workflow_name: A video workflow.
        overrides: Its parameters that differ, such as the length.
        note: What the person is told.

    """

    picture: InputFile
    positive: str
    workflow_name: str
    overrides: Mapping[str, ParameterValue] = field(default_factory=dict[str, ParameterValue])
    note: str | None = None


@dataclass(frozen=True)
class RegionChanges:
    """What a region of a picture becomes.

    Attributes:
        files: The picture and its mask.
        positive: What should be there.
        strength: How much it changes, from 0 to 1; None: as much as the workflow has it.
        start: The choice that is started.

    """

    files: Sequence[InputFile]
    positive: str
    strength: float | None
    start: RegionStart


def again(job: Job, requester: Requester, *, speech_seed: int | None = None) -> GenerationRequest:
    """The same with a new seed, by the workflow as its file is now.

    Speech is given its new seed: a seed that is chosen by its words would make the same speech (and find the old file).
    It keeps its reference to the message that it speaks, so it is outdated when that message changes.
    """
    if job.request.kind is not JobKind.AUDIO:
        return _derived(job, requester, Derivation.AGAIN)
    spoken = {name: getattr(job.request, name) for name in ("message_id", "alternative", "source_message_id", "note")}
    return _derived(job, requester, Derivation.AGAIN, seed=speech_seed, **spoken)


def vary(job: Job, requester: Requester, picture: InputFile | None) -> GenerationRequest:
    """From the picture by the `vary` workflow; without a picture, the prompt in other words of the language model."""
    if picture is not None:
        # The size is the picture's own, and node ids mean other nodes in another workflow.
        overrides = _kept_by_variations(job)
        changes: dict[str, Any] = {"workflow_name": VARY_WORKFLOW, "inputs": (picture,), "overrides": overrides}
        return _derived(job, requester, Derivation.VARY, **changes)
    request = _derived(job, requester, Derivation.VARY)
    return request.model_copy(update={"rewrite": True, "written_prompt": request.written_prompt or request.positive})


def upscale(job: Job, requester: Requester, picture: InputFile) -> GenerationRequest:
    """The picture, enlarged by the `upscale` workflow."""
    return _derived(job, requester, Derivation.UPSCALE, workflow_name=UPSCALE_WORKFLOW, inputs=(picture,), overrides={})


def inpaint(job: Job, requester: Requester, region: RegionChanges) -> GenerationRequest:
    """A region of the picture, drawn anew by the `inpaint` workflow."""
    strength = {"denoise": region.strength} if region.strength is not None else {}
    return _derived(
        job,
        requester,
        Derivation.INPAINT,
        kind=JobKind.IMAGE,
        workflow_name=INPAINT_WORKFLOW,
        inputs=tuple(region.files),
        positive=region.positive,
        written_prompt=None,
        rewrite=False,
        overrides={**_kept_by_variations(job), **strength},
        region_start=region.start,
    )


def outpaint(job: Job, requester: Requester, files: Sequence[InputFile]) -> GenerationRequest:
    """The picture on a larger canvas, filled by the `outpaint` workflow; `files` are the canvas and its mask."""
    return _derived(
        job,
        requester,
        Derivation.OUTPAINT,
        kind=JobKind.IMAGE,
        workflow_name=OUTPAINT_WORKFLOW,
        inputs=tuple(files),
        overrides=_kept_by_variations(job),
    )


def animate(job: Job, requester: Requester, film: FilmChanges) -> GenerationRequest:
    """A film that begins with a picture of the job."""
    return _derived(
        job,
        requester,
        Derivation.ANIMATE,
        kind=JobKind.VIDEO,
        workflow_name=film.workflow_name,
        inputs=(film.picture,),
        positive=film.positive,
        written_prompt=None,
        rewrite=False,
        negative=None,
        overrides=dict(film.overrides),
        note=film.note,
    )


def remix(job: Job, requester: Requester, changes: RemixChanges) -> GenerationRequest:
    """With another prompt and other settings."""
    return _derived(
        job,
        requester,
        Derivation.REMIX,
        positive=changes.positive,
        written_prompt=None,
        rewrite=False,
        negative=changes.negative,
        overrides=dict(changes.overrides),
        seed=changes.seed,
    )


def repeat(
    job: Job,
    requester: Requester,
    *,
    stored_workflow: bool = True,
    changes: Mapping[str, ParameterValue] | None = None,
) -> GenerationRequest:
    """The same parameters and seed, by the stored version of the workflow or by its file as it is now.

    Args:
        job: The earlier job.
        requester: For whom it is repeated.
        stored_workflow: By the version of the workflow that the job used.
        changes: Parameters that get other values.

    """
    workflow_hash = job.workflow_hash if stored_workflow else None
    used: Mapping[str, ParameterValue] = job.parameters.get("overrides", {})
    loras = {name: value for name, value in used.items() if LORA_NAME.fullmatch(name)}
    overrides = {**job.request.overrides, **loras, **(changes or {})}
    return _derived(job, requester, Derivation.REPEAT, seed=job.seed, workflow_hash=workflow_hash, overrides=overrides)


def is_same_derivation(known: Job, request: GenerationRequest) -> bool:
    """Whether a job derived from the same source is what the request asks for.

    Remixes are the same if the changes are, variations and enlargements if the picture is.
    """
    other = known.request
    if request.kind is JobKind.AUDIO and request.derivation is Derivation.AGAIN:
        return other.kind is JobKind.AUDIO and other.derivation in {None, Derivation.AGAIN}
    same = other.derivation is request.derivation and other.given_inputs == request.given_inputs
    if request.derivation in _BY_WORDS:
        keys = ("positive", "negative", "overrides", "seed")
        return same and all(getattr(other, key) == getattr(request, key) for key in keys)
    return same and other.workflow_hash == request.workflow_hash and other.overrides == request.overrides


def _kept_by_variations(job: Job) -> dict[str, ParameterValue]:
    return {name: value for name, value in job.request.overrides.items() if name in _KEPT_BY_VARIATIONS}


def _derived(job: Job, requester: Requester, derivation: Derivation, **changes: Any) -> GenerationRequest:
    """The job's request, with the values that were really used in place of those that were looked up or written."""
    request, used = job.request, job.parameters
    not_written = request.rewrite and not used.get("rewritten")
    own: dict[str, Any] = {
        "requester_id": requester.requester_id,
        "requester_name": requester.requester_name,
        "origin": requester.origin,
        "parent_job_id": job.id,
        "derivation": derivation,
        "positive": request.positive if not_written else (used.get("positive") or request.positive),
        "negative": used.get("negative", request.negative),
        "rewrite": not_written,
        "workflow_name": job.workflow_name,
        "workflow_hash": None,
        "seed": None,
        # The result is a message of the bot itself; the turn of a conversation keeps the picture that it has.
        "message_id": None,
        "alternative": None,
        "source_message_id": requester.origin.reply_to_message_id,
        "note": None,
        "live": False,
        "batch_id": None,
        "batch_index": None,
        "region_start": None,
    }
    return request.model_copy(update=own | changes)
