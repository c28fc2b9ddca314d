"""Gates between the pieces of an answer, so that tests can stop the stand-in at a certain word without sleeping."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Self

from sandbox.llm.request import ChatRequest


@dataclass(eq=False)
class StreamBreakpoint:
    """Closed until released: `async with llm.hold(after=3) as gate: await gate.reached.wait()`."""

    breakpoints: StreamBreakpoints
    after: int
    """So many pieces are sent before it; 0: none."""
    model: str | None
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    """A request waits here now, or did."""
    _released: asyncio.Event = field(default_factory=asyncio.Event)

    def release(self) -> None:
        """Let everything pass, now and later."""
        self.breakpoints.remove(self)
        self._released.set()

    async def pause(self) -> None:
        """Stand before it."""
        self.reached.set()
        await self._released.wait()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        self.release()


class StreamBreakpoints:
    """The closed ones."""

    def __init__(self) -> None:
        self._breakpoints: list[StreamBreakpoint] = []

    def add(self, after: int, model: str | None) -> StreamBreakpoint:
        """Close one."""
        gate = StreamBreakpoint(self, after, model)
        self._breakpoints.append(gate)
        return gate

    def remove(self, gate: StreamBreakpoint) -> None:
        """It is open."""
        if gate in self._breakpoints:
            self._breakpoints.remove(gate)

    async def pause_if_set(self, request: ChatRequest, sent: int) -> None:
        """Wait before every gate that stands after `sent` pieces."""
        for gate in list(self._breakpoints):
            if gate.after == sent and gate.model in {None, request.model}:
                await gate.pause()

    def release_all(self) -> None:
        """Open all."""
        for gate in list(self._breakpoints):
            gate.release()
