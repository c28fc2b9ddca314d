"""/v1/models and /v1/chat/completions: OpenAI's wire format, streamed and whole."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Iterator
from typing import Any, Protocol

from aiohttp import web

from sandbox.llm.breakpoints import StreamBreakpoints
from sandbox.llm.completions import Completion, complete
from sandbox.llm.faults import ChatFault, Faults
from sandbox.llm.loaded_models import LoadedModels
from sandbox.llm.options import StandInModelOptions
from sandbox.llm.request import BadRequestError, ChatRequest, parse


class ChatBackend(Protocol):
    """What the routes need of the server."""

    options: StandInModelOptions
    faults: Faults
    loaded_models: LoadedModels
    breakpoints: StreamBreakpoints

    def register(self, request: ChatRequest) -> None:
        """Keep a request for tests."""
        ...

    def finish(self, request: ChatRequest, how: str) -> None:
        """Note how it ended."""
        ...

    def next_scripted_answer(self) -> str | None:
        """The next answer that a test prescribed."""
        ...

    def count_repetitions(self, request: ChatRequest) -> int:
        """How often the very same was asked before."""
        ...


class ChatRoutes:
    """Add to an application with `add_to`."""

    def __init__(self, backend: ChatBackend) -> None:
        self._backend = backend

    def add_to(self, app: web.Application) -> None:
        """Register them."""
        app.router.add_get("/v1/models", self.models)
        app.router.add_post("/v1/chat/completions", self.complete)

    async def models(self, _request: web.Request) -> web.Response:
        """What there is."""
        data = [
            {"id": name, "object": "model", "created": 0, "owned_by": "sandbox"}
            for name in self._backend.options.models
        ]
        return web.json_response({"object": "list", "data": data})

    async def complete(self, http: web.Request) -> web.StreamResponse:
        """One answer."""
        backend = self._backend
        try:
            request = parse(await http.json())
        except (BadRequestError, ValueError) as error:
            return _error(400, str(error), "invalid_request_error")
        backend.register(request)
        fault = backend.faults.chat.pop(0) if backend.faults.chat else None
        refusal = self._refusal(request, fault)
        if refusal is not None:
            return refusal
        if fault is ChatFault.DROPPED:
            return _cut_off(http)
        await self._load(request)
        variation = 0 if request.temperature == 0 else backend.count_repetitions(request)
        written = complete(request, variation=variation, fault=fault, scripted=backend.next_scripted_answer())
        try:
            if request.stream:
                return await self._stream(http, request, written, fault)
            return await self._whole(http, request, written, fault)
        except (ConnectionError, asyncio.CancelledError):
            backend.finish(request, "aborted")
            raise

    def _refusal(self, request: ChatRequest, fault: ChatFault | None) -> web.Response | None:
        backend = self._backend
        refusals = {
            ChatFault.ERROR_500: _error(500, "llama runner process has terminated: signal: killed", "api_error"),
            ChatFault.ERROR_503: _error(503, "Loading model", "unavailable_error"),
            ChatFault.OUT_OF_MEMORY: _error(
                500, "model requires more system memory (9.7 GiB) than is available (3.1 GiB)", "api_error"
            ),
            ChatFault.UNAUTHORIZED: _error(401, "Invalid API Key", "authentication_error"),
            ChatFault.NO_JSON: web.Response(text="<html><body>Bad gateway</body></html>", content_type="text/html"),
        }
        if fault is not None and fault in refusals:
            return refusals[fault]
        if request.model not in backend.options.models:
            return _error(404, f'model "{request.model}" not found, try pulling it first', "not_found_error")
        if request.tools and backend.faults.reject_tools:
            return _error(400, f"registry.ollama.ai/library/{request.model} does not support tools", "api_error")
        if request.prompt_tokens > backend.options.context_window:
            extra = {"n_prompt_tokens": request.prompt_tokens, "n_ctx": backend.options.context_window}
            message = "the request exceeds the available context size, try increasing it"
            return _error(400, message, "exceed_context_size_error", extra)
        return None

    async def _load(self, request: ChatRequest) -> None:
        if request.model not in self._backend.loaded_models.names and self._backend.options.load_seconds > 0:
            await asyncio.sleep(self._backend.options.load_seconds)
        self._backend.loaded_models.load(request.model)

    # -- streamed

    async def _stream(
        self, http: web.Request, request: ChatRequest, written: Completion, fault: ChatFault | None
    ) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-cache"})
        await response.prepare(http)
        await asyncio.sleep(self._backend.faults.first_token_seconds)
        head = _head(request)
        await _send(response, _chunk(head, {"role": "assistant", "content": ""}))
        if fault is ChatFault.STALL:
            await _stay_silent(http)
        if written.reasoning:
            await _send(response, _chunk(head, {"reasoning_content": written.reasoning}))
        broken = len(written.pieces) // 2 if fault in _FAULTS_MIDWAY else None
        for index, piece in enumerate(written.pieces):
            if index == broken:
                return await self._break(http, response, fault)
            await self._backend.breakpoints.pause_if_set(request, index)
            await asyncio.sleep(self._backend.options.token_seconds)
            await _send(response, _chunk(head, {"content": piece}))
            request.sent_text += piece
            request.first_token_at = request.first_token_at or time.monotonic()
        await self._backend.breakpoints.pause_if_set(request, len(written.pieces))
        for delta in _tool_deltas(written):
            await _send(response, _chunk(head, delta))
        await _send(response, _chunk(head, {}, written.finish))
        if request.wants_usage:
            await _send(
                response, {**head, "object": "chat.completion.chunk", "choices": [], "usage": _usage(request, written)}
            )
        self._backend.finish(request, written.finish)
        await response.write(b"data: [DONE]\n\n")
        await response.write_eof()
        return response

    async def _break(
        self, http: web.Request, response: web.StreamResponse, fault: ChatFault | None
    ) -> web.StreamResponse:
        if fault is ChatFault.STALL_MIDWAY:
            await _stay_silent(http)
        if fault is ChatFault.ERROR_IN_STREAM:
            await _send(
                response, {"error": {"code": 500, "message": "CUDA error: out of memory", "type": "server_error"}}
            )
            await response.write_eof()
            return response
        await asyncio.sleep(0.02)  # let what was written go out before the connection is cut
        if http.transport is not None:
            http.transport.abort()
        return response

    # -- whole

    async def _whole(
        self, http: web.Request, request: ChatRequest, written: Completion, fault: ChatFault | None
    ) -> web.StreamResponse:
        await asyncio.sleep(self._backend.faults.first_token_seconds)
        if fault in {ChatFault.STALL, ChatFault.STALL_MIDWAY}:
            await _stay_silent(http)
        if fault is ChatFault.BREAK_OFF:
            return _cut_off(http)
        if fault is ChatFault.ERROR_IN_STREAM:
            return _error(500, "CUDA error: out of memory", "server_error")
        for index in range(len(written.pieces) + 1):
            await self._backend.breakpoints.pause_if_set(request, index)
        request.sent_text = "".join(written.pieces)
        self._backend.finish(request, written.finish)
        message: dict[str, Any] = {"role": "assistant", "content": request.sent_text}
        if written.reasoning:
            message["reasoning_content"] = written.reasoning
        if written.tool_name is not None:
            function = {"name": written.tool_name, "arguments": written.arguments}
            message["tool_calls"] = [{"id": written.call_id, "type": "function", "function": function}]
        choice = {"index": 0, "message": message, "finish_reason": written.finish}
        reply = {**_head(request), "object": "chat.completion", "choices": [choice], "usage": _usage(request, written)}
        return web.json_response(reply)


_FAULTS_MIDWAY = {ChatFault.STALL_MIDWAY, ChatFault.BREAK_OFF, ChatFault.ERROR_IN_STREAM}


def _tool_deltas(written: Completion) -> Iterator[dict[str, Any]]:
    """The name first, then the arguments in pieces, as servers send them."""
    if written.tool_name is None:
        return
    function: dict[str, Any] = {"name": written.tool_name, "arguments": ""}
    yield {"tool_calls": [{"index": 0, "id": written.call_id, "type": "function", "function": function}]}
    for start in range(0, len(written.arguments), 12):
        part = {"arguments": written.arguments[start : start + 12]}
        yield {"tool_calls": [{"index": 0, "function": part}]}


def _head(request: ChatRequest) -> dict[str, Any]:
    return {"id": f"chatcmpl-{id(request)}", "created": int(time.time()), "model": request.model}


def _chunk(head: dict[str, Any], delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {**head, "object": "chat.completion.chunk", "choices": [choice]}


def _usage(request: ChatRequest, written: Completion) -> dict[str, int]:
    prompt, completion = request.prompt_tokens, len(written.pieces)
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


async def _send(response: web.StreamResponse, data: dict[str, Any]) -> None:
    await response.write(f"data: {json.dumps(data)}\n\n".encode())


async def _stay_silent(http: web.Request) -> None:
    """Say nothing until the client leaves; the server's `handler_cancellation` ends this."""
    while http.transport is not None and not http.transport.is_closing():  # noqa: ASYNC110 - a transport has no event
        await asyncio.sleep(0.02)
    raise ConnectionResetError


def _cut_off(http: web.Request) -> web.Response:
    with contextlib.suppress(AttributeError):
        if http.transport is not None:
            http.transport.abort()
    return web.Response(status=500)


def _error(status: int, message: str, kind: str, extra: dict[str, Any] | None = None) -> web.Response:
    error = {"code": status, "message": message, "type": kind, "param": None, **(extra or {})}
    return web.json_response({"error": error}, status=status)
