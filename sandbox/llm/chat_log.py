"""`ChatLog`: the chat requests of a stand-in, the answers that tests have set for them, and waiting for them."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections import Counter
from collections.abc import Callable

from sandbox.llm.request import ChatRequest


class ChatLog:
    """Every chat request, over all restarts of the server."""

    def __init__(self) -> None:
        self.requests: list[ChatRequest] = []
        """Oldest first."""
        self._scripted: list[str] = []
        self._counts: Counter[str] = Counter()
        self._waiting: set[asyncio.Event] = set()

    def add(self, request: ChatRequest) -> None:
        """Add a request that was received."""
        self.requests.append(request)
        self._notify()

    def finish(self, request: ChatRequest, reason: str) -> None:
        """Set the finish reason of a request: `stop`, `length`, `tool_calls` or `aborted`."""
        request.finish_reason = reason
        self._notify()

    def script(self, *answers: str) -> None:
        """Set the text of the next answers."""
        self._scripted += answers

    def next_scripted_answer(self) -> str | None:
        """The text that a test has set for the next answer, or None. Each text is used once."""
        return self._scripted.pop(0) if self._scripted else None

    def variation(self, request: ChatRequest) -> int:
        """Which of several answers to the same messages to give.

        0 at temperature 0; the request's seed if it has one; else how often these messages came before.
        """
        if request.temperature == 0:
            return 0
        if request.seed is not None:
            return request.seed
        key = hashlib.sha256(json.dumps([request.model, request.messages]).encode()).hexdigest()
        self._counts[key] += 1
        return self._counts[key] - 1

    async def wait_until(self, condition: Callable[[], bool], seconds: float) -> None:
        """Wait until `condition` is true; it is called after every change of the log.

        Raises:
            TimeoutError: It was not true within that many seconds.

        """
        changed = asyncio.Event()
        self._waiting.add(changed)
        try:
            async with asyncio.timeout(seconds):
                while not condition():
                    changed.clear()
                    await changed.wait()
        finally:
            self._waiting.discard(changed)

    def _notify(self) -> None:
        for event in self._waiting:
            event.set()
