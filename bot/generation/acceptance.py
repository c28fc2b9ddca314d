"""From a request to a job. Everything that can be wrong with a request is found here, before the job waits."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import random
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from bot.characters.character import Character
from bot.domain.jobs import Derivation, GenerationRequest, Job, JobKind, JobState
from bot.domain.seeds import LARGEST_SEED, parse_seed
from bot.domain.workflow_versions import StoredWorkflow
from bot.errors import ChorusError, InputInvalid, WorkflowNotFound
from bot.generation.character_look import ADDED, CharacterLook, character_look
from bot.generation.failing_workflows import FailingWorkflows
from bot.generation.installed_models import InstalledModels
from bot.generation.reference_images import ReferenceImages
from bot.generation.request_texts import require_encodable, require_words
from bot.generation.server_limits import pictures_of, require_allowed_size
from bot.generation.value_limits import RequestLimits
from bot.policy import Policy
from bot.storage.workflows import WorkflowRepository
from bot.workflows.foreign_placeholders import require_filled
from bot.workflows.graph import NodeInput
from bot.workflows.input_roles import InputRole, InputValues
from bot.workflows.media_assignment import assign_files, file_values, note_of_assignment, require_files
from bot.workflows.parameter_names import canonical_name
from bot.workflows.parameters import CheckedOverrides, check_overrides
from bot.workflows.upload_screening import ScreeningRules, require_allowed
from bot.workflows.validation import validate_installed, validate_structure
from bot.workflows.value_injection import inject, seed_limit
from bot.workflows.workflow import DEFAULT_WORKFLOW, Workflow, parse_workflow

ADAPTED_FROM = "adapted_from"
"""Key of `Job.parameters`: the hash of the workflow file that takes any model."""
_VOICE_SAMPLE = "voice_sample"
_WITHOUT_PROMPT = frozenset({Derivation.UPSCALE})
"""What nobody expects to follow the prompt."""
_LARGEST_RANDOM_SEED = 2**53 - 1
"""ComfyUI's editor holds numbers as doubles: random seeds stay exact there."""
_LARGEST_SPEECH_SEED = 2**31 - 1
"""Every known TTS node takes these, so the seed of the same words does not depend on whether ComfyUI was asked yet."""


class CharacterSource(Protocol):
    """Characters by id, from memory (`CharacterLibrary`)."""

    def get(self, character_id: str, guild_id: int | None = None) -> Character:
        """The character as that guild sees it.

        Raises:
            CharacterNotFound: There is none.

        """
        ...


class WorkflowSource(Protocol):
    """Workflow files, from memory (`WorkflowLibrary`)."""

    def get(
        self,
        character_id: str,
        kind: JobKind,
        name: str | None = None,
        *,
        guild_id: int | None = None,
        default: str | None = None,
    ) -> Workflow:
        """The workflow as its file is now, as that server sees it; name None: the server's default, else `default`.

        Raises:
            WorkflowNotFound: There is none, also under `_shared`.
            WorkflowInvalid: The file cannot be used, and no earlier version of it could.

        """
        ...


@dataclass(frozen=True)
class Accepted:
    """A checked request."""

    job: Job
    workflow: Workflow
    fingerprint: str | None
    """Equal for jobs that would make the same file; None where that is not known before it is made."""


class Acceptance:
    """Checks requests against characters, workflows and, as far as it is known, what ComfyUI has installed."""

    def __init__(
        self,
        characters: CharacterSource,
        workflows: WorkflowSource,
        versions: WorkflowRepository,
        limits: RequestLimits,
        *,
        models: InstalledModels,
        screening: ScreeningRules,
        failing: FailingWorkflows,
        policy: Policy,
        references: ReferenceImages | None = None,
    ) -> None:
        self._characters = characters
        self._workflows = workflows
        self._versions = versions
        self._limits = limits
        self._models = models
        self._screening = screening
        self._failing = failing
        self._references = references
        self._policy = policy

    async def accept(
        self, request: GenerationRequest, object_info: Mapping[str, Any] | None, job_id: uuid.UUID | None = None
    ) -> Accepted:
        """The job of the request, QUEUED, not stored yet.

        Args:
            request: What was asked for.
            object_info: ComfyUI's `/object_info`; None: not known yet.
            job_id: The id of the job; None: a new one.

        Raises:
            ChorusError: NOT_ALLOWED, CHARACTER_NOT_FOUND, WORKFLOW_NOT_FOUND, WORKFLOW_INVALID, MISSING_NODE,
                MISSING_MODEL, WORKFLOW_FAILING, VOICE_UNAVAILABLE or INPUT_INVALID.

        """
        self._policy.require_may_make(request)
        request = with_named_roles(request)
        require_encodable(request)
        require_words(request)
        character = self._characters.get(request.character_id, request.origin.guild_id)
        file = await self._workflow(request, character)
        if file.guild_id is not None or request.trial:
            # What was uploaded is looked at again: the host may have changed the lists since.
            require_allowed(file.graph, self._screening, object_info)
        workflow = self._models.adapted(file, object_info, wanted_model(request))
        own_pictures: tuple[str, ...] = ()
        if self._references is not None:
            request, own_pictures = await self._references.added_to(request, character, workflow)
        assigned = assign_files(workflow, media_roles(request))
        require_files(workflow, assigned, object_info)
        validate_structure(workflow, request.kind, object_info=object_info, has_reference=bool(assigned) or None)
        seed = _seed(request, workflow, object_info)
        overrides = check_overrides(
            workflow, request.overrides, object_info, drop_unknown=request.parent_job_id is not None
        )
        server_limits = self._policy.size_limits(request)
        self._limits.within(server_limits).check(request, workflow, overrides)
        require_allowed_size(request, workflow, overrides, server_limits, object_info)
        look = character_look(request, character, workflow, overrides, object_info)
        parameters = _parameters(request, character, seed, look) | adapted_from(file, workflow)
        if own_pictures:
            parameters[ADDED] = [*parameters.get(ADDED, ()), *own_pictures]
        uploaded = {file.role: file.role for file in request.inputs}
        values = injection(
            parameters, request, part=0, uploaded=uploaded, files=file_values(workflow, _media_only(uploaded))
        )
        graph = inject(workflow, values, object_info)
        if object_info is not None:
            require_filled(workflow.graph, graph, workflow.analysis.reachable_nodes, workflow.name)
            validate_installed(graph, object_info)
        if not request.trial:
            self._failing.require_usable(workflow)
        job = Job(
            id=job_id or uuid.uuid4(),
            request=request,
            state=JobState.QUEUED,
            workflow_name=workflow.name,
            workflow_hash=workflow.content_hash,
            character_version=character.version,
            seed=seed,
            parameters=parameters,
            note=_note(request, workflow, overrides, note_of_assignment(assigned)),
            created_at=datetime.now(UTC),
            quota_pieces=pictures_of(graph) if request.kind is JobKind.IMAGE else 1,
        )
        return Accepted(job, workflow, None if request.rewrite else _fingerprint(job))

    async def accept_all(
        self, requests: Sequence[GenerationRequest], object_info: Mapping[str, Any] | None
    ) -> list[Accepted]:
        """As `accept`, of several requests; the event loop goes on between them.

        Raises:
            ChorusError: As from `accept`, of the first that cannot be accepted.

        """
        accepted: list[Accepted] = []
        for request in requests:
            accepted.append(await self.accept(request, object_info))
            await asyncio.sleep(0)
        return accepted

    async def accepted_workflow(self, job: Job) -> Workflow:
        """The workflow as it was when the job was accepted, as its file is: not adapted to a server.

        Raises:
            WorkflowNotFound: Neither the file nor a stored version has the job's hash any more.

        """
        request = job.request
        with contextlib.suppress(ChorusError):  # the file was removed or broken since
            current = self._workflows.get(
                request.character_id, request.kind, job.workflow_name, guild_id=request.origin.guild_id
            )
            if current.content_hash in {job.workflow_hash, job.parameters.get(ADAPTED_FROM)}:
                return current  # it is parsed already, which takes a while for a graph of a thousand nodes
        return await self._stored_version(job.workflow_hash, request, job.workflow_name)

    async def store_version(self, workflow: Workflow) -> None:
        """Store the version that a job uses, where that is known only when it is prepared."""
        await self._versions.put(stored_workflow(workflow))

    async def _workflow(self, request: GenerationRequest, character: Character) -> Workflow:
        if request.workflow_hash is None:
            return self._workflows.get(
                request.character_id,
                request.kind,
                request.workflow_name or None,
                guild_id=request.origin.guild_id,
                default=character.default_workflow(request.kind),
            )
        return await self._stored_version(request.workflow_hash, request, request.workflow_name or DEFAULT_WORKFLOW)

    async def _stored_version(self, content_hash: str, request: GenerationRequest, name: str) -> Workflow:
        stored = await self._versions.get(content_hash)
        if stored is None:
            raise WorkflowNotFound("That version of the workflow is no longer known.")

        def parse() -> Workflow:
            workflow = parse_stored_workflow(stored, request.character_id, request.kind, name)
            _ = workflow.analysis  # computed here, in the thread, and cached
            return workflow

        return await asyncio.to_thread(parse)


def wanted_model(request: GenerationRequest) -> str | None:
    """The model that a request names (`model=...`)."""
    named = [value for name, value in request.overrides.items() if canonical_name(name) == "model"]
    return str(named[0]) if named else None


def adapted_from(file: Workflow, workflow: Workflow) -> dict[str, Any]:
    """The entry of `Job.parameters` that names the version of the file from which its workflow was adapted."""
    return {} if file is workflow else {ADAPTED_FROM: file.content_hash}


def parse_stored_workflow(stored: StoredWorkflow, character_id: str, kind: JobKind, name: str) -> Workflow:
    """A stored version as a workflow."""
    return parse_workflow(
        json.dumps(stored.graph),
        bindings=json.dumps(stored.bindings) if stored.bindings else None,
        character_id=character_id,
        kind=kind,
        name=name,
        path=Path(f"{name}.json"),
    )


def stored_workflow(workflow: Workflow) -> StoredWorkflow:
    """The workflow as it is stored with the jobs that used it."""
    bindings = workflow.bindings.model_dump(mode="json", exclude_defaults=True)
    return StoredWorkflow(content_hash=workflow.content_hash, graph=dict(workflow.graph), bindings=bindings)


def media_roles(request: GenerationRequest) -> list[str]:
    """The roles of a request's files but the voice sample."""
    return [file.role for file in request.inputs if file.role != _VOICE_SAMPLE]


def _media_only(uploaded: Mapping[str, str]) -> dict[str, str]:
    return {role: name for role, name in uploaded.items() if role != _VOICE_SAMPLE}


def injection(
    parameters: Mapping[str, Any],
    request: GenerationRequest,
    *,
    part: int,
    uploaded: Mapping[str, str],
    files: Mapping[NodeInput, str],
) -> InputValues:
    """The values that one part of a job writes into the graph.

    Args:
        parameters: `Job.parameters`.
        request: The job's request.
        part: Which chunk of text, for speech.
        uploaded: Role of an input file -> the name that ComfyUI gave it.
        files: What is written into the loaders of media, as `file_values` returned it.

    """
    return InputValues(
        positive=parameters.get("positive"),
        negative=parameters.get("negative"),
        seed=parameters["seed"],
        width=parameters.get("width"),
        height=parameters.get("height"),
        steps=parameters.get("steps"),
        cfg=parameters.get("cfg"),
        text=request.text_parts[part] if request.text_parts else None,
        voice_sample=uploaded.get("voice_sample"),
        voice_transcript=request.voice_transcript or None,
        reference_image=uploaded.get("reference_image"),
        character_name=parameters.get("character_name"),
        overrides=parameters.get("overrides", {}),
        files=files,
    )


def override_parameters(overrides: CheckedOverrides) -> dict[str, Any]:
    """The entries of `Job.parameters` for checked overrides."""
    return overrides.roles | ({"overrides": overrides.values} if overrides.values else {})


def with_named_roles(request: GenerationRequest) -> GenerationRequest:
    """The request with overrides of the prompt, the negative prompt and the seed in its own fields."""
    changes: dict[str, Any] = {}
    overrides: dict[str, int | float | str | bool] = {}
    for name, value in request.overrides.items():
        match canonical_name(name):
            case "prompt":
                changes["positive"] = str(value)
            case "negative":
                changes["negative"] = str(value)
            case "seed":
                changes["seed"] = parse_seed(str(value))
            case _:
                overrides[name] = value
    return request.model_copy(update={**changes, "overrides": overrides}) if changes else request


def _note(request: GenerationRequest, workflow: Workflow, overrides: CheckedOverrides, files: str | None) -> str | None:
    """What the person asked for and does not get and where files went, beside the note of the request."""
    notes = [note for note in (request.note, files) if note]
    is_by_prompt = request.kind is not JobKind.AUDIO and request.derivation not in _WITHOUT_PROMPT
    if is_by_prompt and request.positive.strip() and not workflow.analysis.takes(InputRole.POSITIVE):
        notes.append("This workflow has no place for a prompt, so the words were left out.")
    if request.kind is not JobKind.AUDIO and request.negative and not workflow.analysis.takes(InputRole.NEGATIVE):
        notes.append("This workflow has no place for a negative prompt, so it was left out.")
    if overrides.dropped:
        names = ", ".join(name[:40] for name in overrides.dropped[:5])
        notes.append(f"This workflow has no {names}, so that setting was left out.")
    return " ".join(notes) or None


def _parameters(request: GenerationRequest, character: Character, seed: int, look: CharacterLook) -> dict[str, Any]:
    values: dict[str, Any] = {"seed": seed, "character_name": character.name}
    if request.kind is not JobKind.AUDIO:
        values["positive"] = look.positive or None
    if look.negative is not None:
        values["negative"] = look.negative
    return values | override_parameters(look.overrides) | look.parameters


def _seed(request: GenerationRequest, workflow: Workflow, object_info: Mapping[str, Any] | None) -> int:
    limit = seed_limit(workflow, object_info)
    if request.seed is None:
        # The same words, voice and workflow get the same seed, so that the speech need not be made again.
        if request.kind is JobKind.AUDIO:
            return random.Random(_voice_key(request)).randint(0, min(limit, _LARGEST_SPEECH_SEED))
        return random.randint(0, min(limit, _LARGEST_RANDOM_SEED))
    # While ComfyUI was never asked, the nodes' own limits are not known; preparation checks them.
    largest = limit if object_info is not None else LARGEST_SEED
    if not 0 <= request.seed <= largest:
        raise InputInvalid(f"The seed must be a whole number from 0 to {largest}.")
    return request.seed


def _voice_key(request: GenerationRequest) -> str:
    files = sorted(f"{file.role}:{file.sha256}" for file in request.inputs)
    return json.dumps([request.character_id, request.text_parts, files, request.voice_transcript])


def _fingerprint(job: Job) -> str:
    key = [_voice_key(job.request), job.workflow_hash, job.parameters]
    return hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()
