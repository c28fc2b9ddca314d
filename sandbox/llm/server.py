"""`StandInLanguageModel`: the server, its log of requests, and what tests control."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections import Counter
from collections.abc import Callable
from typing import Self

from aiohttp import web

from sandbox.llm.breakpoints import StreamBreakpoint, StreamBreakpoints
from sandbox.llm.chat_routes import ChatRoutes
from sandbox.llm.faults import Faults
from sandbox.llm.loaded_models import LoadedModels, ModelRoutes
from sandbox.llm.options import StandInModelOptions
from sandbox.llm.request import ChatRequest


class StandInLanguageModel:
    """An OpenAI-compatible server with Ollama's and LM Studio's own endpoints, on 127.0.0.1.

    Args:
        port: 0 takes a free one, kept over restarts.
        options: Models, window, speed.

    """

    def __init__(self, *, port: int = 0, options: StandInModelOptions | None = None) -> None:
        self.options = options or StandInModelOptions()
        self.faults = Faults()
        self.loaded_models = LoadedModels(self.options, self.faults)
        self.breakpoints = StreamBreakpoints()
        self.requests: list[ChatRequest] = []
        """Every chat request, oldest first, over all restarts."""
        self.port = port
        self._scripts: list[str] = []
        self._repetitions: Counter[str] = Counter()
        self._waiting: set[asyncio.Event] = set()
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        """`http://127.0.0.1:<port>/v1`: what goes into `llm.base_url`."""
        return f"{self.root_url}/v1"

    @property
    def root_url(self) -> str:
        """Without `/v1`."""
        return f"http://127.0.0.1:{self.port}"

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        self.breakpoints.release_all()
        await self.stop()

    async def start(self) -> None:
        """Serve, on the same port as before; no model is in memory."""
        self.loaded_models.clear()
        app = web.Application(client_max_size=64 * 2**20)
        ChatRoutes(self).add_to(app)
        ModelRoutes(self.loaded_models).add_to(app)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.05, handler_cancellation=True)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", self.port, reuse_address=True).start()
        self.port = runner.addresses[0][1]
        self._runner = runner

    async def stop(self) -> None:
        """Break all connections and serve nothing until `start`."""
        runner, self._runner = self._runner, None
        if runner is None:
            return
        for site in list(runner.sites):
            await site.stop()
        for handler in list(runner.server.connections) if runner.server is not None else []:
            if handler.transport is not None:
                handler.transport.abort()
        await runner.cleanup()

    # -- for tests

    def set_breakpoint(self, after: int = 0, *, model: str | None = None) -> StreamBreakpoint:
        """Pause answers after this many pieces (words) until the breakpoint is released: `async with` or `release`."""
        return self.breakpoints.add(after, model)

    def script(self, *answers: str) -> None:
        """Set the text of the next answers; `stop` and `max_tokens` still apply."""
        self._scripts += answers

    async def wait_for_requests(self, count: int, *, timeout: float = 60.0) -> ChatRequest:  # noqa: ASYNC109
        """The `count`-th chat request, as soon as it is there.

        Raises:
            TimeoutError: It did not come in time.

        """
        await self._wait_until(lambda: len(self.requests) >= count, timeout)
        return self.requests[count - 1]

    async def wait_for_end(self, request: ChatRequest, *, timeout: float = 60.0) -> str:  # noqa: ASYNC109
        """How a request ended: `stop`, `length`, `tool_calls`, `aborted`.

        Raises:
            TimeoutError: It goes on.

        """
        await self._wait_until(lambda: request.finish_reason is not None, timeout)
        return str(request.finish_reason)

    async def _wait_until(self, reached: Callable[[], bool], seconds: float) -> None:
        changed = asyncio.Event()
        self._waiting.add(changed)
        try:
            async with asyncio.timeout(seconds):
                while not reached():
                    changed.clear()
                    await changed.wait()
        finally:
            self._waiting.discard(changed)

    # -- for the routes (chat_routes.ChatBackend)

    def register(self, request: ChatRequest) -> None:
        """Keep a request."""
        self.requests.append(request)
        self._wake_waiters()

    def finish(self, request: ChatRequest, how: str) -> None:
        """Note how a request ended."""
        request.finish_reason = how
        self._wake_waiters()

    def _wake_waiters(self) -> None:
        for each in self._waiting:
            each.set()

    def next_scripted_answer(self) -> str | None:
        """The next prescribed answer."""
        return self._scripts.pop(0) if self._scripts else None

    def count_repetitions(self, request: ChatRequest) -> int:
        """How often these messages came before; with a `seed`, the seed."""
        if request.seed is not None:
            return request.seed
        key = hashlib.sha256(json.dumps([request.model, request.messages]).encode()).hexdigest()
        self._repetitions[key] += 1
        return self._repetitions[key] - 1
