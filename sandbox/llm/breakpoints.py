"""Breakpoints at which a streamed answer pauses, so that tests need no sleeping."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Self

from sandbox.llm.request import ChatRequest


@dataclass(eq=False)
class StreamBreakpoint:
    """Pauses answers until `release`, or until the end of `async with`."""

    breakpoints: StreamBreakpoints
    after: int
    """Answers pause when this many pieces (words) were sent."""
    model: str | None
    """Only answers of this model pause; None: all."""
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once an answer has been paused here."""
    _released: asyncio.Event = field(default_factory=asyncio.Event)

    def release(self) -> None:
        """Let the paused answers continue, and pause no more."""
        self.breakpoints.remove(self)
        self._released.set()

    async def pause(self) -> None:
        """Called by the server: pause an answer here."""
        self.reached.set()
        await self._released.wait()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        self.release()


class StreamBreakpoints:
    """The breakpoints that are set."""

    def __init__(self) -> None:
        self._breakpoints: list[StreamBreakpoint] = []

    def add(self, after: int, model: str | None) -> StreamBreakpoint:
        """Set a breakpoint after `after` pieces, for one model or for all (None)."""
        breakpoint_ = StreamBreakpoint(self, after, model)
        self._breakpoints.append(breakpoint_)
        return breakpoint_

    def remove(self, breakpoint_: StreamBreakpoint) -> None:
        """Remove a breakpoint that was released."""
        if breakpoint_ in self._breakpoints:
            self._breakpoints.remove(breakpoint_)

    async def pause_if_set(self, request: ChatRequest, sent: int) -> None:
        """Pause at every breakpoint that is set after `sent` pieces."""
        for breakpoint_ in list(self._breakpoints):
            if breakpoint_.after == sent and breakpoint_.model in {None, request.model}:
                await breakpoint_.pause()

    def release_all(self) -> None:
        """Release all breakpoints."""
        for breakpoint_ in list(self._breakpoints):
            breakpoint_.release()
