"""One life of the server process: its queue, its sockets, its cache, and the one worker that is its GPU.

A restart ends a life and begins another; nothing but files, log and weather goes from one to the next.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

from sandbox.comfyui.event_log import EventLog
from sandbox.comfyui.execution import Execution, ExecutionServices
from sandbox.comfyui.faults import Faults
from sandbox.comfyui.node_types import Installation, InterruptedProcessingError
from sandbox.comfyui.options import StandInOptions
from sandbox.comfyui.prompt_queue import PromptQueue
from sandbox.comfyui.sockets import ClientSockets


class InstanceKilledError(BaseException):
    """The process "died" under a node. No `Exception`: nothing on the way may make an `execution_error` of it."""


@dataclass(eq=False)
class NodeBreakpoint:
    """A node that hangs until released.

    `async with server.hold("KSampler") as hold: await hold.reached.wait()`.
    """

    class_type: str | None
    """None: any node."""
    prompt_id: str | None
    after_step: int
    """0: before the node does anything; n: when it has reported its n-th step."""
    interruptible: bool
    """False: a node that never looks whether it is interrupted, as many TTS nodes."""
    times: int
    """So many arrivals are held; later ones pass."""
    remove: Callable[[NodeBreakpoint], None]
    loop: asyncio.AbstractEventLoop
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    """A node hangs here now, or did."""
    _released: threading.Event = field(default_factory=threading.Event)

    def release(self) -> None:
        """Let it go on, and hold nothing more."""
        self.remove(self)
        self._released.set()

    def matches(self, prompt_id: str, class_type: str, step: float) -> bool:
        """Whether this node is to hang now."""
        return (
            self.times > 0
            and step == self.after_step
            and self.class_type in {None, class_type}
            and self.prompt_id in {None, prompt_id}
        )

    def wait(self, check: Callable[[], None]) -> None:
        """Hang, in the worker's thread. `check` raises when the wait must end."""
        self.times -= 1
        self.loop.call_soon_threadsafe(self.reached.set)
        while not self._released.wait(0.02):
            check()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        self.release()


class ServerInstance:
    """Made and ended on the event loop; works in its own thread."""

    def __init__(
        self,
        installed: Installation,
        options: StandInOptions,
        faults: Faults,
        log: EventLog,
        breakpoints: list[NodeBreakpoint],
    ) -> None:
        self.next_number = 0
        """The server's counter of prompts."""
        self.log = log
        self.faults = faults
        self.options = options
        self.installed = installed
        self.queue = PromptQueue(self._queue_changed)
        self.sockets = ClientSockets(faults, log, lambda: self.queue.remaining)
        self._services = ExecutionServices(installed, options, faults, self.sockets, log, self)
        self._breakpoints = breakpoints
        self._interrupted = threading.Event()
        self._dead = False
        self._worker = threading.Thread(target=self._work, name="stand-in GPU", daemon=True)
        self._publisher: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start the worker and the publisher."""
        self._publisher = asyncio.create_task(self.sockets.publish(), name="stand-in ComfyUI frames")
        self._worker.start()

    async def stop(self) -> None:
        """Die: nothing more is sent or run. Returns when the worker's thread is gone."""
        self._dead = True
        self.sockets.close()
        self.queue.close()
        self._interrupted.set()
        if self._publisher is not None:
            self._publisher.cancel()
            await asyncio.gather(self._publisher, return_exceptions=True)
        await asyncio.to_thread(self._worker.join, 30.0)

    def interrupt(self) -> None:
        """Stop whatever runs; without effect when nothing does."""
        self.log.add("interrupt", self.queue.running.prompt_id if self.queue.running is not None else None)
        self._interrupted.set()

    def interrupt_if_running(self, prompt_id: str) -> bool:
        """Stop that prompt if it is the one that runs."""
        if not self.queue.is_running(prompt_id):
            return False
        self.interrupt()
        return True

    def cancel(self, prompt_id: str) -> bool:
        """Take it out of the queue, or stop it."""
        return self.queue.delete(prompt_id) or self.interrupt_if_running(prompt_id)

    @property
    def cached_results(self) -> int:
        """How many nodes' results are kept."""
        return len(self._services.cache)

    # -- the worker's side

    def wait(self, seconds: float) -> None:
        """Wait (`execution.Brake`)."""
        if seconds > 0:
            self._interrupted.wait(seconds)
        self._check(interruptible=True)

    def wait_at_breakpoint(self, prompt_id: str, class_type: str, step: float) -> None:
        """Hang where a test wants it (`execution.Brake`)."""
        for hold in list(self._breakpoints):
            if hold.matches(prompt_id, class_type, step):
                interruptible = hold.interruptible
                hold.wait(lambda interruptible=interruptible: self._check(interruptible=interruptible))

    def _check(self, *, interruptible: bool) -> None:
        if self._dead:
            raise InstanceKilledError
        if interruptible and self._interrupted.is_set():
            self._interrupted.clear()
            raise InterruptedProcessingError

    def _work(self) -> None:
        try:
            while not self.queue.closed:
                self._run_next()
        except InstanceKilledError:
            return

    def _run_next(self) -> None:
        item = self.queue.take()
        if item is not None:
            if not self._dead:
                self._interrupted.clear()
            execution = Execution(self._services, item)
            entry = execution.run()
            self.queue.done(None if self.faults.forget_history else entry)
            execution.events.executing_nothing()
            self.log.add("ended", item.prompt_id)
        flags = self.queue.take_flags()
        if flags:
            self.log.add("freed", None, flags=sorted(flags))
        if flags.get("free_memory"):
            self._services.cache.clear()

    def _queue_changed(self, remaining: int) -> None:
        self.sockets.status(remaining)
