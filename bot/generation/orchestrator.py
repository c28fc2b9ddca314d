"""From a wish to verified files: accepts, queues, runs, follows, collects, and survives restarts.

One `JobRegistry` has the jobs under way, one `Dispatcher` per ComfyUI server does the work. What people see comes from
`watch` and `queue_view`; what must survive is in the `JobStore`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Coroutine, Sequence
from contextlib import aclosing
from typing import Any, Self
from uuid import UUID

from bot.domain.attempts import AttemptState
from bot.domain.job_updates import Ended, JobUpdate, QueueView, Waiting
from bot.domain.jobs import GenerationRequest, Job, JobState
from bot.errors import Cancelled, ChorusError, InputInvalid, QueueFull
from bot.generation.acceptance import Acceptance, Accepted, CharacterSource, WorkflowSource, stored_form
from bot.generation.active_job import ActiveJob, parts_of
from bot.generation.dispatcher import Dispatcher
from bot.generation.error_translation import job_error
from bot.generation.execution import Executor
from bot.generation.job_registry import JobRegistry, now
from bot.generation.outcome_handling import OutcomeHandler
from bot.generation.outputs import OutputFolder
from bot.generation.postprocessing import Postprocessor
from bot.generation.preparation import Preparer
from bot.generation.prompt_rewriting import PromptRewriter
from bot.generation.queue import FairQueue
from bot.generation.recovery import OpenAttempt, RecoveredJobs, read_recovered_jobs
from bot.generation.result_cache import reusable
from bot.generation.settings import GenerationSettings
from bot.generation.store import JobStore, WorkflowStore
from bot.gpu_lock import GpuLock, SwapStatistics
from bot.media.audio import BUNDLED
from bot.media.ffmpeg import Ffmpeg
from bot.workflows.values import Workflow

_log = logging.getLogger(__name__)


class Orchestrator:
    """Generation as one service. Open it with `async with`; close it before the ComfyUI clients of its GPUs.

    Work starts with the first `submit`, or with `recover`. Closing leaves running prompts to ComfyUI: the next start
    takes them up.

    Args:
        settings: Limits and folders.
        store: Jobs and attempts.
        versions: Workflow versions.
        characters: `CharacterLibrary`.
        workflows: `WorkflowLibrary`.
        gpus: One per ComfyUI server, with open clients.
        rewriter: Writes the prompts of requests with `rewrite`; None: they are drawn as they are.
        ffmpeg: For speech and video.

    """

    def __init__(
        self,
        settings: GenerationSettings,
        *,
        store: JobStore,
        versions: WorkflowStore,
        characters: CharacterSource,
        workflows: WorkflowSource,
        gpus: Sequence[GpuLock],
        rewriter: PromptRewriter | None = None,
        ffmpeg: Ffmpeg = BUNDLED,
    ) -> None:
        self._settings = settings
        self._store = store
        self._versions = versions
        self._gpus = tuple(gpus)
        self._rewriter = rewriter
        self._acceptance = Acceptance(characters, workflows, versions)
        self._folder = OutputFolder(settings.data_dir, max_bytes=settings.max_output_bytes)
        self._finisher = Postprocessor(
            settings.data_dir, pause_ms=settings.pause_ms, bitrate=settings.speech_bitrate, ffmpeg=ffmpeg
        )
        self._ledger = JobRegistry(store, FairQueue(settings.max_live_in_a_row), len(self._gpus))
        self._ledger.busy = self._busy
        self._dispatchers = {gpu.client.url: self._dispatcher(gpu) for gpu in self._gpus}
        self._entering = asyncio.Lock()
        self._accepting = set[asyncio.Task[Job]]()
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.gather(*self._accepting, return_exceptions=True)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for run in list(self._ledger.runs.values()):
            await self._ledger.drop_preparation(run, AttemptState.UNSENT)

    # -- jobs

    async def submit(self, request: GenerationRequest) -> Job:
        """Accept a wish: it is checked, and QUEUED is committed when this returns.

        Speech that was made before, of the same text, voice, workflow and seed, is GENERATED at once from the file.

        Raises:
            ChorusError: INPUT_INVALID, CHARACTER_NOT_FOUND, WORKFLOW_NOT_FOUND, WORKFLOW_INVALID, MISSING_NODE,
                MISSING_MODEL, VOICE_UNAVAILABLE or QUEUE_FULL. Nothing is stored then.

        """
        self._check_room(request)
        accepted = await self._acceptance.accept(request, self._object_info())
        async with self._entering:
            self._check_room(request)
            await self._remember(accepted.workflow)
            if finished := await reusable(accepted, self._store, self._settings.data_dir):
                await self._store.add(finished, owner=self._settings.owner, fingerprint=accepted.fingerprint)
                return finished
            # A caller that is cancelled now must not leave a stored job that nobody runs.
            return await asyncio.shield(self._spawn(self._enter(accepted)))

    async def cancel(self, job_id: UUID) -> bool:
        """CANCELLED at once, whether it waits or runs (then ComfyUI is told, and the GPU is kept until it obeyed).

        False: it has ended already, or is not ours.
        """
        run = self._ledger.runs.get(job_id)
        return run is not None and await self._ledger.end(run, JobState.CANCELLED, Cancelled())

    async def mark_delivered(self, job_id: UUID) -> None:
        """The result was posted (GENERATED -> DELIVERED), or the error was shown."""
        await self._store.mark_delivered(job_id, now())

    async def undeliverable(self, job_id: UUID, error: ChorusError) -> Job | None:
        """GENERATED -> FAILED: the result exists, and cannot be posted. None: the job was not GENERATED."""
        return await self._store.end(job_id, JobState.FAILED, job_error(error), now(), undeliverable=True)

    async def job(self, job_id: UUID) -> Job | None:
        """The job as stored."""
        return await self._store.get(job_id)

    # -- watching

    async def watch(self, job_id: UUID) -> AsyncGenerator[JobUpdate]:
        """The present state, then the newest one whenever it changed; ends after `Ended`.

        Updates that come faster than they are taken are skipped; a watcher never slows a job.

        Raises:
            InputInvalid: There is no such job.

        """
        if job_id in self._ledger.runs and not self._ledger.runs[job_id].over:
            self._ledger.show(job_id)
            async with aclosing(self._ledger.board.watch(job_id)) as updates:
                async for update in updates:
                    yield update
            return
        job = await self._store.get(job_id)
        if job is None:
            raise InputInvalid("That job is no longer known.")
        yield Ended(job=job)

    def queue_view(self) -> QueueView:
        """What runs and what waits, from memory."""
        return self._ledger.view()

    @property
    def under_way(self) -> int:
        """How many jobs are in memory: those that wait or run, and those whose last files are on their way."""
        return len(self._ledger.runs)

    @property
    def swaps(self) -> SwapStatistics:
        """How often the GPU's memory changed hands between ComfyUI and the language model, all servers together."""
        each = [gpu.swaps for gpu in self._gpus]
        return SwapStatistics(sum(one.count for one in each), sum(one.seconds for one in each))

    # -- start

    async def recover(self) -> list[Job]:
        """Take up every job that a process before us left unfinished; call it once, before the first `submit`.

        Returns at once; ComfyUI is asked in the background, and waited for where it is away.

        Returns:
            Jobs whose result or error was not shown yet, in the order of acceptance.

        Raises:
            RuntimeError: Work has begun: a job of this process would be taken for one that was left.

        """
        if self._tasks:
            raise RuntimeError("recover comes before the first submit")
        found = await read_recovered_jobs(self._store, self._folder, self._settings.owner)
        for run in found.queued:
            await self._ledger.enter(run)
        adopted = await self._at_home(found)
        for run in (*(one.run for one in found.adopted), *found.complete):
            await self._ledger.durations.learn(run.job)
            self._ledger.runs[run.job.id] = run
            if not run.over:
                self._ledger.board.publish(run.job.id, Waiting(position=1, reason="taking up after a restart"))
        self._start(adopted)
        for run in found.complete:
            next(iter(self._dispatchers.values())).complete_beside(run)
        left = len(found.queued), len(found.adopted), len(found.complete)
        _log.info("recovered: %d to queue, %d to follow, %d to complete", *left)
        return await self._store.undelivered(self._settings.owner)

    async def _at_home(self, found: RecoveredJobs) -> dict[str, list[OpenAttempt]]:
        """Open attempts by server; those of a server we no longer have are given up and run again elsewhere."""
        by_server: dict[str, list[OpenAttempt]] = {url: [] for url in self._dispatchers}
        for one in found.adopted:
            home = one.attempt.server if one.attempt.server in by_server else None
            if home is not None:
                by_server[home].append(one)
                continue
            await self._store.end_attempt(one.attempt.prompt_id, AttemptState.LOST)
            if not one.run.over:
                await self._ledger.repeat(one.run, one.attempt.part)
        return by_server

    # -- parts

    def _dispatcher(self, gpu: GpuLock) -> Dispatcher:
        client = gpu.client
        preparer = Preparer(client, self._ledger, self._acceptance, self._rewriter)
        executor = Executor(client, self._ledger, self._versions, self._settings.timeout_seconds)
        settlement = OutcomeHandler(
            client=client,
            uploads=preparer.uploads,
            ledger=self._ledger,
            folder=self._folder,
            finisher=self._finisher,
            versions=self._versions,
            max_losses=self._settings.max_losses,
        )
        return Dispatcher(gpu, self._ledger, preparer, executor, settlement)

    def _start(self, adopted: dict[str, list[OpenAttempt]] | None = None) -> None:
        if not self._tasks:
            self._tasks = [
                asyncio.create_task(dispatcher.run((adopted or {}).get(url, ())), name=f"dispatch to {url}")
                for url, dispatcher in self._dispatchers.items()
            ]

    async def _remember(self, workflow: Workflow) -> None:
        await self._versions.put(stored_form(workflow))
        await self._versions.set_current(
            workflow.character_id, workflow.kind.value, workflow.name, workflow.content_hash
        )

    async def _enter(self, accepted: Accepted) -> Job:
        job = accepted.job
        await self._ledger.durations.learn(job)
        await self._store.add(job, owner=self._settings.owner, fingerprint=accepted.fingerprint)
        self._start()
        await self._ledger.enter(ActiveJob(job, todo=set(range(parts_of(job)))))
        _log.info("job %s accepted: %s of %s", job.id, job.request.kind, job.request.character_id)
        return job

    def _spawn(self, work: Coroutine[Any, Any, Job]) -> asyncio.Task[Job]:
        task = asyncio.create_task(work)
        self._accepting.add(task)
        task.add_done_callback(self._accepting.discard)
        return task

    def _check_room(self, request: GenerationRequest) -> None:
        queue, settings = self._ledger.queue, self._settings
        wait = self._ledger.seconds_until_place()
        when = "" if wait is None else f" A place should be free in about {max(1, round(wait))} seconds."
        if queue.waiting() >= settings.max_queue_size:
            raise QueueFull(f"The queue is full: {queue.waiting()} jobs wait.{when}")
        counts = not request.live and request.requester_id != 0
        if counts and (mine := queue.waiting(request.requester_id)) >= settings.max_per_user:
            raise QueueFull(f"You already have {mine} jobs waiting.{when}")

    def _object_info(self) -> dict[str, object] | None:
        """What is known to be installed; of several servers nothing, since one may have what another has not."""
        known = self._gpus[0].client.cached_object_info
        return dict(known) if known is not None and len(self._gpus) == 1 else None

    def _busy(self) -> str | None:
        return "the model is speaking" if all(gpu.conversing for gpu in self._gpus) else None
