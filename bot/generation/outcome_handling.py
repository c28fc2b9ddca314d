"""What follows from the end of a prompt: its files, another attempt, or the end of the job. The GPU is free by then."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Mapping, Sequence

from bot.circuit_breaker import CircuitBreaker
from bot.comfyui.client import ComfyClient
from bot.comfyui.exceptions import ComfyConnectionError, ComfyError, ExecutionFailed, ExecutionOutOfMemory, FileGone
from bot.comfyui.prompt_state import Failed, Interrupted, Lost, Succeeded
from bot.domain.attempts import Attempt, AttemptState, CollectedFile
from bot.domain.jobs import JobKind, JobState
from bot.errors import (
    Cancelled,
    ChorusError,
    ComfyUnavailable,
    ErrorCategory,
    GenerationFailed,
    NoOutput,
    OutputFileNotFound,
    WorkflowNodeError,
)
from bot.generation.active_job import ActiveJob, ExecutedPart, NotSubmitted, Refused
from bot.generation.error_translation import chorus_error
from bot.generation.failing_workflows import FailingWorkflows
from bot.generation.job_registry import JobRegistry
from bot.generation.node_times import slowest_first
from bot.generation.outputs import OutputFolder, chosen_files
from bot.generation.postprocessing import Postprocessor
from bot.generation.preparation import InputUploads
from bot.storage.workflows import WorkflowRepository

_log = logging.getLogger(__name__)

_DOWNLOAD_PAUSES = (0.1, 0.5, 1.0, 2.0)
"""Seconds before a download is tried again (the client's own retries come first)."""


class OutcomeHandler:
    """Handles ended prompts of one server."""

    def __init__(
        self,
        *,
        client: ComfyClient,
        uploads: InputUploads,
        registry: JobRegistry,
        folder: OutputFolder,
        postprocessor: Postprocessor,
        versions: WorkflowRepository,
        failing: FailingWorkflows,
        breaker: CircuitBreaker,
        max_repeats: Mapping[ErrorCategory, int],
    ) -> None:
        self._client = client
        self._uploads = uploads
        self._registry = registry
        self._folder = folder
        self._postprocessor = postprocessor
        self._versions = versions
        self._failing = failing
        self._breaker = breaker
        self._max_repeats = max_repeats

    async def handle(self, active: ActiveJob, executed: ExecutedPart) -> None:
        """Do what the result of an attempt asks for."""
        if active.ended:
            await self._close_attempt_of_ended_job(active, executed)
            return
        async with self._failing_the_job(active, executed.attempt):
            await self._handle_result(active, executed)

    async def finish_collected(self, active: ActiveJob) -> None:
        """Make the result of a job all of whose parts were collected before a restart."""
        async with self._failing_the_job(active, None):
            await self._finish(active, None)

    @contextlib.asynccontextmanager
    async def _failing_the_job(self, active: ActiveJob, attempt: Attempt | None) -> AsyncGenerator[None]:
        """An exception of the block ends the job."""
        try:
            yield
        except ChorusError as error:
            await self._fail(active, attempt, error)
        except Exception as error:  # noqa: BLE001 - the task's boundary: the job fails, the dispatcher goes on; logged
            _log.exception("job %s: the outcome could not be handled", active.job.id)
            failed = GenerationFailed()
            failed.__cause__ = error
            # Verified files of a job whose result cannot be stored stay on the disk, for the owner.
            await self._fail(active, attempt, failed, keep_files=active.all_collected)

    async def _handle_result(self, active: ActiveJob, executed: ExecutedPart) -> None:
        attempt = executed.attempt
        match executed.result:
            case Succeeded() as outcome:
                await self._collect(active, executed, outcome)
            case Failed(error=ExecutionOutOfMemory()) if active.take_repeat(ErrorCategory.RESOURCE, self._max_repeats):
                await self._run_again(active, attempt, AttemptState.FAILED, free_memory=True)
            case Failed(error=error):
                raise await self._execution_error(active, error) from error
            case Interrupted():
                await self._registry.jobs.end_attempt(attempt.prompt_id, AttemptState.CANCELLED)
                await self._registry.end(active, JobState.CANCELLED, Cancelled("It was stopped in ComfyUI."))
            case Lost():
                await self._handle_loss(active, attempt)
            case NotSubmitted():
                await self._run_again(active, attempt, AttemptState.UNSENT)
            case Refused(error=error) if error.category is ErrorCategory.SERVICE:
                self._breaker.failed()
                if not active.take_repeat(ErrorCategory.SERVICE, self._max_repeats):
                    raise error
                await self._run_again(active, attempt, AttemptState.FAILED)
            case Refused(error=error, stale_inputs=stale):
                await self._refresh_object_info(error)
                if not (stale and active.job.request.inputs and not active.upload_retries):
                    raise error
                active.upload_retries += 1
                self._uploads.forget(active.job.request.inputs)
                await self._run_again(active, attempt, AttemptState.FAILED)

    async def _refresh_object_info(self, error: ChorusError) -> None:
        """ComfyUI refused what its `/object_info` promised: a file was removed, so the next job shall know."""
        if error.category is ErrorCategory.WORKFLOW:
            with contextlib.suppress(ComfyError):
                await self._client.object_info(refresh=True)

    # -- another attempt

    async def _run_again(
        self, active: ActiveJob, attempt: Attempt, state: AttemptState, *, free_memory: bool = False
    ) -> None:
        await self._registry.jobs.end_attempt(attempt.prompt_id, state)
        if free_memory:
            try:
                await self._client.free()
            except ComfyError as error:
                _log.info("ComfyUI could not be asked to free memory: %s", error)
        _log.info("job %s: part %d is run again (%s)", active.job.id, attempt.part, state)
        await self._registry.run_part_again(active, attempt.part)

    async def _handle_loss(self, active: ActiveJob, attempt: Attempt) -> None:
        if active.take_repeat(ErrorCategory.NETWORK, self._max_repeats):
            await self._run_again(active, attempt, AttemptState.LOST)
            return
        await self._registry.jobs.end_attempt(attempt.prompt_id, AttemptState.LOST)
        losses = active.repeats.get(ErrorCategory.NETWORK, 0) + 1
        times = "once" if losses == 1 else f"{losses} times"
        raise ComfyUnavailable(f"ComfyUI restarted and lost the job {times}.")

    # -- the end of the job

    async def _fail(
        self, active: ActiveJob, attempt: Attempt | None, error: ChorusError, *, keep_files: bool = False
    ) -> None:
        if not keep_files:
            await self._discard_files(active)
        stored = await self._versions.get(active.job.workflow_hash)
        if stored is not None:
            await self._failing.record_failure(active.job, stored.graph, error, self._client.url)
        await self._registry.end(active, JobState.FAILED, error)
        if attempt is not None:
            await self._registry.jobs.end_attempt(attempt.prompt_id, AttemptState.FAILED)

    async def _close_attempt_of_ended_job(self, active: ActiveJob, executed: ExecutedPart) -> None:
        cancelled = active.job.state is JobState.CANCELLED
        state = AttemptState.CANCELLED if cancelled else AttemptState.FAILED
        await self._registry.jobs.end_attempt(executed.attempt.prompt_id, state, execution_seconds=executed.seconds)
        await self._discard_files(active)

    async def _discard_files(self, active: ActiveJob) -> None:
        """Remove the files of a job without a result."""
        if not active.job.artifacts:
            await self._folder.discard(active.job)

    async def _execution_error(self, active: ActiveJob, error: ExecutionFailed) -> ChorusError:
        stored = await self._versions.get(active.job.workflow_hash)
        return chorus_error(error, stored.graph if stored else {})

    # -- files

    async def _collect(self, active: ActiveJob, executed: ExecutedPart, outcome: Succeeded) -> None:
        attempt = executed.attempt
        try:
            files = await self._download(active, attempt, outcome)
        except FileGone as error:
            if active.missing_file_retries:
                raise chorus_error(error, {}) from error
            active.missing_file_retries += 1
            active.nodes_to_rerun = (error.file.node_id,)
            await self._run_again(active, attempt, AttemptState.FAILED)
            return
        except NoOutput as error:
            raise _reason_for_no_output(outcome, error) from error
        if active.ended:
            await self._close_attempt_of_ended_job(active, executed)
            return
        wanted = len(chosen_files(outcome.files, active.job.request.kind))
        if active.job.request.kind is not JobKind.AUDIO and len(files) < wanted:
            active.add_note(f"{wanted - len(files)} of {wanted} files were damaged and left out.")
        active.collected[attempt.part] = files
        if executed.seconds is not None:
            active.part_seconds[attempt.part] = executed.seconds
        active.node_times += executed.node_times
        if active.all_collected:
            await self._finish(active, attempt, files)
        else:
            await self._registry.jobs.end_attempt(
                attempt.prompt_id, AttemptState.SUCCEEDED, execution_seconds=executed.seconds, collected=files
            )

    async def _download(self, active: ActiveJob, attempt: Attempt, outcome: Succeeded) -> tuple[CollectedFile, ...]:
        """Fetch the files; a ComfyUI that is away is waited for, one that answers and cannot give them is an error."""
        for pause in (*_DOWNLOAD_PAUSES, None):
            try:
                return await self._folder.collect(self._client, active.job, attempt.part, outcome.files)
            except ComfyConnectionError as error:
                _log.info("job %s: its files could not be fetched: %s", active.job.id, error)
                if pause is None:
                    raise OutputFileNotFound("ComfyUI made a file but could not give it out.") from error
                await asyncio.sleep(pause)
                await self._client.wait_available()
            except FileGone:
                raise
            except ComfyError as error:
                raise chorus_error(error, {}) from error
        raise OutputFileNotFound

    async def _finish(self, active: ActiveJob, attempt: Attempt | None, files: Sequence[CollectedFile] = ()) -> None:
        """Make the artifacts and store the result. `attempt` and `files`: of the last part, if it was run just now."""
        workflow = await self._versions.get(active.job.workflow_hash)
        times = [time.model_dump() for time in slowest_first(active.node_times)]
        parameters = {**active.job.parameters, "node_times": times} if times else active.job.parameters
        active.job = active.job.model_copy(update={"parameters": parameters})
        job = active.job.model_copy(update={"execution_seconds": active.execution_seconds})
        artifacts = await self._postprocessor.make_artifacts(job, active.collected, workflow)
        await self._failing.record_success(job.workflow_hash)
        prompt_id = attempt.prompt_id if attempt else None
        if not await self._registry.record_result(active, artifacts, prompt_id, files):
            await self._folder.discard(active.job)


def _reason_for_no_output(outcome: Succeeded, error: NoOutput) -> ChorusError:
    if outcome.node_errors:
        return WorkflowNodeError("ComfyUI left out the branch of the workflow that saves the result.")
    if outcome.blocked and not outcome.files:
        return NoOutput("A node of the workflow blocked its result.", category=ErrorCategory.REQUEST)
    return error
