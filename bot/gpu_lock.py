"""One ComfyUI server's GPU: who may use it now.

`generation()` is held from a prompt's submission until ComfyUI says that it ended, or is gone; by the server's
dispatcher only. In swap mode (a `VramHandover` is given) the language model shares the GPU: its turns hold
`conversation()`, several at once, and the two sides take turns in groups, because each change of side unloads one
model and loads another. A group is bounded: when the oldest waiter of the other side has waited long enough, that side
is next.
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

from bot.comfyui.client import ComfyClient

_log = logging.getLogger(__name__)

# A picture that is ready is drawn within an event loop's turn; one that is not after this was cancelled meanwhile.
_GRACE_SECONDS = 0.05


class VramHandover(Protocol):
    """Moves the GPU's memory from one side to the other. Neither method may raise for a server that cannot do it."""

    async def before_generation(self) -> None:
        """Unload the language model, and wait until it is gone."""
        ...

    async def before_conversation(self) -> None:
        """Ask ComfyUI to free its memory."""
        ...


@dataclass(frozen=True)
class SwapLimits:
    """Seconds the oldest waiter of a side waits before that side is next, however many the other side still has."""

    turns_wait_seconds: float = 60.0
    pictures_wait_seconds: float = 120.0


@dataclass(frozen=True)
class SwapStatistics:
    """How often VRAM changed hands, and how long that took in all."""

    count: int = 0
    seconds: float = 0.0


class _Side(Enum):
    GENERATION = "generation"
    CONVERSATION = "conversation"


@dataclass
class _Line:
    waiters: deque[tuple[asyncio.Future[None], float]] = field(
        default_factory=deque[tuple[asyncio.Future[None], float]]
    )
    active: int = 0

    @property
    def oldest(self) -> float | None:
        """Since when the longest waiter waits (monotonic seconds)."""
        return self.waiters[0][1] if self.waiters else None


class GpuLock:
    """The lock of one server.

    Args:
        client: The server.
        handover: Swap mode; None: the language model lives elsewhere, and only prompts take turns.
        limits: Bounds of a group in swap mode.

    Attributes:
        more_pictures: Set by the dispatcher: whether a prepared job waits, so that a group of pictures goes on.

    """

    def __init__(
        self, client: ComfyClient, *, handover: VramHandover | None = None, limits: SwapLimits | None = None
    ) -> None:
        self.client = client
        self.more_pictures: Callable[[], bool] = lambda: False
        self._handover = handover
        self._limits = limits or SwapLimits()
        self._lock = asyncio.Lock()
        self._swapping = asyncio.Lock()
        self._lines = {side: _Line() for side in _Side}
        self._side: _Side | None = None
        self._statistics = SwapStatistics()

    @property
    def swaps(self) -> SwapStatistics:
        """Changes of side so far."""
        return self._statistics

    @property
    def generating(self) -> bool:
        """A prompt has the GPU."""
        return self._lock.locked()

    @property
    def conversing(self) -> bool:
        """Turns of the language model have the GPU (swap mode only)."""
        return self._lines[_Side.CONVERSATION].active > 0

    @asynccontextmanager
    async def generation(self) -> AsyncGenerator[None]:
        """The GPU for one prompt. Leave it only when ComfyUI says that the prompt ended, or is gone."""
        if self._handover is None:
            async with self._lock:
                yield
            return
        async with self._admitted(_Side.GENERATION), self._lock:
            await self._take_over(_Side.GENERATION)
            yield

    @asynccontextmanager
    async def conversation(self) -> AsyncGenerator[None]:
        """The GPU for one turn of the language model; costs nothing outside swap mode."""
        if self._handover is None:
            yield
            return
        async with self._admitted(_Side.CONVERSATION):
            await self._take_over(_Side.CONVERSATION)
            yield

    # -- swap mode

    @asynccontextmanager
    async def _admitted(self, side: _Side) -> AsyncGenerator[None]:
        line = self._lines[side]
        place = asyncio.get_running_loop().create_future(), time.monotonic()
        line.waiters.append(place)
        self._decide()
        try:
            await place[0]
        except asyncio.CancelledError:
            if place in line.waiters:
                line.waiters.remove(place)
            elif not place[0].cancelled():
                line.active -= 1  # admitted, and cancelled before it could go on
            self._decide()
            raise
        try:
            yield
        finally:
            line.active -= 1
            self._decide()

    def _decide(self, *, waited: bool = False) -> None:
        pictures, turns = self._lines[_Side.GENERATION], self._lines[_Side.CONVERSATION]
        if pictures.active:
            return
        if turns.active:
            if not self._overdue(pictures, self._limits.pictures_wait_seconds):
                self._admit_turns()
            return
        coming = bool(pictures.waiters) or (self.more_pictures() and not waited)
        drawing = self._side is _Side.GENERATION and not self._overdue(turns, self._limits.turns_wait_seconds)
        late = self._overdue(pictures, self._limits.pictures_wait_seconds)
        if turns.waiters and not (late and pictures.waiters) and not (coming and drawing):
            self._admit_turns()
        elif pictures.waiters:
            _admit(pictures)
        elif turns.waiters:
            # The group of pictures goes on, but its next member is not here yet.
            asyncio.get_running_loop().call_later(_GRACE_SECONDS, lambda: self._decide(waited=True))

    def _admit_turns(self) -> None:
        turns = self._lines[_Side.CONVERSATION]
        while turns.waiters:
            _admit(turns)

    @staticmethod
    def _overdue(line: _Line, limit: float) -> bool:
        return line.oldest is not None and time.monotonic() - line.oldest >= limit

    async def _take_over(self, side: _Side) -> None:
        async with self._swapping:
            if self._side is side or self._handover is None:
                return
            began = time.monotonic()
            swap = self._handover.before_generation if side is _Side.GENERATION else self._handover.before_conversation
            try:
                await swap()
            except Exception:  # noqa: BLE001 - a model that stays loaded costs memory, never the job or the turn
                _log.warning("VRAM was not handed over to %s", side.value, exc_info=True)
            self._side = side
            seconds = time.monotonic() - began
            self._statistics = SwapStatistics(self._statistics.count + 1, self._statistics.seconds + seconds)
            _log.info("VRAM handed over to %s in %.1f s", side.value, seconds)


def _admit(line: _Line) -> None:
    future, _ = line.waiters.popleft()
    if not future.done():  # a cancelled one leaves by itself
        line.active += 1
        future.set_result(None)
