"""Breakpoints at nodes of a running prompt."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self


@dataclass(eq=False)
class NodeBreakpoint:
    """Pauses nodes until `release`, or until the end of `async with`."""

    class_type: str | None
    """The class_type of the nodes to pause; None: any."""
    prompt_id: str | None
    """The prompt whose nodes are paused; None: any."""
    after_step: int
    """0 pauses a node before it runs, n after it has reported its n-th step."""
    interruptible: bool
    """False: the paused node ignores interrupts, as many TTS nodes do."""
    times: int
    """How many more nodes are paused; later ones run on."""
    remove: Callable[[NodeBreakpoint], None]
    loop: asyncio.AbstractEventLoop
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once a node has been paused here."""
    _released: threading.Event = field(default_factory=threading.Event)

    def release(self) -> None:
        """Let the paused node continue, and pause no more nodes."""
        self.remove(self)
        self._released.set()

    def matches(self, prompt_id: str, class_type: str, step: float) -> bool:
        """Whether a node at this step (0: at its start) is to be paused."""
        return (
            self.times > 0
            and step == self.after_step
            and self.class_type in {None, class_type}
            and self.prompt_id in {None, prompt_id}
        )

    def wait(self, check: Callable[[], None]) -> None:
        """Pause the worker's thread. `check` is called often and raises when the pause must end."""
        self.times -= 1
        self.loop.call_soon_threadsafe(self.reached.set)
        while not self._released.wait(0.02):
            check()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        self.release()
