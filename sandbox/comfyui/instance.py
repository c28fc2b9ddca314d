"""One run of the ComfyUI server process: its queue, WebSockets, cache, and the worker thread that runs prompts.

A restart stops one instance and starts another. Files, event log and faults are kept over restarts; queue, history and
cache are not.
"""

from __future__ import annotations

import asyncio
import threading

from sandbox.comfyui.event_log import EventLog
from sandbox.comfyui.execution import Execution, ExecutionServices
from sandbox.comfyui.execution_control import ExecutionControl, InstanceKilledError
from sandbox.comfyui.faults import Faults
from sandbox.comfyui.node_breakpoints import NodeBreakpoint
from sandbox.comfyui.node_types import Installation
from sandbox.comfyui.options import StandInOptions
from sandbox.comfyui.prompt_queue import PromptQueue
from sandbox.comfyui.sockets import ClientSockets


class ServerInstance:
    """Created, started and stopped on the event loop; runs prompts in a worker thread."""

    def __init__(
        self,
        installed: Installation,
        options: StandInOptions,
        faults: Faults,
        log: EventLog,
        breakpoints: list[NodeBreakpoint],
    ) -> None:
        self.next_number = 0
        """The number that the next prompt gets in the queue."""
        self.log = log
        self.faults = faults
        self.options = options
        self.installed = installed
        self.queue = PromptQueue(self._queue_changed)
        self.sockets = ClientSockets(faults, log, lambda: self.queue.remaining)
        self._control = ExecutionControl(breakpoints)
        self._services = ExecutionServices(installed, options, faults, self.sockets, log, self._control)
        self._worker = threading.Thread(target=self._work, name="stand-in GPU", daemon=True)
        self._sender: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start the worker thread and the task that sends WebSocket messages."""
        self._sender = asyncio.create_task(self.sockets.send_queued(), name="stand-in ComfyUI frames")
        self._worker.start()

    async def stop(self) -> None:
        """Send and run nothing more, as a killed process. Returns when the worker thread has ended."""
        self.sockets.close()
        self.queue.close()
        self._control.kill()
        if self._sender is not None:
            self._sender.cancel()
            await asyncio.gather(self._sender, return_exceptions=True)
        await asyncio.to_thread(self._worker.join, 30.0)

    def interrupt(self) -> None:
        """Interrupt the running prompt, if any."""
        self.log.add("interrupt", self.queue.running.prompt_id if self.queue.running is not None else None)
        self._control.interrupt()

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

    # -- the worker thread

    def _work(self) -> None:
        try:
            while not self.queue.closed:
                self._run_next()
        except InstanceKilledError:
            return

    def _run_next(self) -> None:
        item = self.queue.take()
        if item is not None:
            self._control.prompt_starts()
            execution = Execution(self._services, item)
            entry = execution.run()
            self.queue.done(None if self.faults.forget_history else entry)
            execution.events.executing_ended()
            self.log.add("ended", item.prompt_id)
        flags = self.queue.take_flags()
        if flags:
            self.log.add("freed", None, flags=sorted(flags))
        if flags.get("free_memory"):
            self._services.cache.clear()

    def _queue_changed(self, remaining: int) -> None:
        self.sockets.status(remaining)
