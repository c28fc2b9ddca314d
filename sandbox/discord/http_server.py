"""The HTTP server of the local Discord: REST API, gateway, CDN and, where asked for, the control API on one port."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime

from aiohttp import web

from sandbox.discord import (
    rest_channels,
    rest_commands,
    rest_guilds,
    rest_interactions,
    rest_messages,
    rest_reactions,
    rest_users,
    rest_webhook_messages,
    rest_webhooks,
)
from sandbox.discord.api import PREFIX, Api
from sandbox.discord.cdn import Cdn
from sandbox.discord.context import ServerContext
from sandbox.discord.control import Control
from sandbox.discord.rate_limits import RateLimits

_REST_MODULES = (
    rest_messages,
    rest_reactions,
    rest_channels,
    rest_guilds,
    rest_users,
    rest_webhooks,
    rest_webhook_messages,
    rest_interactions,
    rest_commands,
)


class HttpServer:
    """Serves one local Discord on 127.0.0.1.

    Args:
        context: The local Discord.
        rate_limits: The rate limits of its REST API.
        control: Whether to serve the control API below `/control`.

    """

    def __init__(self, context: ServerContext, rate_limits: RateLimits, *, control: bool) -> None:
        self._context = context
        self._rate_limits = rate_limits
        self._control = control
        self._runner: web.AppRunner | None = None

    async def start(self, port: int) -> int:
        """Start listening and return the port; 0 takes a free one."""
        context = self._context
        routes = [route for module in _REST_MODULES for route in module.ROUTES]
        app = web.Application(client_max_size=context.limits.request_limit)
        app.add_routes(Cdn(context).routes())
        app.add_routes(Control(context).routes() if self._control else [])
        app.router.add_get("/gateway", context.gateway.serve)
        app.router.add_get("/gateway/", context.gateway.serve)
        app.router.add_route("*", PREFIX + "/{tail:.*}", Api(context, routes, self._rate_limits).serve)
        app.on_response_prepare.append(self._date)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", port).start()
        return int(self._runner.addresses[0][1])

    async def _date(self, _request: web.Request, response: web.StreamResponse) -> None:
        """Date the answer by the local Discord's clock."""
        response.headers["Date"] = format_datetime(datetime.fromtimestamp(self._context.clock.now(), UTC), usegmt=True)

    async def stop(self) -> None:
        """Close all connections and stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()
