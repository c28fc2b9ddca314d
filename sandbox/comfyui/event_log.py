"""A log of what happened in the stand-in, for tests and for measuring how long the GPU was idle."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One event.

    Kinds: `request` (method, path, status), `submitted`, `execution_start`, `node` (node, class_type), `step`,
    `execution_success`, `execution_error`, `execution_interrupted`, `ended` (the history has the prompt), `interrupt`,
    `freed`, `upload`, `view`, `socket_open`, `socket_closed`, `started`, `killed`.
    """

    time: float
    """`time.monotonic()`, in seconds."""
    kind: str
    prompt_id: str | None = None
    detail: Mapping[str, Any] = field(default_factory=dict[str, Any])


class EventLog:
    """The newest `limit` entries, over all restarts. Entries may be added by any thread."""

    def __init__(self, limit: int = 200_000) -> None:
        self.entries: deque[LogEntry] = deque(maxlen=limit)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: set[asyncio.Event] = set()

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Set the event loop of the waiters."""
        self._loop = loop

    def add(self, kind: str, prompt_id: str | None = None, **detail: Any) -> None:
        """Add an entry and wake the waiters."""
        self.entries.append(LogEntry(time.monotonic(), kind, prompt_id, detail))
        if self._waiting and self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake)

    def find(self, kind: str, prompt_id: str | None = None) -> list[LogEntry]:
        """The entries of a kind, oldest first; only those of one prompt if `prompt_id` is given."""
        return [each for each in list(self.entries) if each.kind == kind and prompt_id in {None, each.prompt_id}]

    def requests(self, method: str, path: str) -> list[LogEntry]:
        """The HTTP requests to a path, with and without `/api`."""
        wanted = path.removeprefix("/api")
        return [
            each
            for each in self.find("request")
            if each.detail["method"] == method and str(each.detail["path"]).removeprefix("/api") == wanted
        ]

    async def wait_for(
        self,
        kind: str,
        prompt_id: str | None = None,
        *,
        count: int = 1,
        timeout: float = 60.0,  # noqa: ASYNC109
    ) -> LogEntry:
        """Wait for the `count`-th entry of a kind and return it.

        Raises:
            TimeoutError: There is none within `timeout` seconds.

        """
        return await self.wait_until(lambda: self.find(kind, prompt_id)[count - 1 : count], timeout=timeout)

    async def wait_until(
        self,
        found: Callable[[], list[LogEntry]],
        *,
        timeout: float = 60.0,  # noqa: ASYNC109
    ) -> LogEntry:
        """Wait until `found` returns entries, and return the first. It is called after every new entry.

        Raises:
            TimeoutError: It returned none within `timeout` seconds.

        """
        changed = asyncio.Event()
        self._waiting.add(changed)
        try:
            async with asyncio.timeout(timeout):
                while True:
                    changed.clear()
                    entries = found()
                    if entries:
                        return entries[0]
                    await changed.wait()
        finally:
            self._waiting.discard(changed)

    def idle_gaps(self) -> list[float]:
        """Seconds between each prompt's end and the next one's start."""
        gaps: list[float] = []
        ended: float | None = None
        for each in list(self.entries):
            if each.kind == "execution_start":
                if ended is not None:
                    gaps.append(each.time - ended)
                ended = None
            elif each.kind in {"execution_success", "execution_error", "execution_interrupted"}:
                ended = each.time
        return gaps

    def _wake(self) -> None:
        for event in self._waiting:
            event.set()
