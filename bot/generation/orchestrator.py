"""Generation as one service: accepts requests, runs them on ComfyUI, fetches the files, and survives restarts.

The life of a job, and where each step is::

    Orchestrator.submit
      Submission.submit                        submission.py: limits, checks, QUEUED is stored
      Acceptance.accept                        acceptance.py
      JobQueue.require_space, .push            queue.py
    PromptRewriting                            prompt_rewriting.py, only if asked for; other jobs go ahead meanwhile
    Dispatcher._prepare, ._run_next            dispatcher.py, one for each ComfyUI server
      Preparer.prepare                         preparation.py: graph, uploads, an attempt and RUNNING are stored
      Executor.execute                         execution.py: submitted and followed, with the GPU lock
      OutcomeHandler.handle                    outcome_handling.py, beside the next prompt
        OutputFolder.collect                   outputs.py: downloaded and verified
        Postprocessor.make_artifacts           postprocessing.py: thumbnails, sidecars, speech as OGG
        JobRegistry.record_result              job_registry.py: GENERATED is stored, watchers are told
    Orchestrator.mark_delivered                called by the cogs when the result was posted

After a restart `recover` reads what is left (recovery.py). Watchers see updates through update_broadcaster.py.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Self
from uuid import UUID

from bot.circuit_breaker import CircuitBreaker, CircuitState
from bot.comfyui.client import ComfyClient
from bot.comfyui.transport import without_login
from bot.domain.attempts import AttemptState
from bot.domain.job_updates import Ended, JobUpdate, QueueEntry, QueueView, Waiting
from bot.domain.jobs import GenerationRequest, Job, JobState
from bot.domain.workflow_failures import WorkflowFailures
from bot.errors import Cancelled, ChorusError, InputInvalid
from bot.generation.acceptance import Acceptance, CharacterSource, WorkflowSource
from bot.generation.dispatcher import Dispatcher
from bot.generation.error_translation import job_error
from bot.generation.execution import Executor
from bot.generation.failing_workflows import FailingWorkflows
from bot.generation.installed_models import InstalledModels
from bot.generation.job_registry import JobRegistry, utc_now
from bot.generation.known_installation import KnownInstallation
from bot.generation.options import GenerationOptions
from bot.generation.outcome_handling import OutcomeHandler
from bot.generation.outputs import OutputFolder
from bot.generation.postprocessing import Postprocessor
from bot.generation.preparation import Preparer
from bot.generation.prompt_rewriting import PromptRewriter, PromptRewriting
from bot.generation.queue import JobQueue
from bot.generation.recovery import OpenAttempt, RecoveredJobs, read_recovered_jobs
from bot.generation.reference_images import ReferenceImages
from bot.generation.submission import StoreBatch, Submission
from bot.gpu_lock import GpuLock, SwapStatistics
from bot.media.ffmpeg import Ffmpeg
from bot.policy import Policy
from bot.storage.jobs import JobRepository
from bot.storage.workflow_failures import WorkflowFailureRepository
from bot.storage.workflows import WorkflowRepository
from bot.workflows.workflow import Workflow

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ComfyServer:
    """A ComfyUI server: an open client, and the lock of its GPU."""

    client: ComfyClient
    gpu: GpuLock


class Orchestrator:
    """Runs jobs. Open it with `async with`; close it before the clients of its servers.

    Work starts with the first `submit`, or with `recover`. Prompts that run when it is closed go on in ComfyUI; the
    next start follows them.

    Args:
        options: Limits and folders.
        jobs: Stored jobs and attempts.
        versions: Stored workflow versions.
        characters: The character library.
        workflows: The workflow library.
        failures: Stored failures of workflows.
        servers: The ComfyUI servers.
        ffmpeg: For speech and video.
        rewriter: Writes the prompts of requests with `rewrite`; None: their own words are drawn.
        references: The reference pictures of characters; None: they are not used.
        policy: Who may have what made; None: everybody everything.

    """

    def __init__(
        self,
        options: GenerationOptions,
        *,
        jobs: JobRepository,
        versions: WorkflowRepository,
        characters: CharacterSource,
        workflows: WorkflowSource,
        failures: WorkflowFailureRepository,
        servers: Sequence[ComfyServer],
        ffmpeg: Ffmpeg,
        rewriter: PromptRewriter | None = None,
        references: ReferenceImages | None = None,
        policy: Policy | None = None,
    ) -> None:
        policy = policy or Policy()
        self._options = options
        self._jobs = jobs
        self._versions = versions
        self._servers = tuple(servers)
        self._models = InstalledModels(options.preferred_model)
        self._installation = KnownInstallation([server.client for server in self._servers], self._models)
        self._failing = FailingWorkflows(failures, [server.client for server in self._servers])
        self._acceptance = Acceptance(
            characters,
            workflows,
            versions,
            options.limits,
            models=self._models,
            screening=options.screening,
            failing=self._failing,
            references=references,
            policy=policy,
        )
        self._folder = OutputFolder(options.data_dir, max_bytes=options.max_output_bytes, max_pixels=options.max_pixels)
        self._postprocessor = Postprocessor(
            options.data_dir,
            pause_ms=options.pause_ms,
            bitrate=options.speech_bitrate,
            max_pixels=options.max_pixels,
            ffmpeg=ffmpeg,
        )
        queue = JobQueue(options.max_live_in_a_row, limits=options.queue_limits)
        self._registry = JobRegistry(jobs, queue, len(self._servers))
        self._registry.busy_reason = self._busy_reason
        self._rewriting = PromptRewriting(self._registry, rewriter, policy)
        self._breakers = {server.client.url: CircuitBreaker(options.breaker) for server in self._servers}
        self._dispatchers = {server.client.url: self._dispatcher(server) for server in self._servers}
        self._submission = Submission(
            options,
            acceptance=self._acceptance,
            registry=self._registry,
            rewriting=self._rewriting,
            jobs=jobs,
            versions=versions,
            before_first=self._start_dispatchers,
            policy=policy,
        )
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        await self._failing.load()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._submission.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for active in list(self._registry.active.values()):
            await self._registry.discard_preparation(active, AttemptState.UNSENT)
        await self._registry.close()

    # -- jobs

    async def submit(self, request: GenerationRequest, job_id: UUID | None = None) -> Job:
        """Accept a request. It is checked, and stored as QUEUED when this returns.

        Speech of the same text, voice, workflow and seed as an earlier one is GENERATED at once from its file; so is a
        picture of the same words, settings, workflow and seed, unless it is asked for `fresh`.

        Args:
            request: What is asked for.
            job_id: The id of the job, where the caller has stored it before: after a crash the caller then knows
                whether the job was accepted. None: a new one.

        Raises:
            ChorusError: INPUT_INVALID, CHARACTER_NOT_FOUND, WORKFLOW_NOT_FOUND, WORKFLOW_INVALID, MISSING_NODE,
                MISSING_MODEL, WORKFLOW_FAILING, VOICE_UNAVAILABLE, QUEUE_FULL or STORAGE_UNAVAILABLE; nothing was
                stored.

        """
        return await self._installation.accept(lambda info: self._submission.submit(request, info, job_id))

    async def submit_batch(self, requests: Sequence[GenerationRequest], store: StoreBatch) -> bool:
        """Accept all requests of a batch, or none. They are checked, and stored when this returns.

        Args:
            requests: At least one, in the order in which they are to be made.
            store: Commits their jobs in one transaction; what it returns is returned.

        Raises:
            ChorusError: As from `submit`; nothing was stored.

        """
        return await self._installation.accept(lambda info: self._submission.submit_batch(requests, store, info))

    async def estimate(self, requests: Sequence[GenerationRequest]) -> float | None:
        """Check requests without accepting them; their execution in seconds, None if a workflow never ran.

        Raises:
            ChorusError: As from `submit`.

        """
        total = await self._submission.estimate(requests, await self._installation.learned())
        return None if total is None else total / len(self._servers)

    async def cancel(self, job_id: UUID) -> bool:
        """CANCELLED at once, whether the job waits or runs; ComfyUI is interrupted, and keeps the GPU until it stops.

        False: the job has ended already, or another process runs it.
        """
        active = self._registry.active.get(job_id)
        return active is not None and await self._registry.end(active, JobState.CANCELLED, Cancelled())

    async def mark_delivered(self, job_id: UUID) -> None:
        """The result was posted (GENERATED -> DELIVERED), or the error was shown."""
        await self._jobs.mark_delivered(job_id, utc_now())

    async def mark_undeliverable(self, job_id: UUID, error: ChorusError) -> Job | None:
        """GENERATED -> FAILED: the result exists but cannot be posted. None: the job was not GENERATED."""
        return await self._jobs.end(job_id, JobState.FAILED, job_error(error), utc_now(), undeliverable=True)

    async def job(self, job_id: UUID) -> Job | None:
        """The job as stored."""
        return await self._jobs.get(job_id)

    # -- watching

    async def watch(self, job_id: UUID) -> AsyncGenerator[JobUpdate]:
        """The present state, then the newest one whenever it changed; ends after `Ended`.

        A watcher that is slower than the updates skips some; it never delays the job.

        Raises:
            InputInvalid: There is no such job.

        """
        active = self._registry.active.get(job_id)
        if active is not None and not active.ended:
            await self._registry.announce_position(job_id)
            async with aclosing(self._registry.updates.watch(job_id)) as updates:
                async for update in updates:
                    yield update
            return
        job = await self._jobs.get(job_id)
        if job is None:
            raise InputInvalid("That job is no longer known.")
        yield Ended(job=job)

    async def queue_view(self) -> QueueView:
        """What runs and what waits, from memory."""
        return await self._registry.queue_view()

    async def place(self, job_id: UUID) -> QueueEntry | None:
        """Where a job waits; None: it does not."""
        return await self._registry.place(job_id)

    @property
    def active_count(self) -> int:
        """How many jobs wait, run, or have files on their way."""
        return len(self._registry.active)

    @property
    def swaps(self) -> SwapStatistics:
        """How often VRAM was handed over between ComfyUI and the language model, on all servers together."""
        each = [server.gpu.swaps for server in self._servers]
        return SwapStatistics(sum(one.count for one in each), sum(one.seconds for one in each))

    @property
    def object_info(self) -> Mapping[str, Any] | None:
        """What ComfyUI has installed, if it was asked; of several servers None, since they may have different nodes.

        The same object until ComfyUI is started anew, so that what is computed from it can be kept.
        """
        return self._installation.object_info

    def adapted(self, workflow: Workflow) -> Workflow:
        """A workflow that takes any model, for the models that ComfyUI has; others, or while that is not known, as is.

        Raises:
            MissingModel: ComfyUI has no model that could be used.

        """
        return self._models.adapted(workflow, self.object_info)

    def failures(self, workflow: Workflow) -> WorkflowFailures | None:
        """Why a workflow, as `adapted` returned it, is refused although everything is installed; None: it is not."""
        return self._failing.found(workflow)

    def can_run(self, workflow: Workflow) -> bool:
        """Whether ComfyUI has every node and model of a workflow; True while that is not known."""
        return self._models.can_run(workflow, self.object_info)

    # -- start

    async def recover(self) -> list[Job]:
        """Take up the jobs that a process before this one left unfinished; call it once, before the first `submit`.

        Returns at once; ComfyUI is asked in the background, and waited for if it is away.

        Returns:
            Jobs whose result or error was not shown yet, in the order of acceptance.

        Raises:
            RuntimeError: Work has begun, so that new jobs could be taken for left ones.

        """
        if self._tasks:
            raise RuntimeError("recover comes before the first submit")
        locks_dir = self._options.locks_dir or self._options.data_dir
        found = await read_recovered_jobs(self._jobs, self._folder, self._options.owner, locks_dir)
        for active in found.queued:
            self._rewriting.start(active)
            await self._registry.enqueue(active)
        by_server = await self._by_server(found)
        for active in (*(one.active for one in found.open_attempts), *found.collected):
            await self._registry.durations.load(active.job)
            self._registry.active[active.job.id] = active
            if not active.ended:
                waiting = Waiting(position=1, reason="taking up after a restart")
                self._registry.updates.publish(active.job.id, waiting)
        self._start_dispatchers(by_server)
        for active in found.collected:
            next(iter(self._dispatchers.values())).finish_in_background(active)
        counts = len(found.queued), len(found.open_attempts), len(found.collected)
        _log.info("recovered: %d jobs to queue, %d attempts to follow, %d results to finish", *counts)
        return await self._jobs.undelivered(self._options.owner)

    async def _by_server(self, found: RecoveredJobs) -> dict[str, list[OpenAttempt]]:
        """Open attempts by server; those of a server that is no longer configured run again elsewhere."""
        by_server: dict[str, list[OpenAttempt]] = {url: [] for url in self._dispatchers}
        for one in found.open_attempts:
            server = without_login(one.attempt.server)  # earlier versions stored the address with it
            if server in by_server:
                by_server[server].append(one)
                continue
            await self._jobs.end_attempt(one.attempt.prompt_id, AttemptState.LOST)
            if not one.active.ended:
                await self._registry.run_part_again(one.active, one.attempt.part)
        return by_server

    def _start_dispatchers(self, open_attempts: dict[str, list[OpenAttempt]] | None = None) -> None:
        if not self._tasks:
            self._tasks = [
                asyncio.create_task(dispatcher.run((open_attempts or {}).get(url, ())), name=f"dispatch to {url}")
                for url, dispatcher in self._dispatchers.items()
            ]

    def _dispatcher(self, server: ComfyServer) -> Dispatcher:
        breaker = self._breakers[server.client.url]
        preparer = Preparer(
            server.client,
            self._registry,
            self._acceptance,
            models=self._models,
            failing=self._failing,
            breaker=breaker,
            max_repeats=self._options.max_repeats,
        )
        outcomes = OutcomeHandler(
            client=server.client,
            uploads=preparer.uploads,
            registry=self._registry,
            folder=self._folder,
            postprocessor=self._postprocessor,
            versions=self._versions,
            failing=self._failing,
            breaker=breaker,
            max_repeats=self._options.max_repeats,
        )
        executor = Executor(
            server.client, self._registry, self._versions, self._options.timeout_seconds, breaker=breaker
        )
        return Dispatcher(
            server.client, server.gpu, self._registry, preparer=preparer, executor=executor, outcomes=outcomes
        )

    def _busy_reason(self) -> str | None:
        if all(breaker.state is CircuitState.OPEN for breaker in self._breakers.values()):
            return "ComfyUI answers with errors"
        return "the model is speaking" if all(server.gpu.conversing for server in self._servers) else None
