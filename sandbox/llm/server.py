"""`StandInLanguageModel`: starts and stops the server, and lets tests control and observe it."""

from __future__ import annotations

from typing import Self

from aiohttp import web

from sandbox.llm.breakpoints import StreamBreakpoint, StreamBreakpoints
from sandbox.llm.chat_log import ChatLog
from sandbox.llm.chat_routes import ChatRoutes
from sandbox.llm.faults import Faults
from sandbox.llm.loaded_models import LoadedModels
from sandbox.llm.model_routes import ModelRoutes
from sandbox.llm.options import StandInModelOptions
from sandbox.llm.request import ChatRequest


class StandInLanguageModel:
    """An OpenAI-compatible server with Ollama's and LM Studio's own endpoints, on 127.0.0.1.

    Args:
        port: The TCP port; 0 takes a free one, which is kept over restarts.
        options: Models, context window and speed.

    """

    def __init__(self, *, port: int = 0, options: StandInModelOptions | None = None) -> None:
        self.options = options or StandInModelOptions()
        self.faults = Faults()
        self.loaded_models = LoadedModels(self.options, self.faults)
        self._breakpoints = StreamBreakpoints()
        self._log = ChatLog()
        self.port = port
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        """The base URL of OpenAI's endpoints: `http://127.0.0.1:PORT/v1`."""
        return f"{self.root_url}/v1"

    @property
    def root_url(self) -> str:
        """The base URL of Ollama's and LM Studio's own endpoints: `http://127.0.0.1:PORT`."""
        return f"http://127.0.0.1:{self.port}"

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._breakpoints.release_all()
        await self.stop()

    async def start(self) -> None:
        """Start serving, on the same port as before; no model is loaded."""
        self.loaded_models.clear()
        app = web.Application(client_max_size=64 * 2**20)
        chat_routes = ChatRoutes(self.options, self.faults, self.loaded_models, self._breakpoints, self._log)
        chat_routes.add_to(app)
        ModelRoutes(self.loaded_models).add_to(app)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.05, handler_cancellation=True)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", self.port, reuse_address=True).start()
        self.port = runner.addresses[0][1]
        self._runner = runner

    async def stop(self) -> None:
        """Break all connections and stop serving until `start`."""
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

    @property
    def requests(self) -> list[ChatRequest]:
        """Every chat request, oldest first, over all restarts."""
        return self._log.requests

    def set_breakpoint(self, after: int = 0, *, model: str | None = None) -> StreamBreakpoint:
        """Pause answers after this many pieces (words) until the breakpoint is released: `async with` or `release`."""
        return self._breakpoints.add(after, model)

    def script(self, *answers: str) -> None:
        """Set the text of the next answers; `stop` and `max_tokens` still apply."""
        self._log.script(*answers)

    async def wait_for_requests(self, count: int, *, timeout: float = 60.0) -> ChatRequest:  # noqa: ASYNC109
        """Wait until there were `count` chat requests, and return the `count`-th.

        Raises:
            TimeoutError: It was not received within `timeout` seconds.

        """
        await self._log.wait_until(lambda: len(self.requests) >= count, timeout)
        return self.requests[count - 1]

    async def wait_for_end(self, request: ChatRequest, *, timeout: float = 60.0) -> str:  # noqa: ASYNC109
        """Wait until a request has ended, and return how: `stop`, `length`, `tool_calls` or `aborted`.

        Raises:
            TimeoutError: It did not end within `timeout` seconds.

        """
        await self._log.wait_until(lambda: request.finish_reason is not None, timeout)
        return str(request.finish_reason)
