"""The REST API: every request passes the log, faults, rate limits and authorization before its handler.

Every answer carries rate-limit headers, and its body is of exactly the type `application/json` (discord.py compares).
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import socket as sockets
import struct
from dataclasses import dataclass
from typing import Any

from aiohttp import BodyPartReader, web

from sandbox.discord.context import ApiRequest, ApiResponse, FilePart, RecordedRequest, Route, ServerContext, Violation
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
from sandbox.discord.rate_limits import RateLimits
from sandbox.discord.state import Json

PREFIX = "/api/v10"
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Compiled:
    route: Route
    pattern: re.Pattern[str]


def compile_route(route: Route) -> _Compiled:
    """A template such as `/channels/{channel_id}/messages` as an expression."""
    pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", route.template)
    return _Compiled(route, re.compile(pattern))


class Api:
    """Dispatches requests to the routes of the `rest_*` modules."""

    def __init__(self, context: ServerContext, routes: list[Route], rates: RateLimits) -> None:
        self._context = context
        self._routes = [compile_route(route) for route in routes]
        self._rates = rates

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
            return _drop(request, reset=False)
        self._context.requests.append(received)
        self._context.changes.notify()
        try:
            return await self._respond_with_fault(request, received, fault)
        finally:
            received.finished = True
            self._context.changes.notify()

    async def _read(self, request: web.Request, received: RecordedRequest) -> bool:
        try:
            received.body, received.parts = await _body(request)
        except (ConnectionError, web.RequestPayloadError):
            return False  # the sender is gone in mid-body: nothing of it counts
        except ValueError:
            received.body = None
        return True

    async def _respond_with_fault(
        self, request: web.Request, received: RecordedRequest, fault: Fault | None
    ) -> web.StreamResponse:
        early = self._before(request, received, fault)
        if early is not None:
            return early
        if isinstance(fault, RequestBreakpoint) and not fault.applied and not await fault.pause():
            return _drop(request, reset=False)
        wait = self._rates.hit(received.method, received.path)
        if wait:
            return self._limited(received, wait, via=True, everywhere=False)
        reply = await self._apply(received)
        match fault:
            case AppliedThenDropped(reset=reset):
                received.response = reply.body
                return _drop(request, reset=reset)
            case AppliedThenStatus(status=status):
                reply = ApiResponse({"message": f"{status}: applied all the same", "code": 0}, status)
            case LateResponse(seconds=seconds):
                await asyncio.sleep(seconds)
            case RequestBreakpoint(applied=True):
                if not await fault.pause():
                    return _drop(request, reset=False)
            case _:
                pass
        return self._answer(received, reply)

    def _before(self, request: web.Request, received: RecordedRequest, fault: Fault | None) -> web.Response | None:
        match fault:
            case Dropped(reset=reset):
                return _drop(request, reset=reset)
            case ErrorStatus(status=status):
                return self._answer(received, ApiResponse({"message": f"{status}: on request", "code": 0}, status))
            case Rejected(status=status, code=code, message=message):
                return self._answer(received, ApiResponse({"message": message, "code": code}, status))
            case RateLimited():
                return self._limited(received, fault.retry_after, via=fault.via, everywhere=fault.is_global)
            case _:
                return None

    async def _apply(self, received: RecordedRequest) -> ApiResponse:
        try:
            return await self._handle(received)
        except ApiError as refusal:
            if refusal.violation:
                self._record_violation(received, refusal)
            return ApiResponse(refusal.body(), refusal.status)
        except (TypeError, KeyError, ValueError, AttributeError) as error:
            # A body of a shape that no rule foresaw: Discord would call it malformed, and a test must hear of it.
            log.warning("%s %s has an unreadable body", received.method, received.path, exc_info=True)
            refusal = ApiError(400, 50035, f"Invalid Form Body: {error!r}", violation=True)
            self._record_violation(received, refusal)
            return ApiResponse(refusal.body(), refusal.status)

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
            call = ApiRequest(found.groupdict(), received.query, received.json, items, received.parts, authorized)
            return await compiled.route.handler(self._context, call)
        raise ApiError(404, 0, "404: Not Found", violation=True)

    def _record_violation(self, received: RecordedRequest, refusal: ApiError) -> None:
        violation = Violation(received.method, received.path, refusal.code, refusal.message, refusal.errors)
        self._context.violations.append(violation)

    def _answer(self, received: RecordedRequest, reply: ApiResponse) -> web.Response:
        received.status, received.response = reply.status, reply.body
        headers = self._rates.headers(received.method, received.path)
        if reply.body is None:
            return web.Response(status=reply.status, headers=headers)
        headers["Content-Type"] = "application/json"
        return web.Response(status=reply.status, headers=headers, body=json.dumps(reply.body).encode())

    def _limited(self, received: RecordedRequest, seconds: float, *, via: bool, everywhere: bool) -> web.Response:
        body: Json = {"message": "You are being rate limited.", "retry_after": seconds, "global": everywhere}
        response = self._answer(received, ApiResponse(body, 429))
        response.headers["Retry-After"] = f"{seconds:g}"
        if via:
            response.headers["Via"] = "1.1 google"
        if everywhere:
            response.headers["X-RateLimit-Global"] = "true"
        return response


def _drop(request: web.Request, *, reset: bool) -> web.Response:
    transport = request.transport
    if transport is not None:
        raw = transport.get_extra_info("socket")
        if reset and raw is not None:
            raw.setsockopt(sockets.SOL_SOCKET, sockets.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    return web.Response(status=499)  # never sent


async def _body(request: web.Request) -> tuple[Json | list[Json] | None, list[FilePart]]:
    if not request.can_read_body:
        return {}, []
    if request.content_type == "multipart/form-data":
        return await _multipart(request)
    raw = await request.read()
    value: Any = json.loads(raw) if raw else {}
    return value, []


async def _multipart(request: web.Request) -> tuple[Json | list[Json] | None, list[FilePart]]:
    body: Json | list[Json] | None = {}
    parts: list[FilePart] = []
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader):
            continue
        data = bytes(await part.read())
        name = part.name or ""
        if name == "payload_json":
            body = json.loads(data)
        elif found := re.fullmatch(r"files\[(\d+)\]", name):
            kind = part.headers.get("Content-Type", "application/octet-stream")
            parts.append(FilePart(int(found[1]), part.filename or "unknown", kind, data))
    return body, parts
