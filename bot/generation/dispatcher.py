"""Runs the jobs of one ComfyUI server.

For each part of a job, in this order::

    _prepare_next    while another prompt has the GPU: Preparer.prepare builds, checks, uploads, stores the attempt
    _run_next        with the GPU lock: Executor.execute submits and follows it to its end
    OutcomeHandler   beside the next prompt: fetches and verifies files, or repeats the part, or ends the job
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Sequence
from typing import Any

from bot.comfyui.client import ComfyClient
from bot.comfyui.prompt_state import Succeeded
from bot.domain.jobs import JobState
from bot.errors import ChorusError, GenerationFailed
from bot.generation.active_job import ActiveJob, ExecutedPart, PreparedPart
from bot.generation.adoption import AttemptAdoption
from bot.generation.execution import Executor
from bot.generation.job_registry import JobRegistry
from bot.generation.outcome_handling import OutcomeHandler
from bot.generation.preparation import Preparer
from bot.generation.recovery import OpenAttempt
from bot.generation.server_watch import ServerWatch
from bot.gpu_lock import GpuLock

_log = logging.getLogger(__name__)

_CLOSE_SECONDS = 2.0
"""How long fetching files may go on when the bot stops; what is cut off is fetched again after the next start."""
_PAUSE_AFTER_ERROR_SECONDS = 1.0


class Dispatcher:
    """Takes jobs out of the queue for one server. It alone takes the generation side of the server's GPU lock.

    Between two prompts nothing happens but: the end is heard, the lock is taken again, the next graph is submitted.
    """

    def __init__(
        self,
        client: ComfyClient,
        gpu: GpuLock,
        registry: JobRegistry,
        *,
        preparer: Preparer,
        executor: Executor,
        outcomes: OutcomeHandler,
    ) -> None:
        self._server = client.url
        self._gpu = gpu
        self._registry = registry
        self._preparer = preparer
        self._executor = executor
        self._outcomes = outcomes
        self._prepare_wanted, self._run_wanted = asyncio.Event(), asyncio.Event()
        self._background = set[asyncio.Task[None]]()
        self._adoption = AttemptAdoption(client, gpu, registry, executor, self._handle_recovered)
        self._watch = ServerWatch(client, registry)
        registry.on_change(self._wake)
        gpu.next_job_is_prepared = lambda: self._next_prepared() is not None

    async def run(self, open_attempts: Sequence[OpenAttempt] = ()) -> None:
        """Run jobs until cancelled; first take up what a process before this one left with the server."""
        beside = [asyncio.create_task(self._watch.run(), name=f"watch {self._server}")]
        try:
            states = await self._adoption.first_look(open_attempts)
            await self._adoption.run_lost_again(open_attempts, states)
            # Nothing is prepared before the look: each process that is killed soon would leave an attempt more.
            beside.append(asyncio.create_task(self._keep_preparing(), name=f"prepare for {self._server}"))
            await self._adoption.follow(open_attempts, states)
            while True:
                try:
                    await self._run_next()
                except Exception:  # noqa: BLE001 - the task's boundary: one job's fault must not stop a server's queue
                    _log.exception("the dispatcher of %s failed; it goes on", self._server)
                    await asyncio.sleep(_PAUSE_AFTER_ERROR_SECONDS)
        finally:
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)
            await self._adoption.close()
            await self._close()

    def finish_in_background(self, active: ActiveJob) -> None:
        """Make the result of a job all of whose parts were collected before a restart."""
        self._start_background(active, self._outcomes.finish_collected(active))

    # -- preparing

    async def _keep_preparing(self) -> None:
        while True:
            self._prepare_wanted.clear()
            active = self._next()
            if active is not None and active.preparation is None and active.pending_parts:
                self._registry.queue.claim(active.job.id, self._server)
                active.preparation = asyncio.create_task(self._prepare(active))
                active.preparation.add_done_callback(lambda _: self._wake())
            await self._prepare_wanted.wait()

    async def _prepare(self, active: ActiveJob) -> PreparedPart | None:
        try:
            prepared = await self._preparer.prepare(active)
            if prepared is None:
                await self._registry.follow_store(active)
        except ChorusError as error:
            failed = error
        except Exception as error:  # noqa: BLE001 - the task's boundary: the job fails, the queue goes on; logged
            _log.exception("job %s could not be prepared", active.job.id)
            failed = GenerationFailed()
            failed.__cause__ = error
        else:
            return prepared
        await self._registry.end(active, JobState.FAILED, failed)
        return None

    # -- one prompt after the other

    async def _run_next(self) -> None:
        while self._next_prepared() is None:
            self._run_wanted.clear()
            await self._run_wanted.wait()
        async with self._gpu.generation():
            active = self._next_prepared()
            if active is None:  # cancelled while the lock was waited for
                return
            executed = await self._execute(active)
            if executed is None:
                return
            if active.part_count > 1 and not isinstance(executed.result, Succeeded):
                # The next part may be useless now: decide that before it is submitted.
                await self._outcomes.handle(active, executed)
                self._registry.remove_if_done(active)
                return
        self._start_background(active, self._outcomes.handle(active, executed))

    async def _execute(self, active: ActiveJob) -> ExecutedPart | None:
        self._registry.queue.take(self._server)
        task, active.preparation = active.preparation, None
        prepared = task.result() if task is not None and not task.cancelled() else None
        if prepared is None:
            return None
        active.executing_parts += 1
        active.executing_since = None
        if active.pending_parts and not active.ended:
            self._registry.queue.push_front(active.job)
        self._registry.notify_change()
        try:
            return await self._executor.execute(active, prepared)
        finally:
            active.executing_parts -= 1

    def _next(self) -> ActiveJob | None:
        job = self._registry.queue.next_for(self._server)
        return self._registry.active.get(job.id) if job else None

    def _next_prepared(self) -> ActiveJob | None:
        active = self._next()
        return active if active is not None and active.prepared else None

    def _wake(self) -> None:
        self._prepare_wanted.set()
        self._run_wanted.set()

    # -- after the end of a prompt

    async def _handle_recovered(self, active: ActiveJob, executed: ExecutedPart) -> None:
        """A part that must be run again is back in the queue before anything that was accepted later is submitted."""
        if isinstance(executed.result, Succeeded):
            self._start_background(active, self._outcomes.handle(active, executed))
            return
        await self._outcomes.handle(active, executed)
        self._registry.remove_if_done(active)

    def _start_background(self, active: ActiveJob, work: Coroutine[Any, Any, None]) -> None:
        """Work for a job while the GPU does something else; the job stays active until it is done."""
        active.background_tasks += 1
        task = asyncio.create_task(work)
        self._background.add(task)

        def done(_: asyncio.Task[None]) -> None:
            self._background.discard(task)
            active.background_tasks -= 1
            self._registry.remove_if_done(active)
            if not task.cancelled() and (error := task.exception()) is not None:
                _log.error("job %s: its outcome could not be handled", active.job.id, exc_info=error)

        task.add_done_callback(done)

    async def _close(self) -> None:
        if self._background:
            _, unfinished = await asyncio.wait(self._background, timeout=_CLOSE_SECONDS)
            for task in unfinished:
                task.cancel()
            await asyncio.gather(*unfinished, return_exceptions=True)
