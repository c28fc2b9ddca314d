"""What happened in the stand-in and when, for tests and for measuring how long the GPU was idle."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One thing that happened.

    Kinds: `request` (method, path, status), `submitted`, `execution_start`, `node` (node, class_type), `step`,
    `execution_success`, `execution_error`,
    `execution_interrupted`, `ended` (the history has it), `interrupt`, `freed`, `upload`, `view`,
    `socket_open`, `socket_closed`, `started`, `killed`.
    """

    time: float
    """`time.monotonic()`, in seconds."""
    kind: str
    prompt_id: str | None = None
    detail: Mapping[str, Any] = field(default_factory=dict[str, Any])


class EventLog:
    """The newest `limit` entries, over every restart. Entries may be added from any thread."""

    def __init__(self, limit: int = 200_000) -> None:
        self.entries: deque[LogEntry] = deque(maxlen=limit)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: set[asyncio.Event] = set()

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Wake waiters on this loop."""
        self._loop = loop

    def add(self, kind: str, prompt_id: str | None = None, **detail: Any) -> None:
        """Write an entry and wake whoever waits for one."""
        self.entries.append(LogEntry(time.monotonic(), kind, prompt_id, detail))
        if self._waiting and self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake)

    def find(self, kind: str, prompt_id: str | None = None) -> list[LogEntry]:
        """Entries of a kind, oldest first, of one prompt where one is named."""
        return [each for each in list(self.entries) if each.kind == kind and prompt_id in {None, each.prompt_id}]

    def requests(self, method: str, path: str) -> list[LogEntry]:
        """HTTP requests to a path, whether it was asked with or without `/api`."""
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
        """The `count`-th entry of a kind, as soon as it is there.

        Raises:
            TimeoutError: It did not come within `timeout` seconds.

        """
        return await self.wait_until(lambda: self.find(kind, prompt_id)[count - 1 : count], timeout=timeout)

    async def wait_until(
        self,
        found: Callable[[], list[LogEntry]],
        *,
        timeout: float = 60.0,  # noqa: ASYNC109
    ) -> LogEntry:
        """The first entry that `found` names, asked again at each new entry."""
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
        """Seconds from each prompt's end to the next one's start: the time in which the GPU did nothing."""
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
