"""The HTTP side of one server instance: every route under `/x` and `/api/x`, request log, faults, error replies."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from sandbox.comfyui import routes_jobs, routes_prompts, routes_server, routes_uploads, routes_view
from sandbox.comfyui.instance import ServerInstance
from sandbox.comfyui.replies import reply_500

_log = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def build_app(instance: ServerInstance) -> web.Application:
    """All routes of one instance."""
    app = web.Application(client_max_size=instance.options.max_upload_bytes, middlewares=[_around(instance)])
    both = [
        *routes_prompts.routes(instance),
        *routes_view.routes(instance),
        *routes_uploads.routes(instance),
        *routes_server.routes(instance),
    ]
    for method, path, handler in both:
        app.router.add_route(method, path, handler)
        app.router.add_route(method, f"/api{path}", handler)
    for method, path, handler in routes_jobs.routes(instance):
        app.router.add_route(method, path, handler)
    for method, path, handler in routes_server.sandbox_routes(instance):
        app.router.add_route(method, path, handler)
    return app


def _around(instance: ServerInstance) -> Any:
    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        path = request.path.removeprefix("/api") or "/"
        status = 0
        try:
            response = await _answer(instance, path, request, handler)
            status = response.status
        finally:
            instance.log.add("request", None, method=request.method, path=request.path, status=status)
        return response

    return middleware


async def _answer(instance: ServerInstance, path: str, request: web.Request, handler: Handler) -> web.StreamResponse:
    delay = instance.faults.latency.get(path, instance.faults.latency.get("*", 0.0))
    if delay > 0:
        await asyncio.sleep(delay)
    if instance.faults.take_server_error(path):
        return reply_500()
    if _is_foreign(request):
        return web.Response(status=403)
    try:
        return await handler(request)
    except web.HTTPNotFound:
        return web.Response(status=404)
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, json.JSONDecodeError):
        _log.info("%s %s: 500", request.method, request.path, exc_info=True)
        return reply_500()


def _is_foreign(request: web.Request) -> bool:
    """A page of another site posts here: the browser says so."""
    if request.headers.get("Sec-Fetch-Site") == "cross-site":
        return True
    origin = request.headers.get("Origin")
    return origin is not None and urlsplit(origin).netloc.lower() != request.headers.get("Host", "").lower()
