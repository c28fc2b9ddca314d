"""One run of the ComfyUI server process: its queue, WebSockets, cache, and the worker thread that runs prompts.

A restart stops one instance and starts another. Files, event log and faults are kept over restarts; queue, history and
cache are not.
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
    """Stops the worker thread when the instance is killed.

    It is no `Exception`, so that no handler on the way turns it into an `execution_error`.
    """


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


class ServerInstance:
    """Created, started and stopped on the event loop; runs prompts in a thread of its own."""

    def __init__(
        self,
        installed: Installation,
        options: StandInOptions,
        faults: Faults,
        log: EventLog,
        breakpoints: list[NodeBreakpoint],
    ) -> None:
        self.next_number = 0
        """The number of the next prompt."""
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
        """Start the worker thread and the task that sends WebSocket messages."""
        self._publisher = asyncio.create_task(self.sockets.publish(), name="stand-in ComfyUI frames")
        self._worker.start()

    async def stop(self) -> None:
        """Send and run nothing more, as a killed process. Returns when the worker thread has ended."""
        self._dead = True
        self.sockets.close()
        self.queue.close()
        self._interrupted.set()
        if self._publisher is not None:
            self._publisher.cancel()
            await asyncio.gather(self._publisher, return_exceptions=True)
        await asyncio.to_thread(self._worker.join, 30.0)

    def interrupt(self) -> None:
        """Interrupt the running prompt, if any."""
        self.log.add("interrupt", self.queue.running.prompt_id if self.queue.running is not None else None)
        self._interrupted.set()

    def interrupt_if_running(self, prompt_id: str) -> bool:
        """Interrupt the prompt if it is the one that runs; whether it was."""
        if not self.queue.is_running(prompt_id):
            return False
        self.interrupt()
        return True

    def cancel(self, prompt_id: str) -> bool:
        """Delete a pending prompt or interrupt a running one; whether there was one."""
        return self.queue.delete(prompt_id) or self.interrupt_if_running(prompt_id)

    @property
    def cached_results(self) -> int:
        """How many node results the cache holds."""
        return len(self._services.cache)

    # -- called by the worker thread (execution.ExecutionControl)

    def wait(self, seconds: float) -> None:
        """Wait; raises `InterruptedProcessingError` on an interrupt."""
        if seconds > 0:
            self._interrupted.wait(seconds)
        self._check(interruptible=True)

    def wait_at_breakpoint(self, prompt_id: str, class_type: str, step: float) -> None:
        """Pause at the breakpoints that match a node and its step."""
        for breakpoint_ in list(self._breakpoints):
            if breakpoint_.matches(prompt_id, class_type, step):
                interruptible = breakpoint_.interruptible
                breakpoint_.wait(lambda interruptible=interruptible: self._check(interruptible=interruptible))

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
