"""Everything a part needs before it is submitted, done while another prompt still has the GPU."""

from __future__ import annotations

import asyncio
import base64
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.circuit_breaker import CircuitBreaker, CircuitState
from bot.comfyui.cache import break_cache
from bot.comfyui.client import ComfyClient
from bot.comfyui.exceptions import ComfyConnectionError, ComfyError
from bot.comfyui.system_stats import SystemStats
from bot.domain.attempts import Attempt, AttemptState, attempt_id
from bot.domain.jobs import InputFile, Job
from bot.errors import ChorusError, ErrorCategory, InputInvalid
from bot.file_hash import sha256_of_file
from bot.generation.acceptance import Acceptance, adapted_from, injection, media_roles, wanted_model
from bot.generation.active_job import ActiveJob, PreparedPart
from bot.generation.character_look import with_character_loras
from bot.generation.error_translation import chorus_error
from bot.generation.failing_workflows import FailingWorkflows
from bot.generation.installed_models import WHAT_IS_INSTALLED, InstalledModels
from bot.generation.job_registry import JobRegistry, utc_now
from bot.generation.previews import preview_request
from bot.workflows.foreign_placeholders import require_filled
from bot.workflows.graph import NodeInput
from bot.workflows.media_assignment import assign_files, base64_roles, file_values, require_files
from bot.workflows.parameters import check_overrides, effective_values
from bot.workflows.validation import validate_installed
from bot.workflows.value_injection import inject, seed_limit
from bot.workflows.workflow import Workflow

_log = logging.getLogger(__name__)

_RETRY_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class BuiltPart:
    """The graph of a part with all values written.

    Attributes:
        workflow: The job's workflow, adapted to the server.
        graph: What is queued.
        stats: Of the server.
        effective: What it runs with, by the names of the well-known parameters.
        overrides: As checked against the server, with the LoRAs of the character that it has.
        notes: What the person does not get.

    """

    workflow: Workflow
    graph: Mapping[str, Any]
    stats: SystemStats
    effective: Mapping[str, Any]
    overrides: Mapping[str, Any]
    notes: tuple[str, ...]


class InputUploads:
    """Input files on one server: each content is uploaded once, and again if ComfyUI does not have it any more."""

    def __init__(self, client: ComfyClient) -> None:
        self._client = client
        self._names: dict[str, str] = {}
        """SHA-256 -> the name that ComfyUI gave the file."""

    async def names(self, files: tuple[InputFile, ...]) -> dict[str, str]:
        """Role of each file -> what to write into its loader node.

        Raises:
            InputInvalid: A file on our disk is gone or has changed since the job was accepted.
            ComfyConnectionError, UploadRefused: From the client.

        """
        return {file.role: await self._name(file) for file in files}

    def forget(self, files: tuple[InputFile, ...]) -> None:
        """Upload them again next time: ComfyUI's input folder was emptied, or another server answers at the address."""
        for file in files:
            self._names.pop(file.sha256, None)

    async def _name(self, file: InputFile) -> str:
        if file.sha256 not in self._names:
            path = Path(file.path)
            try:
                digest = await asyncio.to_thread(sha256_of_file, path)
            except OSError as error:
                raise InputInvalid("An input file of the job is no longer there.") from error
            if digest != file.sha256:
                raise InputInvalid("An input file of the job has changed since.")
            name = f"{digest[:32]}{path.suffix.lower()}"
            self._names[file.sha256] = await self._client.upload(path, name=name)
        return self._names[file.sha256]


class Preparer:
    """Prepares parts of jobs for one server."""

    def __init__(
        self,
        client: ComfyClient,
        registry: JobRegistry,
        acceptance: Acceptance,
        *,
        models: InstalledModels,
        failing: FailingWorkflows,
        breaker: CircuitBreaker,
        max_repeats: Mapping[ErrorCategory, int],
    ) -> None:
        self.uploads = InputUploads(client)
        self._client = client
        self._registry = registry
        self._acceptance = acceptance
        self._models = models
        self._failing = failing
        self._breaker = breaker
        self._max_repeats = max_repeats
        self._stats: tuple[Mapping[str, Any], SystemStats] | None = None
        """The newest `/object_info`, and the `/system_stats` that were fetched with it."""

    async def prepare(self, active: ActiveJob) -> PreparedPart | None:
        """Wait for the server, build and check the graph, upload inputs, store the attempt.

        Returns:
            The job's first pending part; None: the job ended meanwhile.

        Raises:
            ChorusError: The job cannot be run.

        """
        job = active.job
        workflow = await self._acceptance.accepted_workflow(job)
        part = min(active.pending_parts)
        try:
            built = await self._build_when_available(active, workflow, part)
        except ChorusError as error:
            await self._failing.record_failure(job, workflow.graph, error, self._client.url)
            raise
        graph = built.graph
        n = active.new_attempt_number(part)
        if active.nodes_to_rerun:
            graph = break_cache(graph, f"{job.id}/{n}", active.nodes_to_rerun)
        attempt = Attempt(
            prompt_id=attempt_id(job.id, part, n),
            job_id=job.id,
            part=part,
            n=n,
            server=self._client.url,
            created_at=utc_now(),
        )
        parameters = {
            **job.parameters,
            "comfyui_version": built.stats.version_text,
            "effective": built.effective,
            **adapted_from(workflow, built.workflow),
            **({"overrides": built.overrides} if built.overrides else {}),
            "prompt_id": str(attempt.prompt_id),
        }
        for note in built.notes:
            active.add_note(note)
        used = built.workflow.content_hash
        if used != job.workflow_hash:
            await self._acceptance.store_version(built.workflow)
        try:
            stored = await self._registry.jobs.begin_attempt(attempt, parameters, workflow_hash=used)
        except asyncio.CancelledError:  # the transaction was not: the attempt may be stored, and nothing submits it
            await self._registry.jobs.end_attempt(attempt.prompt_id, AttemptState.UNSENT)
            raise
        if not stored:
            return None
        active.pending_parts.discard(part)
        active.job = active.job.model_copy(update={"parameters": parameters, "workflow_hash": used})
        return PreparedPart(attempt, graph, preview_request(built.stats))

    async def _build_when_available(self, active: ActiveJob, workflow: Workflow, part: int) -> BuiltPart:
        job, refreshed = active.job, False
        while True:
            try:
                await self._wait_available()
                await self._wait_allowed()
                try:
                    return await self._build(job, workflow, part)
                except WHAT_IS_INSTALLED:
                    # A file may have been added since ComfyUI was asked what it has.
                    if refreshed or not await self._client.refresh_object_info():
                        raise
                    refreshed = True
            except ComfyConnectionError as error:
                _log.info("job %s waits for ComfyUI: %s", job.id, error)
                await asyncio.sleep(_RETRY_SECONDS)
            except ComfyError as error:
                failure = chorus_error(error, workflow.graph)
                if failure.category is ErrorCategory.SERVICE:
                    self._breaker.failed()
                if not active.take_repeat(failure.category, self._max_repeats):
                    raise failure from error
                _log.info("job %s is prepared again: %s", job.id, error)

    async def _wait_allowed(self) -> None:
        """Wait while the server is left alone because of its wrong answers; those who watch jobs are told."""
        if self._breaker.state is not CircuitState.OPEN:
            self._breaker.allows()
            return
        self._registry.notify_change()
        await self._breaker.wait()

    async def _build(self, job: Job, file: Workflow, part: int) -> BuiltPart:
        info = await self._client.object_info()
        await self._models.learn(self._client, info)
        workflow = self._models.adapted(file, info, wanted_model(job.request))
        if not job.request.trial:
            self._failing.require_usable(workflow, server=self._client.url)
        limit = seed_limit(workflow, info)
        # A random seed that is too large for a node is wrapped when it is written; one that a person gave is refused.
        if job.request.seed is not None and job.seed > limit:
            raise InputInvalid(f"The seed must be a whole number from 0 to {limit}.")
        require_files(workflow, assign_files(workflow, media_roles(job.request)), info)
        uploaded = await self.uploads.names(job.request.inputs)
        files = await _file_values(workflow, job.request.inputs, uploaded)
        # Ranges and lists may not have been known when the job was accepted.
        overrides = check_overrides(workflow, job.request.overrides, info, drop_unknown=True)
        overrides, notes = with_character_loras(workflow, overrides, job.parameters, info)
        parameters = {**job.parameters, "overrides": overrides.values, **overrides.roles}
        values = injection(parameters, job.request, part=part, uploaded=uploaded, files=files)
        graph = inject(workflow, values, info)
        require_filled(workflow.graph, graph, workflow.analysis.reachable_nodes, workflow.name)
        validate_installed(graph, info)
        effective = effective_values(workflow, graph, info)
        return BuiltPart(workflow, graph, await self._system_stats(info), effective, overrides.values, tuple(notes))

    async def _system_stats(self, info: Mapping[str, Any]) -> SystemStats:
        """Asked once per start of the server: its `/object_info` is fetched anew after a restart."""
        if self._stats is None or self._stats[0] is not info:
            self._stats = info, await self._client.system_stats()
        return self._stats[1]

    async def _wait_available(self) -> None:
        if not self._client.connected or self._client.outage is not None:
            await self._client.wait_available()


async def _file_values(
    workflow: Workflow, files: tuple[InputFile, ...], uploaded: Mapping[str, str]
) -> dict[NodeInput, str]:
    """What is written into the loaders; the files themselves for loaders that take base64."""
    media = [file for file in files if file.role != "voice_sample"]
    wanted = base64_roles(workflow, [file.role for file in media])
    contents = {
        file.role: await asyncio.to_thread(_base64_of, Path(file.path)) for file in media if file.role in wanted
    }
    return file_values(workflow, {file.role: uploaded[file.role] for file in media}, contents)


def _base64_of(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()
