"""After a start: what became of the prompts that a process before this one left with a ComfyUI server.

One look at `/queue` and `/history` tells it for all of them. A prompt that waits or runs there is followed and keeps
the GPU, one that ended is collected, one that was submitted and is gone was lost. One that was prepared and is not
there was most likely never sent; since a POST that the killed process had sent may still be on its way, it is looked
for once more while the GPU works on other jobs. All of them are looked up before anything new is prepared, so that a
process that lives for a short time leaves no more open attempts than it found.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any

from bot.comfyui.client import ComfyClient
from bot.comfyui.exceptions import ComfyError
from bot.comfyui.prompt_state import Absent, Finished, Lost, PromptState
from bot.domain.attempts import AttemptState
from bot.generation.active_job import ActiveJob, ExecutedPart, NotSubmitted
from bot.generation.execution import Executor
from bot.generation.job_registry import JobRegistry
from bot.generation.recovery import OpenAttempt
from bot.gpu_lock import GpuLock

_log = logging.getLogger(__name__)

_ARRIVAL_SECONDS = 1.0
"""How long a POST that a killed process had sent may take to show in ComfyUI's queue."""
_RETRY_SECONDS = 1.0

HandleOutcome = Callable[[ActiveJob, ExecutedPart], Awaitable[None]]


class AttemptAdoption:
    """Takes up the open attempts of one server.

    Args:
        client: Of the server.
        gpu: Its GPU's lock.
        registry: Is told while the server does not answer.
        executor: Follows prompts.
        handle_outcome: Called with the end of each attempt; a part to be run again is in the queue when it returns.

    """

    def __init__(
        self,
        client: ComfyClient,
        gpu: GpuLock,
        registry: JobRegistry,
        executor: Executor,
        handle_outcome: HandleOutcome,
    ) -> None:
        self._client = client
        self._gpu = gpu
        self._registry = registry
        self._executor = executor
        self._handle_outcome = handle_outcome
        # No process before this one sends anything from now on.
        self._arrived_at = time.monotonic() + _ARRIVAL_SECONDS
        self._tasks: set[asyncio.Task[None]] = set()

    async def look(self, attempts: Sequence[OpenAttempt]) -> Mapping[str, PromptState]:
        """Where the prompts of the attempts are; waits until the server answers."""
        while True:
            try:
                return await self._client.prompt_states(str(one.attempt.prompt_id) for one in attempts)
            except ComfyError as error:
                _log.info("ComfyUI cannot be asked for %d open attempts: %s", len(attempts), error)
                await asyncio.sleep(_RETRY_SECONDS)
                await self._client.wait_available()

    async def first_look(self, attempts: Sequence[OpenAttempt]) -> Mapping[str, PromptState]:
        """As `look`; people see that the server is away until it answers."""
        if not attempts:
            return {}
        self._registry.mark_away(self._client, away=True)
        await self._client.wait_available()
        self._registry.mark_away(self._client, away=False)
        return await self.look(attempts)

    async def run_lost_again(self, attempts: Sequence[OpenAttempt], states: Mapping[str, PromptState]) -> None:
        """Put the parts that ComfyUI lost back into the queue, and look for those that may have been sent once more."""
        absent = [one for one in attempts if isinstance(states[str(one.attempt.prompt_id)], Absent)]
        lost = [one for one in absent if one.attempt.state is AttemptState.SUBMITTED]
        await self._give_up(lost)
        if uncertain := [one for one in absent if one not in lost]:
            self._start(self._look_again(uncertain))

    async def follow(self, attempts: Sequence[OpenAttempt], states: Mapping[str, PromptState]) -> None:
        """Collect what has ended, beside the rest; follow what waits or runs, with the GPU lock, until it has ended."""
        present: list[OpenAttempt] = []
        for one in attempts:
            state = states[str(one.attempt.prompt_id)]
            if isinstance(state, Finished):
                self._start(self._follow(one))
            elif not isinstance(state, Absent):
                present.append(one)
        if present:
            async with self._gpu.generation():
                await asyncio.gather(*map(self._follow, present))

    async def close(self) -> None:
        """Stop what goes on beside the jobs; the next start takes it up."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _look_again(self, attempts: Sequence[OpenAttempt]) -> None:
        await asyncio.sleep(max(0.0, self._arrived_at - time.monotonic()))
        states = await self.look(attempts)
        await self._send_again([one for one in attempts if isinstance(states[str(one.attempt.prompt_id)], Absent)])
        await self.follow(attempts, states)

    async def _give_up(self, attempts: Sequence[OpenAttempt]) -> None:
        """The last one first: each goes to the front of the queue, so that their order of acceptance stays."""
        for one in reversed(attempts):
            _log.info("job %s: part %d was lost by ComfyUI", one.active.job.id, one.attempt.part)
            await self._handle_outcome(one.active, ExecutedPart(one.attempt, Lost()))

    async def _send_again(self, attempts: Sequence[OpenAttempt]) -> None:
        """All are stored as UNSENT before the first is queued: else the GPU might take the later ones first."""
        for one in attempts:
            if one.active.ended:
                await self._handle_outcome(one.active, ExecutedPart(one.attempt, NotSubmitted()))
            else:
                await self._registry.jobs.end_attempt(one.attempt.prompt_id, AttemptState.UNSENT)
        for one in reversed(attempts):
            _log.info("job %s: part %d was never sent", one.active.job.id, one.attempt.part)
            if not one.active.ended:
                await self._registry.run_part_again(one.active, one.attempt.part)

    async def _follow(self, one: OpenAttempt) -> None:
        _log.info("job %s: part %d is followed again", one.active.job.id, one.attempt.part)
        one.active.executing_parts += 1
        self._registry.notify_change()
        try:
            executed = await self._executor.follow(one.active, one.attempt)
        finally:
            one.active.executing_parts -= 1
        await self._handle_outcome(one.active, executed)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("an open attempt of %s could not be taken up", self._client.url, exc_info=error)
