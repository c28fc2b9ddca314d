"""The HTTP application of one server instance: all routes, the request log, faults and error responses."""

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
    """The application of a server instance. Every route is served as `/x` and `/api/x`, as in ComfyUI."""
    app = web.Application(client_max_size=instance.options.max_upload_bytes, middlewares=[_middleware(instance)])
    routes = [
        *routes_prompts.routes(instance),
        *routes_view.routes(instance),
        *routes_uploads.routes(instance),
        *routes_server.routes(instance),
    ]
    for method, path, handler in routes:
        app.router.add_route(method, path, handler)
        app.router.add_route(method, f"/api{path}", handler)
    for method, path, handler in routes_jobs.routes(instance):
        app.router.add_route(method, path, handler)
    for method, path, handler in routes_server.sandbox_routes(instance):
        app.router.add_route(method, path, handler)
    return app


def _middleware(instance: ServerInstance) -> Any:
    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        path = request.path.removeprefix("/api") or "/"
        status = 0
        try:
            response = await _handle(instance, path, request, handler)
            status = response.status
        finally:
            instance.log.add("request", None, method=request.method, path=request.path, status=status)
        return response

    return middleware


async def _handle(instance: ServerInstance, path: str, request: web.Request, handler: Handler) -> web.StreamResponse:
    delay = instance.faults.latency.get(path, instance.faults.latency.get("*", 0.0))
    if delay > 0:
        await asyncio.sleep(delay)
    if instance.faults.take_server_error(path):
        return reply_500()
    if _is_cross_site(request):
        return web.Response(status=403)
    try:
        return await handler(request)
    except web.HTTPNotFound:
        return web.Response(status=404)
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, json.JSONDecodeError):
        _log.info("%s %s: 500", request.method, request.path, exc_info=True)
        return reply_500()


def _is_cross_site(request: web.Request) -> bool:
    """Whether the request comes from a page of another site, by the headers that browsers send."""
    if request.headers.get("Sec-Fetch-Site") == "cross-site":
        return True
    origin = request.headers.get("Origin")
    return origin is not None and urlsplit(origin).netloc.lower() != request.headers.get("Host", "").lower()
