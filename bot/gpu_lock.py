"""Who may use the GPU of one ComfyUI server.

`generation()` is held by the server's dispatcher from the submission of a prompt until ComfyUI says that it ended or is
gone. If the language model runs on the same GPU and there is not enough VRAM for both (a `VramHandover` is given), its
answers hold `conversation()`, several at the same time, and never together with `generation()`. Each change between the
two unloads one model and loads the other, so each side is served in groups. When the longest waiter of the other side
has waited as long as `SwapLimits` says, that side is next.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

_log = logging.getLogger(__name__)

# The dispatcher asks for the lock again within one turn of the event loop if another job is prepared; if it has not
# after this time, that job was cancelled.
_NEXT_JOB_SECONDS = 0.05


class VramHandover(Protocol):
    """Moves VRAM between ComfyUI and the language model. A server that cannot do it is logged, never raised."""

    async def before_generation(self) -> None:
        """Unload the language model and wait until its memory is free."""
        ...

    async def before_conversation(self) -> None:
        """Ask ComfyUI to free its memory."""
        ...


@dataclass(frozen=True)
class SwapLimits:
    """How long the longest waiter of a side waits, in seconds, before that side is served next."""

    conversation_wait_seconds: float = 60.0
    generation_wait_seconds: float = 120.0


@dataclass(frozen=True)
class SwapStatistics:
    """How often VRAM was handed over, and how many seconds that took altogether."""

    count: int = 0
    seconds: float = 0.0


class _Side(Enum):
    GENERATION = "generation"
    CONVERSATION = "conversation"


@dataclass(eq=False)
class _Waiter:
    admitted: asyncio.Future[None]
    since: float
    """Monotonic seconds."""


@dataclass
class _Line:
    """One side: who waits, and how many hold the GPU."""

    waiters: deque[_Waiter] = field(default_factory=deque[_Waiter])
    holders: int = 0

    def has_waited(self, seconds: float) -> bool:
        """Whether the longest waiter has waited that long."""
        return bool(self.waiters) and time.monotonic() - self.waiters[0].since >= seconds

    def admit_first(self) -> None:
        waiter = self.waiters.popleft()
        if not waiter.admitted.done():  # a cancelled waiter removes itself
            self.holders += 1
            waiter.admitted.set_result(None)


class GpuLock:
    """The lock of one server's GPU.

    Args:
        handover: Given if the language model shares the GPU; None: `conversation()` costs nothing.
        limits: How long one side may keep the other waiting.

    Attributes:
        next_job_is_prepared: Set by the dispatcher. While it returns True, the group of pictures goes on.

    """

    def __init__(self, *, handover: VramHandover | None = None, limits: SwapLimits | None = None) -> None:
        self.next_job_is_prepared: Callable[[], bool] = lambda: False
        self._handover = handover
        self._limits = limits or SwapLimits()
        self._prompt_lock = asyncio.Lock()
        self._handover_lock = asyncio.Lock()
        self._lines = {side: _Line() for side in _Side}
        self._side: _Side | None = None
        self._swaps = SwapStatistics()

    @property
    def swaps(self) -> SwapStatistics:
        """Hand-overs so far."""
        return self._swaps

    @property
    def generating(self) -> bool:
        """A prompt of ComfyUI holds the GPU."""
        return self._prompt_lock.locked()

    @property
    def conversing(self) -> bool:
        """The language model holds the GPU (only if it shares it)."""
        return self._lines[_Side.CONVERSATION].holders > 0

    @asynccontextmanager
    async def generation(self) -> AsyncGenerator[None]:
        """Hold the GPU for one prompt. Leave the block only when ComfyUI says that the prompt ended or is gone."""
        if self._handover is None:
            async with self._prompt_lock:
                yield
            return
        async with self._admitted(_Side.GENERATION), self._prompt_lock:
            await self._hand_over_to(_Side.GENERATION)
            yield

    @asynccontextmanager
    async def conversation(self) -> AsyncGenerator[None]:
        """Hold the GPU for one answer of the language model."""
        if self._handover is None:
            yield
            return
        async with self._admitted(_Side.CONVERSATION):
            await self._hand_over_to(_Side.CONVERSATION)
            yield

    @asynccontextmanager
    async def _admitted(self, side: _Side) -> AsyncGenerator[None]:
        line = self._lines[side]
        waiter = _Waiter(asyncio.get_running_loop().create_future(), time.monotonic())
        line.waiters.append(waiter)
        self._admit()
        try:
            await waiter.admitted
        except asyncio.CancelledError:
            if waiter in line.waiters:
                line.waiters.remove(waiter)
            elif not waiter.admitted.cancelled():
                line.holders -= 1  # admitted, and cancelled before it could go on
            self._admit()
            raise
        try:
            yield
        finally:
            line.holders -= 1
            self._admit()

    def _admit(self, *, group_ended: bool = False) -> None:
        """Let the next waiters in, if the GPU is free for their side."""
        pictures, answers = self._lines[_Side.GENERATION], self._lines[_Side.CONVERSATION]
        if pictures.holders:
            return
        pictures_overdue = pictures.has_waited(self._limits.generation_wait_seconds)
        if answers.holders:
            if not pictures_overdue:
                self._admit_all(answers)
            return
        more_pictures = bool(pictures.waiters) or (self.next_job_is_prepared() and not group_ended)
        answers_overdue = answers.has_waited(self._limits.conversation_wait_seconds)
        group_goes_on = more_pictures and self._side is _Side.GENERATION and not answers_overdue
        if answers.waiters and not (pictures_overdue and pictures.waiters) and not group_goes_on:
            self._admit_all(answers)
        elif pictures.waiters:
            pictures.admit_first()
        elif answers.waiters:
            # The group of pictures goes on, but its next job has not asked for the lock yet.
            asyncio.get_running_loop().call_later(_NEXT_JOB_SECONDS, lambda: self._admit(group_ended=True))

    @staticmethod
    def _admit_all(line: _Line) -> None:
        while line.waiters:
            line.admit_first()

    async def _hand_over_to(self, side: _Side) -> None:
        async with self._handover_lock:
            if self._side is side or self._handover is None:
                return
            began = time.monotonic()
            to_generation = side is _Side.GENERATION
            swap = self._handover.before_generation if to_generation else self._handover.before_conversation
            try:
                await swap()
            except Exception:  # noqa: BLE001 - a model that stays loaded costs memory, never the job or the answer
                _log.warning("VRAM was not handed over to %s", side.value, exc_info=True)
            self._side = side
            seconds = time.monotonic() - began
            self._swaps = SwapStatistics(self._swaps.count + 1, self._swaps.seconds + seconds)
            _log.info("VRAM handed over to %s in %.1f s", side.value, seconds)
