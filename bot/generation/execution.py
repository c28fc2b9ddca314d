"""One prompt from its submission to its end: what happens while the GPU is held, and nothing else."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncGenerator, Coroutine, Generator, Mapping
from typing import Any
from uuid import UUID

from bot.circuit_breaker import CircuitBreaker
from bot.comfyui.client import ComfyClient
from bot.comfyui.exceptions import ComfyError, NodeErrors, SubmissionUncertain
from bot.comfyui.exceptions import NotSubmitted as NotSubmittedError
from bot.comfyui.execution_updates import ExecutionUpdate, Queued
from bot.comfyui.prompt_state import Succeeded
from bot.comfyui.prompt_tracker import PromptTracker
from bot.domain.attempts import Attempt
from bot.domain.job_updates import JobUpdate, Progress, Waiting
from bot.domain.jobs import JobKind, JobState
from bot.errors import GenerationTimeout
from bot.generation.active_job import ActiveJob, ExecutedPart, NotSubmitted, PreparedPart, Refused
from bot.generation.error_translation import chorus_error, left_out_note
from bot.generation.job_registry import JobRegistry, utc_now
from bot.generation.part_progress import KnownTimes, PartProgress
from bot.storage.workflows import WorkflowRepository

_log = logging.getLogger(__name__)

_INTERRUPT_AGAIN_SECONDS = 5.0


class Executor:
    """Submits and follows prompts on one server. The caller holds the GPU lock."""

    def __init__(
        self,
        client: ComfyClient,
        registry: JobRegistry,
        versions: WorkflowRepository,
        timeout_seconds: Mapping[JobKind, float],
        *,
        breaker: CircuitBreaker,
    ) -> None:
        self._client = client
        self._registry = registry
        self._versions = versions
        self._timeout_seconds = timeout_seconds
        self._breaker = breaker
        self._shown: dict[UUID, Waiting | Progress | None] = {}
        """What the watchers of each followed job saw last, without the reason of an outage."""
        registry.on_change(self._tell_outage)

    async def execute(self, active: ActiveJob, prepared: PreparedPart) -> ExecutedPart:
        """Submit a part and follow it until ComfyUI says that it ended or is gone, also if the job ends meanwhile."""
        attempt = prepared.attempt
        if active.ended:
            return ExecutedPart(attempt, NotSubmitted())
        with self._client.track(str(attempt.prompt_id)) as tracker, self._telling_outages(active):
            client_id: str | None = None
            try:
                submission = await self._client.submit(
                    str(attempt.prompt_id), prepared.graph, extra_data=prepared.extra_data
                )
            except NotSubmittedError as error:
                _log.info("job %s: %s", active.job.id, error)
                return ExecutedPart(attempt, NotSubmitted())
            except SubmissionUncertain as error:
                _log.warning("job %s: %s", active.job.id, error)  # the tracker asks ComfyUI until it knows
            except ComfyError as error:
                return ExecutedPart(attempt, _refused(error, prepared.graph))
            else:
                client_id = submission.client_id
                self._breaker.succeeded()
                if submission.node_errors:
                    active.add_note(left_out_note(submission.node_errors, prepared.graph))
            async with self._recorded_as_submitted(attempt, client_id):
                return await self._follow(active, attempt, prepared.graph, tracker)

    async def follow(self, active: ActiveJob, attempt: Attempt) -> ExecutedPart:
        """Follow a prompt that was submitted before a restart."""
        stored = await self._versions.get(active.job.workflow_hash)
        graph: Mapping[str, Any] = stored.graph if stored else {}
        async with self._recorded_as_submitted(attempt, attempt.client_id):
            with self._client.track(str(attempt.prompt_id)) as tracker, self._telling_outages(active):
                return await self._follow(active, attempt, graph, tracker)

    @contextlib.asynccontextmanager
    async def _recorded_as_submitted(self, attempt: Attempt, client_id: str | None) -> AsyncGenerator[None]:
        """Store SUBMITTED beside the following, so that the disk does not delay what is heard from ComfyUI."""
        record = asyncio.create_task(self._registry.jobs.mark_submitted(attempt.prompt_id, client_id, utc_now()))
        try:
            yield
        finally:
            await asyncio.wait({record})
            if not record.cancelled() and (error := record.exception()) is not None:
                # ComfyUI has the prompt all the same; after a restart it is found by its PREPARED row.
                _log.error("prompt %s: its submission could not be stored", attempt.prompt_id, exc_info=error)

    async def _follow(
        self, active: ActiveJob, attempt: Attempt, graph: Mapping[str, Any], tracker: PromptTracker
    ) -> ExecutedPart:
        progress = PartProgress(active, graph, self._known_times(active))
        began: float | None = None
        async with contextlib.AsyncExitStack() as stack:
            await stack.enter_async_context(_running_beside(self._interrupt_when_ended(active, attempt)))
            async for update in tracker:
                if began is None and not isinstance(update, Queued):
                    began = active.executing_since = time.monotonic()
                    await stack.enter_async_context(_running_beside(self._end_after_timeout(active)))
                if not active.ended:
                    self._publish(active, update, progress)
            result = await tracker.outcome()
        seconds = None if began is None else time.monotonic() - began
        if isinstance(result, Succeeded) and result.seconds is not None:
            seconds = result.seconds
        progress.clock.stop(time.monotonic())
        # Where the WebSocket was away for a while, a node would be given the time of those that it did not tell of.
        node_times = progress.clock.times(graph) if tracker.events_complete else ()
        return ExecutedPart(attempt, result, seconds, node_times)

    def _known_times(self, active: ActiveJob) -> KnownTimes:
        if active.part_count > 1:
            return KnownTimes()
        durations = self._registry.durations
        return KnownTimes(durations.expected(active.job), durations.node_seconds(active.job))

    def _publish(self, active: ActiveJob, update: ExecutionUpdate, progress: PartProgress) -> None:
        if isinstance(update, Queued):
            shown = Waiting(position=update.position, reason="ComfyUI is busy with other work")
        else:
            shown = progress.after(update, time.monotonic())
        self._shown[active.job.id] = shown
        self._registry.updates.publish(active.job.id, _with_outage(shown, self._registry.outage_of(self._client)))

    @contextlib.contextmanager
    def _telling_outages(self, active: ActiveJob) -> Generator[None]:
        """Inside the block the watchers of the job are told when the server stops answering, and when it answers."""
        self._shown[active.job.id] = None
        try:
            yield
        finally:
            self._shown.pop(active.job.id, None)

    def _tell_outage(self) -> None:
        outage = self._registry.outage_of(self._client)
        for job_id, shown in self._shown.items():
            active = self._registry.active.get(job_id)
            if active is not None and not active.ended and (shown is not None or outage is not None):
                self._registry.updates.publish(job_id, _with_outage(shown or Waiting(position=1), outage))

    async def _interrupt_when_ended(self, active: ActiveJob, attempt: Attempt) -> None:
        await active.stop_requested.wait()
        while True:
            try:
                await self._client.cancel(str(attempt.prompt_id))
            except ComfyError as error:
                _log.info("job %s could not be interrupted: %s", active.job.id, error)
            # A node that never checks for interruption stops when it is done; a lost request is repeated.
            await asyncio.sleep(_INTERRUPT_AGAIN_SECONDS)

    async def _end_after_timeout(self, active: ActiveJob) -> None:
        limit = self._timeout_seconds[active.job.request.kind]
        await asyncio.sleep(limit)
        message = f"That took longer than {limit:.0f} seconds and was stopped."
        await self._registry.end(active, JobState.FAILED, GenerationTimeout(message))


def _with_outage(update: Waiting | Progress, outage: str | None) -> JobUpdate:
    return update if outage is None else update.model_copy(update={"reason": outage})


def _refused(error: ComfyError, graph: Mapping[str, Any]) -> Refused:
    stale = isinstance(error, NodeErrors) and any(
        problem.type in {"custom_validation_failed", "value_not_in_list"} for problem in error.node_errors
    )
    translated = chorus_error(error, graph)
    translated.__cause__ = error
    return Refused(translated, stale_inputs=stale)


@contextlib.asynccontextmanager
async def _running_beside(work: Coroutine[Any, Any, None]) -> AsyncGenerator[None]:
    """Run a coroutine as a task for as long as the block lasts."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("a task beside an execution failed", exc_info=error)
