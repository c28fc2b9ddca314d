"""The REST API: every request is recorded, given its fault, rate-limited and authorized before its handler is called.

Every response has rate-limit headers. A JSON body has exactly the content type `application/json`, without a charset,
because discord.py compares the whole header.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
from dataclasses import dataclass

from aiohttp import web

from sandbox.discord.context import ApiRequest, ApiResponse, RecordedRequest, Route, ServerContext, Violation
from sandbox.discord.errors import ApiError, unauthorized
from sandbox.discord.faults import (
    AppliedThenDropped,
    AppliedThenStatus,
    Dropped,
    ErrorStatus,
    Fault,
    LateResponse,
    RateLimited,
    Rejected,
    RequestBreakpoint,
    SlowUpload,
)
from sandbox.discord.json_values import Json
from sandbox.discord.rate_limits import RateLimits
from sandbox.discord.request_bodies import drop_connection, read_body

PREFIX = "/api/v10"
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _CompiledRoute:
    route: Route
    pattern: re.Pattern[str]


def _compile_route(route: Route) -> _CompiledRoute:
    """A template such as `/channels/{channel_id}/messages` as a regular expression."""
    pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", route.template)
    return _CompiledRoute(route, re.compile(pattern))


class Api:
    """Serves REST requests: records them, applies faults and rate limits, and calls the route's handler.

    Args:
        context: The local Discord.
        routes: The routes of the `rest_*` modules.
        rate_limits: The rate limits to apply.

    """

    def __init__(self, context: ServerContext, routes: list[Route], rate_limits: RateLimits) -> None:
        self._context = context
        self._routes = [_compile_route(route) for route in routes]
        self._rate_limits = rate_limits

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Answer one request, with the fault that a test has set for it, if any."""
        path = request.rel_url.raw_path.removeprefix(PREFIX)
        received = RecordedRequest(
            request.method, path, dict(request.query), dict(request.headers), received_at=self._context.clock.now()
        )
        fault = self._context.faults.take(request.method, path)
        received.fault = type(fault).__name__ if fault else ""
        if isinstance(fault, SlowUpload):
            await asyncio.sleep(fault.seconds)
        if not await self._read(request, received):
            return drop_connection(request, reset=False)
        self._context.requests.append(received)
        self._context.changes.notify()
        try:
            return await self._respond_with_fault(request, received, fault)
        finally:
            received.finished = True
            self._context.changes.notify()

    async def _read(self, request: web.Request, received: RecordedRequest) -> bool:
        """Read the body; False if the client went away before it was complete."""
        try:
            received.body, received.parts = await read_body(request)
        except (ConnectionError, web.RequestPayloadError):
            return False
        except ValueError:
            received.body = None
        return True

    async def _respond_with_fault(
        self, request: web.Request, received: RecordedRequest, fault: Fault | None
    ) -> web.StreamResponse:
        unapplied = self._fault_instead_of_handling(request, received, fault)
        if unapplied is not None:
            return unapplied
        if isinstance(fault, RequestBreakpoint) and not fault.applied and not await fault.pause():
            return drop_connection(request, reset=False)
        wait = self._rate_limits.hit(received.method, received.path)
        if wait:
            return self._rate_limited(received, RateLimited(wait))
        response = await self._handle_or_refuse(received)
        match fault:
            case AppliedThenDropped(reset=reset):
                received.response = response.body
                return drop_connection(request, reset=reset)
            case AppliedThenStatus(status=status):
                response = ApiResponse({"message": f"{status}: applied all the same", "code": 0}, status)
            case LateResponse(seconds=seconds):
                await asyncio.sleep(seconds)
            case RequestBreakpoint(applied=True):
                if not await fault.pause():
                    return drop_connection(request, reset=False)
            case _:
                pass
        return self._http_response(received, response)

    def _fault_instead_of_handling(
        self, request: web.Request, received: RecordedRequest, fault: Fault | None
    ) -> web.Response | None:
        match fault:
            case Dropped(reset=reset):
                return drop_connection(request, reset=reset)
            case ErrorStatus(status=status):
                response = ApiResponse({"message": f"{status}: on request", "code": 0}, status)
                return self._http_response(received, response)
            case Rejected(status=status, code=code, message=message):
                return self._http_response(received, ApiResponse({"message": message, "code": code}, status))
            case RateLimited():
                return self._rate_limited(received, fault)
            case _:
                return None

    async def _handle_or_refuse(self, received: RecordedRequest) -> ApiResponse:
        try:
            return await self._handle(received)
        except ApiError as refusal:
            return self._refuse(received, refusal)
        except (TypeError, KeyError, ValueError, AttributeError) as error:
            # A body of a shape that no rule checks for. Discord answers 50035, and tests must see the violation.
            log.warning("%s %s has an unreadable body", received.method, received.path, exc_info=True)
            return self._refuse(received, ApiError(400, 50035, f"Invalid Form Body: {error!r}", violation=True))

    async def _handle(self, received: RecordedRequest) -> ApiResponse:
        for compiled in self._routes:
            found = compiled.pattern.fullmatch(received.path)
            if found is None or compiled.route.method != received.method:
                continue
            authorized = received.headers.get("Authorization") == f"Bot {self._context.token}"
            if not authorized and (not compiled.route.public or "Authorization" in received.headers):
                raise unauthorized()
            if received.body is None and received.headers.get("Content-Type", "").startswith("application/json"):
                raise ApiError(400, 50109, "The request body contains invalid JSON.", violation=True)
            items = received.body if isinstance(received.body, list) else []
            request = ApiRequest(found.groupdict(), received.query, received.json, items, received.parts, authorized)
            return await compiled.route.handler(self._context, request)
        raise ApiError(404, 0, "404: Not Found", violation=True)

    def _refuse(self, received: RecordedRequest, refusal: ApiError) -> ApiResponse:
        if refusal.violation:
            violation = Violation(received.method, received.path, refusal.code, refusal.message, refusal.errors)
            self._context.violations.append(violation)
        return ApiResponse(refusal.body(), refusal.status)

    def _http_response(self, received: RecordedRequest, response: ApiResponse) -> web.Response:
        received.status, received.response = response.status, response.body
        headers = self._rate_limits.headers(received.method, received.path)
        if response.body is None:
            return web.Response(status=response.status, headers=headers)
        headers["Content-Type"] = "application/json"
        return web.Response(status=response.status, headers=headers, body=json.dumps(response.body).encode())

    def _rate_limited(self, received: RecordedRequest, limit: RateLimited) -> web.Response:
        body: Json = {
            "message": "You are being rate limited.",
            "retry_after": limit.retry_after,
            "global": limit.is_global,
        }
        response = self._http_response(received, ApiResponse(body, 429))
        response.headers["Retry-After"] = f"{limit.retry_after:g}"
        if limit.via:
            response.headers["Via"] = "1.1 google"
        if limit.is_global:
            response.headers["X-RateLimit-Global"] = "true"
        return response
