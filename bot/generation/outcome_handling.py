"""What follows from how a prompt ended: its files, another attempt, or the end of the job. The GPU is free by then."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Sequence

from bot.comfyui.client import ComfyClient
from bot.comfyui.exceptions import (
    ComfyConnectionError,
    ComfyError,
    ExecutionFailed,
    ExecutionOutOfMemory,
    FileGone,
)
from bot.comfyui.models import Failed, Interrupted, Lost, Succeeded
from bot.domain.attempts import Attempt, AttemptState, CollectedFile
from bot.domain.jobs import JobKind, JobState
from bot.errors import (
    Cancelled,
    ChorusError,
    ComfyUnavailable,
    GenerationFailed,
    NoOutput,
    OutputFileNotFound,
    WorkflowNodeError,
)
from bot.generation.active_job import ActiveJob, NotArrived, Refused
from bot.generation.error_translation import chorus_error
from bot.generation.execution import Executed
from bot.generation.job_registry import JobRegistry
from bot.generation.outputs import OutputFolder, chosen_files
from bot.generation.postprocessing import Postprocessor
from bot.generation.preparation import Uploads
from bot.generation.store import WorkflowStore

_log = logging.getLogger(__name__)

_DOWNLOAD_PAUSES = (0.1, 0.5, 1.0, 2.0)
"""Seconds before a download is tried again (the client's own retries come first)."""


class OutcomeHandler:
    """Settles ended prompts of one server."""

    def __init__(
        self,
        *,
        client: ComfyClient,
        uploads: Uploads,
        ledger: JobRegistry,
        folder: OutputFolder,
        finisher: Postprocessor,
        versions: WorkflowStore,
        max_losses: int,
    ) -> None:
        self._client = client
        self._uploads = uploads
        self._ledger = ledger
        self._folder = folder
        self._finisher = finisher
        self._versions = versions
        self._max_losses = max_losses

    async def settle(self, run: ActiveJob, executed: Executed) -> None:
        """Go on with the job in the one way that this end asks for."""
        if run.over:
            await self._ended_meanwhile(run, executed)
            return
        async with self._failing(run, executed.attempt):
            await self._settle(run, executed)

    async def complete_again(self, run: ActiveJob) -> None:
        """Every part is on the disk since before a restart: make the result."""
        async with self._failing(run, None):
            await self._complete(run, None)

    @contextlib.asynccontextmanager
    async def _failing(self, run: ActiveJob, attempt: Attempt | None) -> AsyncGenerator[None]:
        """What the block raises ends the job."""
        try:
            yield
        except ChorusError as error:
            await self._fail(run, attempt, error)
        except Exception as error:  # noqa: BLE001 - one job's surprise must not end the dispatcher; told and logged
            _log.exception("job %s could not be settled", run.job.id)
            failed = GenerationFailed()
            failed.__cause__ = error
            await self._fail(run, attempt, failed)

    async def _settle(self, run: ActiveJob, executed: Executed) -> None:
        attempt = executed.attempt
        match executed.result:
            case Succeeded() as outcome:
                await self._collect(run, executed, outcome)
            case Failed(error=ExecutionOutOfMemory()) if not run.memory_retries:
                run.memory_retries += 1
                await self._again(run, attempt, AttemptState.FAILED, free=True)
            case Failed(error=error):
                raise await self._execution_error(run, error) from error
            case Interrupted():
                await self._ledger.store.end_attempt(attempt.prompt_id, AttemptState.CANCELLED)
                await self._ledger.end(run, JobState.CANCELLED, Cancelled("It was stopped in ComfyUI."))
            case Lost():
                await self._lost(run, attempt)
            case NotArrived():
                await self._again(run, attempt, AttemptState.UNSENT)
            case Refused(error=error, stale_inputs=stale):
                if not (stale and run.job.request.inputs and not run.upload_retries):
                    raise error
                run.upload_retries += 1
                self._uploads.forget(run.job.request.inputs)
                await self._again(run, attempt, AttemptState.FAILED)

    # -- another attempt

    async def _again(self, run: ActiveJob, attempt: Attempt, state: AttemptState, *, free: bool = False) -> None:
        await self._ledger.store.end_attempt(attempt.prompt_id, state)
        if free:
            try:
                await self._client.free()
            except ComfyError as error:
                _log.info("ComfyUI could not be asked to free memory: %s", error)
        _log.info("job %s: part %d is run again (%s)", run.job.id, attempt.part, state)
        await self._ledger.repeat(run, attempt.part)

    async def _lost(self, run: ActiveJob, attempt: Attempt) -> None:
        run.losses += 1
        if run.losses < self._max_losses:
            await self._again(run, attempt, AttemptState.LOST)
            return
        await self._ledger.store.end_attempt(attempt.prompt_id, AttemptState.LOST)
        times = "once" if run.losses == 1 else f"{run.losses} times"
        raise ComfyUnavailable(f"ComfyUI restarted and lost the job {times}.")

    # -- the end of the job

    async def _fail(self, run: ActiveJob, attempt: Attempt | None, error: ChorusError) -> None:
        await self._clean(run)
        await self._ledger.end(run, JobState.FAILED, error)
        if attempt is not None:
            await self._ledger.store.end_attempt(attempt.prompt_id, AttemptState.FAILED)

    async def _ended_meanwhile(self, run: ActiveJob, executed: Executed) -> None:
        state = AttemptState.CANCELLED if run.job.state is JobState.CANCELLED else AttemptState.FAILED
        await self._ledger.store.end_attempt(executed.attempt.prompt_id, state, execution_seconds=executed.seconds)
        await self._clean(run)

    async def _clean(self, run: ActiveJob) -> None:
        """Nothing half-made remains of a job without a result."""
        if not run.job.artifacts:
            await self._folder.discard(run.job)

    async def _execution_error(self, run: ActiveJob, error: ExecutionFailed) -> ChorusError:
        stored = await self._versions.get(run.job.workflow_hash)
        return chorus_error(error, stored.graph if stored else {})

    # -- files

    async def _collect(self, run: ActiveJob, executed: Executed, outcome: Succeeded) -> None:
        attempt = executed.attempt
        try:
            files = await self._download(run, attempt, outcome)
        except FileGone as error:
            if run.gone_retries:
                raise chorus_error(error, {}) from error
            run.gone_retries += 1
            run.gone_nodes = (error.file.node_id,)
            await self._again(run, attempt, AttemptState.FAILED)
            return
        except NoOutput as error:
            raise _why_nothing(outcome, error) from error
        if run.over:
            await self._ended_meanwhile(run, executed)
            return
        wanted = len(chosen_files(outcome.files, run.job.request.kind))
        if run.job.request.kind is not JobKind.AUDIO and len(files) < wanted:
            run.note(f"{wanted - len(files)} of {wanted} files were damaged and left out.")
        run.collected[attempt.part] = files
        if executed.seconds is not None:
            run.seconds[attempt.part] = executed.seconds
        if run.complete:
            await self._complete(run, attempt, files)
        else:
            await self._ledger.store.end_attempt(
                attempt.prompt_id, AttemptState.SUCCEEDED, execution_seconds=executed.seconds, collected=files
            )

    async def _download(self, run: ActiveJob, attempt: Attempt, outcome: Succeeded) -> tuple[CollectedFile, ...]:
        """Fetch the files, waiting for a ComfyUI that is away; one that is there and cannot give them is an error."""
        for pause in (*_DOWNLOAD_PAUSES, None):
            try:
                return await self._folder.collect(self._client, run.job, attempt.part, outcome.files)
            except ComfyConnectionError as error:
                _log.info("job %s: its files could not be fetched: %s", run.job.id, error)
                if pause is None:
                    raise OutputFileNotFound("ComfyUI made a file but could not give it out.") from error
                await asyncio.sleep(pause)
                await self._client.wait_available()
            except FileGone:
                raise
            except ComfyError as error:
                raise chorus_error(error, {}) from error
        raise OutputFileNotFound

    async def _complete(self, run: ActiveJob, attempt: Attempt | None, files: Sequence[CollectedFile] = ()) -> None:
        workflow = await self._versions.get(run.job.workflow_hash)
        seconds = sum(run.seconds.values()) if run.seconds else None
        job = run.job.model_copy(update={"execution_seconds": seconds})
        artifacts = await self._finisher.finish(job, run.collected, workflow)
        if not await self._ledger.generated(run, artifacts, attempt.prompt_id if attempt else None, files):
            await self._folder.discard(run.job)


def _why_nothing(outcome: Succeeded, error: NoOutput) -> ChorusError:
    if outcome.node_errors:
        return WorkflowNodeError("ComfyUI left out the branch of the workflow that saves the result.")
    if outcome.blocked and not outcome.files:
        return NoOutput("A node of the workflow blocked its result.")
    return error
