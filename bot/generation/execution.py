"""One prompt from its submission to its end: what happens while the GPU is held, and nothing else."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncGenerator, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

from bot.comfyui.client import ComfyClient
from bot.comfyui.exceptions import (
    ComfyError,
    NodeErrors,
    NotSubmitted,
    SubmissionUncertain,
)
from bot.comfyui.models import ExecutionUpdate, Queued, Succeeded
from bot.comfyui.tracking import Tracking
from bot.domain.attempts import Attempt
from bot.domain.job_updates import Waiting
from bot.domain.jobs import JobKind, JobState
from bot.errors import GenerationTimeout
from bot.generation.active_job import ActiveJob, NotArrived, Prepared, Refused, Result
from bot.generation.error_translation import chorus_error, left_out
from bot.generation.job_registry import JobRegistry, now
from bot.generation.progress import ProgressReading
from bot.generation.store import WorkflowStore

_log = logging.getLogger(__name__)

_CANCEL_AGAIN_SECONDS = 5.0


@dataclass(frozen=True)
class Executed:
    """How a prompt ended; `seconds` of execution, None if it was never seen to run."""

    attempt: Attempt
    result: Result
    seconds: float | None = None


class Executor:
    """Submits and follows prompts on one server. The caller holds the GPU."""

    def __init__(
        self, client: ComfyClient, ledger: JobRegistry, versions: WorkflowStore, timeouts: Mapping[JobKind, float]
    ) -> None:
        self._client = client
        self._versions = versions
        self._ledger = ledger
        self._timeouts = timeouts

    async def submit(self, run: ActiveJob, prepared: Prepared) -> Executed:
        """Submit, follow until ComfyUI says that it ended or is gone; also when the job is cancelled meanwhile."""
        attempt = prepared.attempt
        prompt_id = str(attempt.prompt_id)
        if run.over:
            return Executed(attempt, NotArrived())
        with self._client.track(prompt_id) as tracking:
            client_id: str | None = None
            try:
                submission = await self._client.submit(prompt_id, prepared.graph)
            except NotSubmitted as error:
                _log.info("job %s: %s", run.job.id, error)
                return Executed(attempt, NotArrived())
            except SubmissionUncertain as error:
                _log.warning("job %s: %s", run.job.id, error)  # the tracking asks until it knows
            except ComfyError as error:
                return Executed(attempt, _refused(error, prepared.graph))
            else:
                client_id = submission.client_id
                if submission.node_errors:
                    run.note(left_out(submission.node_errors, prepared.graph))
            async with self._recording(attempt, client_id):
                return await self._follow(run, attempt, prepared.graph, tracking)

    async def follow(self, run: ActiveJob, attempt: Attempt) -> Executed:
        """Follow a prompt that was submitted before a restart."""
        stored = await self._versions.get(run.job.workflow_hash)
        graph: Mapping[str, Any] = stored.graph if stored else {}
        async with self._recording(attempt, attempt.client_id):
            return await self._followed(run, attempt, graph)

    async def _followed(self, run: ActiveJob, attempt: Attempt, graph: Mapping[str, Any]) -> Executed:
        with self._client.track(str(attempt.prompt_id)) as tracking:
            return await self._follow(run, attempt, graph, tracking)

    @contextlib.asynccontextmanager
    async def _recording(self, attempt: Attempt, client_id: str | None) -> AsyncGenerator[None]:
        """Commit SUBMITTED beside the following, so that the disk does not delay what we hear."""
        record = asyncio.create_task(self._ledger.store.mark_submitted(attempt.prompt_id, client_id, now()))
        try:
            yield
        finally:
            await asyncio.wait({record})
            if not record.cancelled() and (error := record.exception()) is not None:
                # The prompt is with ComfyUI all the same; after a restart it is found by its PREPARED row.
                _log.error("prompt %s: its submission could not be stored", attempt.prompt_id, exc_info=error)

    async def _follow(self, run: ActiveJob, attempt: Attempt, graph: Mapping[str, Any], tracking: Tracking) -> Executed:
        share = 1.0 / run.parts
        reading = ProgressReading(graph, before=len(run.collected) * share, share=share)
        began: float | None = None
        async with contextlib.AsyncExitStack() as stack:
            await stack.enter_async_context(_beside(self._interrupt_when_told(run, attempt)))
            async for update in tracking:
                if began is None and not isinstance(update, Queued):
                    began = run.executing_since = time.monotonic()
                    await stack.enter_async_context(_beside(self._time_out(run)))
                if not run.over:
                    self._tell(run, update, reading)
            result = await tracking.outcome()
        seconds = None if began is None else time.monotonic() - began
        if isinstance(result, Succeeded) and result.seconds is not None:
            seconds = result.seconds
        return Executed(attempt, result, seconds)

    def _tell(self, run: ActiveJob, update: ExecutionUpdate, reading: ProgressReading) -> None:
        if isinstance(update, Queued):
            shown = Waiting(position=update.position, reason="ComfyUI is busy with other work")
        else:
            reading.update(update)
            expected = self._ledger.durations.expected(run.job) if run.parts == 1 else None
            shown = reading.value.model_copy(update={"expected_seconds": expected})
        self._ledger.board.publish(run.job.id, shown)

    async def _interrupt_when_told(self, run: ActiveJob, attempt: Attempt) -> None:
        await run.stop.wait()
        while True:
            try:
                await self._client.cancel(str(attempt.prompt_id))
            except ComfyError as error:
                _log.info("job %s could not be interrupted: %s", run.job.id, error)
            # Nodes that never look are interrupted when they end; an answer that got lost is asked for again.
            await asyncio.sleep(_CANCEL_AGAIN_SECONDS)

    async def _time_out(self, run: ActiveJob) -> None:
        limit = self._timeouts[run.job.request.kind]
        await asyncio.sleep(limit)
        message = f"That took longer than {limit:.0f} seconds and was stopped."
        await self._ledger.end(run, JobState.FAILED, GenerationTimeout(message))


def _refused(error: ComfyError, graph: Mapping[str, Any]) -> Refused:
    stale = isinstance(error, NodeErrors) and any(
        problem.type in {"custom_validation_failed", "value_not_in_list"} for problem in error.node_errors
    )
    translated = chorus_error(error, graph)
    translated.__cause__ = error
    return Refused(translated, stale_inputs=stale)


@contextlib.asynccontextmanager
async def _beside(work: Coroutine[Any, Any, None]) -> AsyncGenerator[None]:
    """Run a coroutine as a task for as long as the block lasts."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("beside an execution", exc_info=error)
