"""Gates between the pieces of an answer, so that tests can stop the stand-in at a certain word without sleeping."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Self

from sandbox.llm.request import ChatRequest


@dataclass(eq=False)
class Gate:
    """Closed until released: `async with llm.hold(after=3) as gate: await gate.reached.wait()`."""

    gates: Gates
    after: int
    """So many pieces are sent before it; 0: none."""
    model: str | None
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    """A request waits here now, or did."""
    _open: asyncio.Event = field(default_factory=asyncio.Event)

    def release(self) -> None:
        """Let everything pass, now and later."""
        self.gates.forget(self)
        self._open.set()

    async def wait(self) -> None:
        """Stand before it."""
        self.reached.set()
        await self._open.wait()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        self.release()


class Gates:
    """The closed ones."""

    def __init__(self) -> None:
        self._closed: list[Gate] = []

    def add(self, after: int, model: str | None) -> Gate:
        """Close one."""
        gate = Gate(self, after, model)
        self._closed.append(gate)
        return gate

    def forget(self, gate: Gate) -> None:
        """It is open."""
        if gate in self._closed:
            self._closed.remove(gate)

    async def pass_through(self, request: ChatRequest, sent: int) -> None:
        """Wait before every gate that stands after `sent` pieces."""
        for gate in list(self._closed):
            if gate.after == sent and gate.model in {None, request.model}:
                await gate.wait()

    def release_all(self) -> None:
        """Open all."""
        for gate in list(self._closed):
            gate.release()
