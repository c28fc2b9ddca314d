"""Serves one ComfyUI: picks the next job, has the one after prepared meanwhile, settles what ended beside that."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Sequence
from typing import Any

from bot.comfyui.models import Succeeded
from bot.domain.jobs import JobState
from bot.errors import ChorusError, GenerationFailed
from bot.generation.active_job import ActiveJob, Prepared
from bot.generation.execution import Executed, Executor
from bot.generation.job_registry import JobRegistry
from bot.generation.outcome_handling import OutcomeHandler
from bot.generation.preparation import Preparer
from bot.generation.recovery import OpenAttempt, take_up_open_attempts
from bot.gpu_lock import GpuLock

_log = logging.getLogger(__name__)

_CLOSING_SECONDS = 2.0
_STUMBLED_SECONDS = 1.0


class Dispatcher:
    """The one holder of a `Gpu`'s generation side.

    Between two prompts there is only: the end is heard, the lock changes hands, the next graph is posted. It was
    built, checked, committed and its inputs uploaded while the one before ran.
    """

    def __init__(
        self, gpu: GpuLock, ledger: JobRegistry, preparer: Preparer, executor: Executor, settlement: OutcomeHandler
    ) -> None:
        self._gpu = gpu
        self._server = gpu.client.url
        self._ledger = ledger
        self._preparer = preparer
        self._executor = executor
        self._settlement = settlement
        self._prepare_news, self._dispatch_news = asyncio.Event(), asyncio.Event()
        self._settling = set[asyncio.Task[None]]()
        ledger.on_change(self._wake)
        gpu.more_pictures = lambda: self._ready() is not None

    async def run(self, adopted: Sequence[OpenAttempt] = ()) -> None:
        """Serve for ever; first take up what a process before us left with this server."""
        preparing = asyncio.create_task(self._prepare_ahead(), name=f"prepare for {self._server}")
        try:
            await take_up_open_attempts(adopted, self._gpu, self._ledger, self._executor, self._settle_adopted)
            while True:
                try:
                    await self._dispatch()
                except Exception:  # noqa: BLE001 - the queue of a server must not stop for one job's surprise; logged
                    _log.exception("the dispatcher of %s stumbled", self._server)
                    await asyncio.sleep(_STUMBLED_SECONDS)
        finally:
            preparing.cancel()
            await asyncio.gather(preparing, return_exceptions=True)
            await self._close()

    def settle_beside(self, run: ActiveJob, executed: Executed) -> None:
        """Download, verify and store while the GPU already works on the next."""
        self._spawn(run, self._settlement.settle(run, executed))

    async def _settle_adopted(self, run: ActiveJob, executed: Executed) -> None:
        """As `settle_beside`, but what must be run again is back in the queue before anything later is submitted."""
        if isinstance(executed.result, Succeeded):
            self.settle_beside(run, executed)
            return
        await self._settlement.settle(run, executed)
        self._ledger.forget(run)

    def complete_beside(self, run: ActiveJob) -> None:
        """Every part was collected before a restart: make the result."""
        self._spawn(run, self._settlement.complete_again(run))

    def _spawn(self, run: ActiveJob, work: Coroutine[Any, Any, None]) -> None:
        """Run something for a job in the background; the run is kept until it is done."""
        run.collecting += 1
        task = asyncio.create_task(work)
        self._settling.add(task)

        def done(_: asyncio.Task[None]) -> None:
            self._settling.discard(task)
            run.collecting -= 1
            self._ledger.forget(run)
            if not task.cancelled() and (error := task.exception()) is not None:
                _log.error("job %s could not be settled", run.job.id, exc_info=error)

        task.add_done_callback(done)

    # -- ahead of time

    async def _prepare_ahead(self) -> None:
        while True:
            self._prepare_news.clear()
            job = self._ledger.queue.next_for(self._server)
            run = self._ledger.runs.get(job.id) if job else None
            if run is not None and run.preparation is None and run.todo:
                self._ledger.queue.claim(run.job.id, self._server)
                run.preparation = asyncio.create_task(self._prepare(run))
                run.preparation.add_done_callback(lambda _: self._wake())
            await self._prepare_news.wait()

    async def _prepare(self, run: ActiveJob) -> Prepared | None:
        try:
            prepared = await self._preparer.prepare(run)
            if prepared is None:
                await self._ledger.catch_up(run)
        except ChorusError as error:
            failed = error
        except Exception as error:  # noqa: BLE001 - one job's surprise must not end the queue; told and logged
            _log.exception("job %s could not be prepared", run.job.id)
            failed = GenerationFailed()
            failed.__cause__ = error
        else:
            return prepared
        await self._ledger.end(run, JobState.FAILED, failed)
        return None

    # -- one prompt after the other

    async def _dispatch(self) -> None:
        while self._ready() is None:
            self._dispatch_news.clear()
            await self._dispatch_news.wait()
        async with self._gpu.generation():
            run = self._ready()
            if run is None:  # cancelled while we waited for the GPU
                return
            executed = await self._execute(run)
            if executed is None:
                return
            if run.parts > 1 and not isinstance(executed.result, Succeeded):
                # The next part is useless if this one failed: settle that before it is submitted.
                await self._settlement.settle(run, executed)
                self._ledger.forget(run)
                return
        self.settle_beside(run, executed)

    async def _execute(self, run: ActiveJob) -> Executed | None:
        self._ledger.queue.take(self._server)
        task, run.preparation = run.preparation, None
        prepared = task.result() if task is not None and not task.cancelled() else None
        if prepared is None:
            return None
        run.executing += 1
        run.executing_since = None
        if run.todo and not run.over:
            self._ledger.queue.push_front(run.job)
        self._ledger.changed()
        try:
            return await self._executor.submit(run, prepared)
        finally:
            run.executing -= 1

    def _ready(self) -> ActiveJob | None:
        job = self._ledger.queue.next_for(self._server)
        run = self._ledger.runs.get(job.id) if job else None
        return run if run is not None and run.ready else None

    def _wake(self) -> None:
        self._prepare_news.set()
        self._dispatch_news.set()

    async def _close(self) -> None:
        """Give downloads a moment; what is cut off is collected again after the next start."""
        if self._settling:
            _, unfinished = await asyncio.wait(self._settling, timeout=_CLOSING_SECONDS)
            for task in unfinished:
                task.cancel()
            await asyncio.gather(*unfinished, return_exceptions=True)
