"""The REST side: one door for every request. Log, weather, token, rate limit, handler, answer.

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

from sandbox.discord.core import Call, Core, Part, Received, Reply, Route, Violation
from sandbox.discord.rates import RateLimits
from sandbox.discord.refusals import ApiError, unauthorized
from sandbox.discord.state import Json
from sandbox.discord.weather import (
    AppliedThenDropped,
    AppliedThenStatus,
    Dropped,
    Effect,
    Hold,
    LateReply,
    RateLimited,
    Refused,
    SlowUpload,
    Status,
)

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
    """Dispatches requests to the routes of the REST rooms."""

    def __init__(self, core: Core, routes: list[Route], rates: RateLimits) -> None:
        self._core = core
        self._routes = [compile_route(route) for route in routes]
        self._rates = rates

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Answer one request, whatever the weather."""
        path = request.rel_url.raw_path.removeprefix(PREFIX)
        received = Received(request.method, path, dict(request.query), dict(request.headers), at=self._core.clock.now())
        effect = self._core.weather.take(request.method, path)
        received.effect = type(effect).__name__ if effect else ""
        if isinstance(effect, SlowUpload):
            await asyncio.sleep(effect.seconds)
        if not await self._read(request, received):
            return _drop(request, reset=False)
        self._core.requests.append(received)
        self._core.pulse.beat()
        try:
            return await self._weathered(request, received, effect)
        finally:
            received.ended = True
            self._core.pulse.beat()

    async def _read(self, request: web.Request, received: Received) -> bool:
        try:
            received.body, received.parts = await _body(request)
        except (ConnectionError, web.RequestPayloadError):
            return False  # the sender is gone in mid-body: nothing of it counts
        except ValueError:
            received.body = None
        return True

    async def _weathered(self, request: web.Request, received: Received, effect: Effect | None) -> web.StreamResponse:
        early = self._before(request, received, effect)
        if early is not None:
            return early
        if isinstance(effect, Hold) and not effect.applied and not await effect.catch():
            return _drop(request, reset=False)
        wait = self._rates.hit(received.method, received.path)
        if wait:
            return self._limited(received, wait, via=True, everywhere=False)
        reply = await self._apply(received)
        match effect:
            case AppliedThenDropped(reset=reset):
                received.answer = reply.body
                return _drop(request, reset=reset)
            case AppliedThenStatus(status=status):
                reply = Reply({"message": f"{status}: applied all the same", "code": 0}, status)
            case LateReply(seconds=seconds):
                await asyncio.sleep(seconds)
            case Hold(applied=True):
                if not await effect.catch():
                    return _drop(request, reset=False)
            case _:
                pass
        return self._answer(received, reply)

    def _before(self, request: web.Request, received: Received, effect: Effect | None) -> web.Response | None:
        match effect:
            case Dropped(reset=reset):
                return _drop(request, reset=reset)
            case Status(status=status):
                return self._answer(received, Reply({"message": f"{status}: on request", "code": 0}, status))
            case Refused(status=status, code=code, message=message):
                return self._answer(received, Reply({"message": message, "code": code}, status))
            case RateLimited():
                return self._limited(received, effect.retry_after, via=effect.via, everywhere=effect.is_global)
            case _:
                return None

    async def _apply(self, received: Received) -> Reply:
        try:
            return await self._handle(received)
        except ApiError as refusal:
            if refusal.violation:
                self._blame(received, refusal)
            return Reply(refusal.body(), refusal.status)
        except (TypeError, KeyError, ValueError, AttributeError) as error:
            # A body of a shape that no rule foresaw: Discord would call it malformed, and a test must hear of it.
            log.warning("%s %s has an unreadable body", received.method, received.path, exc_info=True)
            refusal = ApiError(400, 50035, f"Invalid Form Body: {error!r}", violation=True)
            self._blame(received, refusal)
            return Reply(refusal.body(), refusal.status)

    async def _handle(self, received: Received) -> Reply:
        for compiled in self._routes:
            found = compiled.pattern.fullmatch(received.path)
            if found is None or compiled.route.method != received.method:
                continue
            authorized = received.headers.get("Authorization") == f"Bot {self._core.token}"
            if not authorized and (not compiled.route.open or "Authorization" in received.headers):
                raise unauthorized()
            if received.body is None and received.headers.get("Content-Type", "").startswith("application/json"):
                raise ApiError(400, 50109, "The request body contains invalid JSON.", violation=True)
            items = received.body if isinstance(received.body, list) else []
            call = Call(found.groupdict(), received.query, received.json, items, received.parts, authorized)
            return await compiled.route.handler(self._core, call)
        raise ApiError(404, 0, "404: Not Found", violation=True)

    def _blame(self, received: Received, refusal: ApiError) -> None:
        violation = Violation(received.method, received.path, refusal.code, refusal.message, refusal.errors)
        self._core.violations.append(violation)

    def _answer(self, received: Received, reply: Reply) -> web.Response:
        received.status, received.answer = reply.status, reply.body
        headers = self._rates.headers(received.method, received.path)
        if reply.body is None:
            return web.Response(status=reply.status, headers=headers)
        headers["Content-Type"] = "application/json"
        return web.Response(status=reply.status, headers=headers, body=json.dumps(reply.body).encode())

    def _limited(self, received: Received, seconds: float, *, via: bool, everywhere: bool) -> web.Response:
        body: Json = {"message": "You are being rate limited.", "retry_after": seconds, "global": everywhere}
        response = self._answer(received, Reply(body, 429))
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


async def _body(request: web.Request) -> tuple[Json | list[Json] | None, list[Part]]:
    if not request.can_read_body:
        return {}, []
    if request.content_type == "multipart/form-data":
        return await _multipart(request)
    raw = await request.read()
    value: Any = json.loads(raw) if raw else {}
    return value, []


async def _multipart(request: web.Request) -> tuple[Json | list[Json] | None, list[Part]]:
    body: Json | list[Json] | None = {}
    parts: list[Part] = []
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader):
            continue
        data = bytes(await part.read())
        name = part.name or ""
        if name == "payload_json":
            body = json.loads(data)
        elif found := re.fullmatch(r"files\[(\d+)\]", name):
            kind = part.headers.get("Content-Type", "application/octet-stream")
            parts.append(Part(int(found[1]), part.filename or "unknown", kind, data))
    return body, parts
