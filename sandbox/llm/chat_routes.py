"""GET /v1/models and POST /v1/chat/completions, streamed and whole, with the faults that tests set."""

from __future__ import annotations

import asyncio
import time

from aiohttp import web

from sandbox.llm.breakpoints import StreamBreakpoints
from sandbox.llm.chat_log import ChatLog
from sandbox.llm.chat_wire import (
    chunk,
    completion_head,
    completion_object,
    drop_connection,
    error_response,
    send_event,
    tool_call_deltas,
    usage_chunk,
    wait_until_client_leaves,
)
from sandbox.llm.completions import Completion, complete
from sandbox.llm.faults import ChatFault, Faults
from sandbox.llm.loaded_models import LoadedModels
from sandbox.llm.options import StandInModelOptions
from sandbox.llm.request import BadRequestError, ChatRequest, parse_request

_FAULTS_MIDWAY = {ChatFault.STALL_MIDWAY, ChatFault.BREAK_OFF, ChatFault.ERROR_IN_STREAM}
"""Faults after half of the answer."""


class ChatRoutes:
    """The handlers of OpenAI's endpoints.

    Args:
        options: Models, context window and speed.
        faults: The faults to come.
        loaded_models: Told of the models that are used.
        breakpoints: Where answers pause.
        log: Where requests are kept.

    """

    def __init__(
        self,
        options: StandInModelOptions,
        faults: Faults,
        loaded_models: LoadedModels,
        breakpoints: StreamBreakpoints,
        log: ChatLog,
    ) -> None:
        self._options = options
        self._faults = faults
        self._loaded_models = loaded_models
        self._breakpoints = breakpoints
        self._log = log

    def add_to(self, app: web.Application) -> None:
        """Add the routes to an application."""
        app.router.add_get("/v1/models", self.models)
        app.router.add_post("/v1/chat/completions", self.complete)

    async def models(self, _request: web.Request) -> web.Response:
        """List the models."""
        data = [{"id": name, "object": "model", "created": 0, "owned_by": "sandbox"} for name in self._options.models]
        return web.json_response({"object": "list", "data": data})

    async def complete(self, http: web.Request) -> web.StreamResponse:
        """Answer one chat request."""
        try:
            request = parse_request(await http.json())
        except (BadRequestError, ValueError) as error:
            return error_response(400, str(error), "invalid_request_error")
        self._log.add(request)
        fault = self._faults.chat.pop(0) if self._faults.chat else None
        refusal = self._refusal(request, fault)
        if refusal is not None:
            return refusal
        if fault is ChatFault.DROPPED:
            return drop_connection(http)
        await self._load_model(request.model)
        completion = complete(
            request,
            variation=self._log.variation(request),
            fault=fault,
            scripted=self._log.next_scripted_answer(),
        )
        try:
            if request.stream:
                return await self._stream(http, request, completion, fault)
            return await self._send_whole(http, request, completion, fault)
        except (ConnectionError, asyncio.CancelledError):
            self._log.finish(request, "aborted")
            raise

    def _refusal(self, request: ChatRequest, fault: ChatFault | None) -> web.Response | None:
        """The response of a fault that is an error, or of a request that the server cannot answer."""
        memory = "model requires more system memory (9.7 GiB) than is available (3.1 GiB)"
        refusals = {
            ChatFault.ERROR_500: error_response(
                500, "llama runner process has terminated: signal: killed", "api_error"
            ),
            ChatFault.ERROR_503: error_response(503, "Loading model", "unavailable_error"),
            ChatFault.OUT_OF_MEMORY: error_response(500, memory, "api_error"),
            ChatFault.UNAUTHORIZED: error_response(401, "Invalid API Key", "authentication_error"),
            ChatFault.NO_JSON: web.Response(text="<html><body>Bad gateway</body></html>", content_type="text/html"),
        }
        if fault is not None and fault in refusals:
            return refusals[fault]
        if request.model not in self._options.models:
            message = f'model "{request.model}" not found, try pulling it first'
            return error_response(404, message, "not_found_error")
        if request.tools and self._faults.reject_tools:
            message = f"registry.ollama.ai/library/{request.model} does not support tools"
            return error_response(400, message, "api_error")
        if request.prompt_tokens > self._options.context_window:
            extra = {"n_prompt_tokens": request.prompt_tokens, "n_ctx": self._options.context_window}
            message = "the request exceeds the available context size, try increasing it"
            return error_response(400, message, "exceed_context_size_error", extra)
        return None

    async def _load_model(self, model: str) -> None:
        if model not in self._loaded_models.names and self._options.load_seconds > 0:
            await asyncio.sleep(self._options.load_seconds)
        self._loaded_models.load(model)

    # -- streamed

    async def _stream(
        self, http: web.Request, request: ChatRequest, completion: Completion, fault: ChatFault | None
    ) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-cache"})
        await response.prepare(http)
        await asyncio.sleep(self._faults.first_token_seconds)
        head = completion_head(request)
        await send_event(response, chunk(head, {"role": "assistant", "content": ""}))
        if fault is ChatFault.STALL:
            await wait_until_client_leaves(http)
        if completion.reasoning:
            await send_event(response, chunk(head, {"reasoning_content": completion.reasoning}))
        fault_index = len(completion.pieces) // 2 if fault in _FAULTS_MIDWAY else None
        for index, piece in enumerate(completion.pieces):
            if index == fault_index:
                return await self._fail_midway(http, response, fault)
            await self._breakpoints.pause_if_set(request, index)
            await asyncio.sleep(self._options.token_seconds)
            await send_event(response, chunk(head, {"content": piece}))
            request.sent_text += piece
            request.first_token_at = request.first_token_at or time.monotonic()
        await self._breakpoints.pause_if_set(request, len(completion.pieces))
        for delta in tool_call_deltas(completion):
            await send_event(response, chunk(head, delta))
        await send_event(response, chunk(head, {}, completion.finish_reason))
        if request.wants_usage:
            await send_event(response, usage_chunk(head, request, completion))
        self._log.finish(request, completion.finish_reason)
        await response.write(b"data: [DONE]\n\n")
        await response.write_eof()
        return response

    @staticmethod
    async def _fail_midway(
        http: web.Request, response: web.StreamResponse, fault: ChatFault | None
    ) -> web.StreamResponse:
        if fault is ChatFault.STALL_MIDWAY:
            await wait_until_client_leaves(http)
        if fault is ChatFault.ERROR_IN_STREAM:
            error = {"code": 500, "message": "CUDA error: out of memory", "type": "server_error"}
            await send_event(response, {"error": error})
            await response.write_eof()
            return response
        await asyncio.sleep(0.02)  # what was written must be sent before the connection is broken
        if http.transport is not None:
            http.transport.abort()
        return response

    # -- whole

    async def _send_whole(
        self, http: web.Request, request: ChatRequest, completion: Completion, fault: ChatFault | None
    ) -> web.StreamResponse:
        await asyncio.sleep(self._faults.first_token_seconds)
        if fault in {ChatFault.STALL, ChatFault.STALL_MIDWAY}:
            await wait_until_client_leaves(http)
        if fault is ChatFault.BREAK_OFF:
            return drop_connection(http)
        if fault is ChatFault.ERROR_IN_STREAM:
            return error_response(500, "CUDA error: out of memory", "server_error")
        for index in range(len(completion.pieces) + 1):
            await self._breakpoints.pause_if_set(request, index)
        request.sent_text = "".join(completion.pieces)
        self._log.finish(request, completion.finish_reason)
        return web.json_response(completion_object(request, completion))
