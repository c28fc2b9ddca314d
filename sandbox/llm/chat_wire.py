"""Chat completions in OpenAI's wire format, and ways to break off an answer."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from typing import Any

from aiohttp import web

from sandbox.llm.completions import Completion
from sandbox.llm.request import ChatRequest

ARGUMENT_PIECE = 12
"""Characters of a tool call's arguments per chunk."""


def completion_object(request: ChatRequest, completion: Completion) -> dict[str, Any]:
    """The whole answer, for a request that does not stream."""
    message: dict[str, Any] = {"role": "assistant", "content": "".join(completion.pieces)}
    if completion.reasoning:
        message["reasoning_content"] = completion.reasoning
    if completion.tool_name is not None:
        function = {"name": completion.tool_name, "arguments": completion.arguments}
        message["tool_calls"] = [{"id": completion.call_id, "type": "function", "function": function}]
    choice = {"index": 0, "message": message, "finish_reason": completion.finish_reason}
    return {
        **completion_head(request),
        "object": "chat.completion",
        "choices": [choice],
        "usage": usage(request, completion),
    }


def completion_head(request: ChatRequest) -> dict[str, Any]:
    """The fields that are the same in every chunk of an answer."""
    return {"id": f"chatcmpl-{id(request)}", "created": int(time.time()), "model": request.model}


def chunk(head: dict[str, Any], delta: dict[str, Any], finish_reason: str | None = None) -> dict[str, Any]:
    """A `chat.completion.chunk` with one choice."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    return {**head, "object": "chat.completion.chunk", "choices": [choice]}


def usage_chunk(head: dict[str, Any], request: ChatRequest, completion: Completion) -> dict[str, Any]:
    """The last chunk of a request with `stream_options.include_usage`."""
    return {**head, "object": "chat.completion.chunk", "choices": [], "usage": usage(request, completion)}


def usage(request: ChatRequest, completion: Completion) -> dict[str, int]:
    """The token counts."""
    prompt, answer = request.prompt_tokens, len(completion.pieces)
    return {"prompt_tokens": prompt, "completion_tokens": answer, "total_tokens": prompt + answer}


def tool_call_deltas(completion: Completion) -> Iterator[dict[str, Any]]:
    """The deltas of a tool call: first its name, then its arguments in pieces; none without a tool call."""
    if completion.tool_name is None:
        return
    function: dict[str, Any] = {"name": completion.tool_name, "arguments": ""}
    yield {"tool_calls": [{"index": 0, "id": completion.call_id, "type": "function", "function": function}]}
    for start in range(0, len(completion.arguments), ARGUMENT_PIECE):
        piece = {"arguments": completion.arguments[start : start + ARGUMENT_PIECE]}
        yield {"tool_calls": [{"index": 0, "function": piece}]}


def error_response(status: int, message: str, kind: str, extra: dict[str, Any] | None = None) -> web.Response:
    """An error of the type `kind`."""
    error = {"code": status, "message": message, "type": kind, "param": None, **(extra or {})}
    return web.json_response({"error": error}, status=status)


async def send_event(response: web.StreamResponse, data: dict[str, Any]) -> None:
    """Send a server-sent event."""
    await response.write(f"data: {json.dumps(data)}\n\n".encode())


async def wait_until_client_leaves(http: web.Request) -> None:
    """Send nothing until the client leaves.

    Raises:
        ConnectionResetError: It left. (The server's `handler_cancellation` may cancel the handler before.)

    """
    while http.transport is not None and not http.transport.is_closing():  # noqa: ASYNC110 - a transport has no event
        await asyncio.sleep(0.02)
    raise ConnectionResetError


def drop_connection(http: web.Request) -> web.Response:
    """Break the connection. The returned response is never sent."""
    if http.transport is not None:
        http.transport.abort()
    return web.Response(status=500)
