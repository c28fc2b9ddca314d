"""A server in ComfyUI's place that lets nobody in: a proxy that wants a login, or one with a certificate of its own."""

from __future__ import annotations

import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

CERTIFICATE = Path(__file__).parent / "self_signed.pem"
LOGIN = aiohttp.encode_basic_auth("ada", "s3cr€t@", "utf-8")
LOGIN_IN_URL = "ada:s3cr%E2%82%ACt%40"


@asynccontextmanager
async def guarded_server(*, status: int = 401, encrypted: bool = False) -> AsyncGenerator[str]:
    """Answer every request without `LOGIN` with that status, and those with it as ComfyUI does; yield the address."""

    async def answer(request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != LOGIN:
            return web.Response(status=status, text="<html>Who are you?</html>", content_type="text/html")
        stats = {"system": {"comfyui_version": "0.33.0"}, "devices": list[Any]()}
        known: dict[str, Any] = {"/system_stats": stats, "/object_info": {}}
        return web.json_response(known.get(request.path, {}), status=200 if request.path in known else 404)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    context = None
    if encrypted:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(CERTIFICATE)
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    try:
        yield f"http{'s' if encrypted else ''}://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
