"""A chat completion server that says what a test tells it to, over a real socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

Answer = Callable[[web.Request, dict[str, Any]], Awaitable[web.StreamResponse]]


def chunk(delta: dict[str, Any]) -> bytes:
    body = {
        "id": "1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "scripted",
        "choices": [{"index": 0, "delta": delta, "finish_reason": None}],
    }
    return f"data: {json.dumps(body)}\n\n".encode()


async def begin(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    return response


def says(*fragments: str, gate: asyncio.Event | None = None, pause: float = 0.0) -> Answer:
    """Streams the fragments with `pause` seconds between them; with `gate`, the last one waits until it is set."""

    async def answer(request: web.Request, _: dict[str, Any]) -> web.StreamResponse:
        response = await begin(request)
        for index, fragment in enumerate(fragments):
            if gate is not None and index == len(fragments) - 1:
                await gate.wait()
            if index:
                await asyncio.sleep(pause)
            await response.write(chunk({"content": fragment}))
        await response.write(b"data: [DONE]\n\n")
        return response

    return answer


def breaks_off(*fragments: str) -> Answer:
    async def answer(request: web.Request, _: dict[str, Any]) -> web.StreamResponse:
        response = await begin(request)
        for fragment in fragments:
            await response.write(chunk({"content": fragment}))
        assert request.transport is not None
        request.transport.abort()
        return response

    return answer


def fails(status: int, message: str) -> Answer:
    async def answer(_request: web.Request, _: dict[str, Any]) -> web.StreamResponse:
        return web.json_response({"error": {"message": message}}, status=status)

    return answer


def calls_draw(*fragments: str, text: str = "") -> Answer:
    """A tool call whose arguments arrive in fragments."""

    async def answer(request: web.Request, _: dict[str, Any]) -> web.StreamResponse:
        response = await begin(request)
        if text:
            await response.write(chunk({"content": text}))
        head = {"index": 0, "id": "call", "type": "function", "function": {"name": "draw", "arguments": ""}}
        await response.write(chunk({"tool_calls": [head]}))
        for fragment in fragments:
            await response.write(chunk({"tool_calls": [{"index": 0, "function": {"arguments": fragment}}]}))
        await response.write(b"data: [DONE]\n\n")
        return response

    return answer


@dataclass
class ScriptedModel:
    """Answers with `script` in order, then with the last of it again."""

    url: str = ""
    script: list[Answer] = field(default_factory=lambda: [says("Hello.")])
    asked: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    models: list[str] = field(default_factory=lambda: ["scripted"])
    away: bool = False
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def wait_asked(self, count: int) -> None:
        async with asyncio.timeout(60), self.changed:
            await self.changed.wait_for(lambda: len(self.asked) >= count)

    async def completions(self, request: web.Request) -> web.StreamResponse:
        body: dict[str, Any] = await request.json()
        async with self.changed:
            self.asked.append(body)
            self.changed.notify_all()
        if self.away:
            return web.json_response({"error": {"message": "down"}}, status=503)
        answer = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        return await answer(request, body)

    async def list_models(self, _: web.Request) -> web.StreamResponse:
        if self.away:
            return web.json_response({"error": {"message": "down"}}, status=503)
        listed = [{"id": name, "object": "model", "created": 1, "owned_by": "me"} for name in self.models]
        return web.json_response({"object": "list", "data": listed})


@asynccontextmanager
async def serving(app: web.Application) -> AsyncGenerator[str]:
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def scripted_model() -> AsyncGenerator[ScriptedModel]:
    model = ScriptedModel()
    app = web.Application()
    app.router.add_post("/v1/chat/completions", model.completions)
    app.router.add_get("/v1/models", model.list_models)
    async with serving(app) as url:
        model.url = f"{url}/v1"
        yield model
