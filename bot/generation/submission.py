"""Accepts requests one after the other: limits, checks, the rows of the jobs, and their place in the queue."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import Any, TypeVar
from uuid import UUID

from bot.domain.jobs import GenerationRequest, Job, JobState
from bot.errors import InputInvalid, StorageUnavailable
from bot.generation.acceptance import Acceptance, Accepted, stored_workflow
from bot.generation.active_job import new_active_job
from bot.generation.finished_copies import find_finished_copy
from bot.generation.job_registry import JobRegistry
from bot.generation.options import GenerationOptions
from bot.generation.prompt_rewriting import PromptRewriting
from bot.policy import Demand, Policy
from bot.storage.jobs import JobRepository
from bot.storage.waiting import (
    ACCEPTANCE_SECONDS,
    earliest_store_deadline,
    held_within_deadline,
    store_deadline,
    waiting_for_store,
)
from bot.storage.workflows import WorkflowRepository

_log = logging.getLogger(__name__)

T = TypeVar("T")
StoreBatch = Callable[[Sequence[tuple[Job, str | None]], Demand | None], Awaitable[bool]]
"""Commits jobs, each with its fingerprint, and checks what they need of quotas, in one transaction; False: they were
committed before."""
ObjectInfo = Mapping[str, Any]
"""ComfyUI's `/object_info`: node class -> its inputs."""


class Submission:
    """Turns requests into stored and queued jobs.

    Args:
        options: The owner's name for its jobs, and the data folder.
        acceptance: Checks requests.
        registry: Has the queue, the limits and the durations of earlier jobs.
        rewriting: Writes the prompts of requests with `rewrite`.
        jobs: Stored jobs.
        versions: Stored workflow versions.
        before_first: Called before a job is queued; starts the dispatchers if they do not run yet.
        policy: Which quotas hold for a request.

    """

    def __init__(
        self,
        options: GenerationOptions,
        *,
        acceptance: Acceptance,
        registry: JobRegistry,
        rewriting: PromptRewriting,
        jobs: JobRepository,
        versions: WorkflowRepository,
        before_first: Callable[[], None],
        policy: Policy,
    ) -> None:
        self._options = options
        self._acceptance = acceptance
        self._registry = registry
        self._rewriting = rewriting
        self._jobs = jobs
        self._versions = versions
        self._before_first = before_first
        self._policy = policy
        self._lock = asyncio.Lock()
        self._storing = set[asyncio.Task[Any]]()

    async def close(self) -> None:
        """Wait for what is being stored."""
        await asyncio.gather(*self._storing, return_exceptions=True)

    async def submit(
        self, request: GenerationRequest, object_info: ObjectInfo | None, job_id: UUID | None = None
    ) -> Job:
        """Check, store and queue a request; an equal finished job is answered with its files.

        Raises:
            ChorusError: The request is refused; nothing was stored.

        """
        with waiting_for_store(until=earliest_store_deadline(ACCEPTANCE_SECONDS)):
            self._require_space(request)
            accepted = await self._acceptance.accept(request, object_info, job_id)
            async with self._turn():
                self._require_space(request)
                await self._store_version(accepted)
                if finished := await find_finished_copy(accepted, self._jobs, self._options.data_dir):
                    await self._jobs.add(finished, owner=self._options.owner, fingerprint=accepted.fingerprint)
                    return finished
                expected = await self._with_expected_seconds(accepted)
                # A caller that is cancelled now must not leave a stored job that is not in the queue.
                storing = self._store_and_enqueue(expected, wait_until=store_deadline())
                return await asyncio.shield(self._start_storing(storing))

    async def submit_batch(
        self, requests: Sequence[GenerationRequest], store: StoreBatch, object_info: ObjectInfo | None
    ) -> bool:
        """Check, store and queue all requests, or none of them; returns what `store` returns.

        Raises:
            ChorusError: One is refused; nothing was stored.

        """
        with waiting_for_store(until=earliest_store_deadline(ACCEPTANCE_SECONDS)):
            self._require_space(requests[0])
            self._require_small(requests)
            accepted = await self._acceptance.accept_all(requests, object_info)
            async with self._turn():
                self._require_space(requests[0])
                for one in {one.workflow.content_hash: one for one in accepted}.values():
                    await self._store_version(one)
                copies = [await find_finished_copy(one, self._jobs, self._options.data_dir) for one in accepted]
                expected = [await self._with_expected_seconds(one) for one in accepted]
                ready = [(copy or one.job, one.fingerprint) for copy, one in zip(copies, expected, strict=True)]
                storing = self._store_and_enqueue_batch(ready, store, wait_until=store_deadline())
                return await asyncio.shield(self._start_storing(storing))

    async def estimate(self, requests: Sequence[GenerationRequest], object_info: ObjectInfo | None) -> float | None:
        """The execution of the requests one after the other, in seconds; None if a workflow never ran.

        Raises:
            ChorusError: One would be refused.

        """
        self._require_small(requests)
        accepted = await self._acceptance.accept_all(requests, object_info)
        return await self._registry.durations.total([one.job for one in accepted])

    async def _with_expected_seconds(self, accepted: Accepted) -> Accepted:
        """The request with the seconds that its execution is expected to take, which count until it is over."""
        await self._registry.durations.load(accepted.job)
        seconds = self._registry.durations.estimate(accepted.job)
        return replace(accepted, job=accepted.job.model_copy(update={"quota_seconds": seconds}))

    def _demand(self, jobs: Sequence[Job]) -> Demand | None:
        """What the jobs need of quotas together."""
        pieces, seconds = sum(job.quota_pieces for job in jobs), sum(job.quota_seconds or 0.0 for job in jobs)
        return self._policy.demand(jobs[0].request, pieces=pieces, seconds=seconds)

    def _require_small(self, requests: Sequence[GenerationRequest]) -> None:
        """A batch has at most as many jobs as its server allows."""
        limit = self._policy.size_limits(requests[0]).max_batch
        if limit is not None and len(requests) > limit:
            raise InputInvalid(
                f"{len(requests)} pictures at once are more than the {limit} that this server allows.",
                advice="Choose fewer. Rule: limits of this server, until somebody changes them with `/admin`.",
            )

    def _require_space(self, request: GenerationRequest) -> None:
        free_in_seconds = self._registry.seconds_until_start()
        self._registry.queue.require_space(request, free_in_seconds=free_in_seconds)

    async def _store_version(self, accepted: Accepted) -> None:
        workflow = accepted.workflow
        await self._versions.put(stored_workflow(workflow))
        if workflow.guild_id is not None or accepted.job.request.workflow_hash is not None:
            return  # the table has the newest versions of the host's files
        await self._versions.set_current(
            workflow.character_id, workflow.kind.value, workflow.name, workflow.content_hash
        )

    def _start_storing(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.create_task(work)
        self._storing.add(task)
        task.add_done_callback(self._storing.discard)
        return task

    @asynccontextmanager
    async def _turn(self) -> AsyncGenerator[None]:
        """One request after the other, so that the limits of the queue hold."""
        async with AsyncExitStack() as stack:
            try:
                await stack.enter_async_context(held_within_deadline(self._lock, lambda: self._jobs.database_is_away))
            except TimeoutError as error:
                raise StorageUnavailable from error
            yield

    async def _store_and_enqueue(self, accepted: Accepted, *, wait_until: float | None) -> Job:
        job = accepted.job
        with waiting_for_store(until=wait_until):
            demand = self._demand([job])
            await self._jobs.add(job, owner=self._options.owner, fingerprint=accepted.fingerprint, demand=demand)
        await self._enqueue(job)
        _log.info("job %s accepted: %s of %s", job.id, job.request.kind, job.request.character_id)
        return job

    async def _store_and_enqueue_batch(
        self, ready: Sequence[tuple[Job, str | None]], store: StoreBatch, *, wait_until: float | None
    ) -> bool:
        with waiting_for_store(until=wait_until):
            if not await store(ready, self._demand([job for job, _ in ready])):
                return False
        for job, _ in ready:
            if job.state is JobState.QUEUED:
                await self._enqueue(job)
        _log.info("batch %s accepted: %d jobs", ready[0][0].request.batch_id, len(ready))
        return True

    async def _enqueue(self, job: Job) -> None:
        self._before_first()
        active = new_active_job(job)
        self._rewriting.start(active)
        await self._registry.enqueue(active)
