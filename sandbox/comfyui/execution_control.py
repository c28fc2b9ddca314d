"""Waiting in the worker thread: for time to pass, at breakpoints, until an interrupt or the end of the instance."""

from __future__ import annotations

import threading

from sandbox.comfyui.node_breakpoints import NodeBreakpoint
from sandbox.comfyui.node_results import InterruptedProcessingError


class InstanceKilledError(BaseException):
    """Stops the worker thread when the instance is killed.

    It is no `Exception`, so that no handler on the way turns it into an `execution_error`.
    """


class ExecutionControl:
    """Lets the event loop interrupt or kill what the worker thread executes.

    Args:
        breakpoints: The breakpoints that tests have set; the list may change at any time.

    """

    def __init__(self, breakpoints: list[NodeBreakpoint]) -> None:
        self._breakpoints = breakpoints
        self._interrupted = threading.Event()
        self._killed = False

    # -- called on the event loop

    def interrupt(self) -> None:
        """Interrupt the running prompt at its next wait."""
        self._interrupted.set()

    def kill(self) -> None:
        """End the worker thread at its next wait."""
        self._killed = True
        self._interrupted.set()

    # -- called by the worker thread

    def prompt_starts(self) -> None:
        """Forget an interrupt that came while no prompt was running."""
        if not self._killed:
            self._interrupted.clear()

    def wait(self, seconds: float) -> None:
        """Wait for that many seconds.

        Raises:
            InterruptedProcessingError: The prompt was interrupted, before or during the wait.
            InstanceKilledError: The instance was killed.

        """
        if seconds > 0:
            self._interrupted.wait(seconds)
        self._check(interruptible=True)

    def wait_at_breakpoint(self, prompt_id: str, class_type: str, step: float) -> None:
        """Pause at the breakpoints that match a node and its step (0: before the node runs); raises as `wait` does."""
        for breakpoint_ in list(self._breakpoints):
            if breakpoint_.matches(prompt_id, class_type, step):
                interruptible = breakpoint_.interruptible
                breakpoint_.wait(lambda interruptible=interruptible: self._check(interruptible=interruptible))

    def _check(self, *, interruptible: bool) -> None:
        if self._killed:
            raise InstanceKilledError
        if interruptible and self._interrupted.is_set():
            self._interrupted.clear()
            raise InterruptedProcessingError
