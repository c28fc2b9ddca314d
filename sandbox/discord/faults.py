"""Misbehaviour on request: what Discord, or the way to it, sometimes does.

`discord.weather.next("POST", "/channels/*/messages", AppliedThenStatus(502))` hits the next request that matches;
`always` hits all of them until `clear`; `hold` catches one request and lets it go when told, for tests that kill the
bot between an act and its record. `*` in a path stands for one segment, `**` for any number.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field


@dataclass(frozen=True)
class RateLimited:
    """429 with `retry_after` seconds. Without a `Via` header discord.py takes it for a Cloudflare ban and raises."""

    retry_after: float = 0.05
    via: bool = True
    is_global: bool = False


@dataclass(frozen=True)
class ErrorStatus:
    """A 5xx (or any status) without fault: the request was *not* applied."""

    status: int = 503


@dataclass(frozen=True)
class Rejected:
    """An error of Discord's own, with its JSON code, not applied: `Refused(403, 50013, "Missing Permissions")`."""

    status: int
    code: int
    message: str = "Refused on request"


@dataclass(frozen=True)
class AppliedThenStatus:
    """The request was applied, but the answer is a 502: the ambiguous failure."""

    status: int = 502


@dataclass(frozen=True)
class AppliedThenDropped:
    """The request was applied, then the connection broke. `reset` sends a TCP reset instead of a close."""

    reset: bool = False


@dataclass(frozen=True)
class Dropped:
    """The connection breaks before anything was applied."""

    reset: bool = False


@dataclass(frozen=True)
class SlowUpload:
    """The body is not read for that long, as on a slow line: the sender's writes stall."""

    seconds: float


@dataclass(frozen=True)
class LateResponse:
    """Applied at once; the answer takes that long."""

    seconds: float


def payload_too_large() -> Rejected:
    """413: the upload is beyond the limit (code 40005)."""
    return Rejected(413, 40005, "Request entity too large")


@dataclass(eq=False)
class RequestBreakpoint:
    """One request caught in the act. `applied` says on which side of the change it waits."""

    applied: bool
    _reached: asyncio.Event = field(default_factory=asyncio.Event)
    _released: asyncio.Event = field(default_factory=asyncio.Event)
    _dropped: bool = False

    async def wait_reached(self, timeout: float = 10) -> None:  # noqa: ASYNC109 - a deadline of the test
        """Until the request is here (and, with `applied`, has had its fault)."""
        async with asyncio.timeout(timeout):
            await self._reached.wait()

    def release(self) -> None:
        """Let it go on."""
        self._released.set()

    def drop(self) -> None:
        """Let it vanish, as when its sender was killed: the connection is dropped; what was not applied never is."""
        self._dropped = True
        self._released.set()

    async def pause(self) -> bool:
        """Called by the server when the request is at the point where it is to wait; says whether it goes on."""
        self._reached.set()
        await self._released.wait()
        return not self._dropped


Fault = (
    RateLimited
    | ErrorStatus
    | Rejected
    | AppliedThenStatus
    | AppliedThenDropped
    | Dropped
    | SlowUpload
    | LateResponse
    | RequestBreakpoint
)


@dataclass(eq=False)
class _FaultRule:
    method: str
    pattern: re.Pattern[str]
    fault: Fault
    remaining: int | None


def path_pattern(pattern: str) -> re.Pattern[str]:
    """`/channels/*/messages` as an expression over paths below `/api/v10`."""
    parts = re.split(r"(\*\*|\*)", pattern)
    return re.compile("".join({"**": ".*", "*": "[^/]+"}.get(part, re.escape(part)) for part in parts))


class Faults:
    """What will go wrong, first come first served."""

    def __init__(self) -> None:
        self._rules: list[_FaultRule] = []
        self._breakpoints: list[RequestBreakpoint] = []

    def next(self, method: str, path: str, fault: Fault, *, times: int = 1) -> None:
        """Hit the next `times` requests that match."""
        self._rules.append(_FaultRule(method.upper(), path_pattern(path), fault, times))

    def always(self, method: str, path: str, fault: Fault) -> None:
        """Hit every request that matches, until `clear`."""
        self._rules.append(_FaultRule(method.upper(), path_pattern(path), fault, None))

    def set_breakpoint(self, method: str, path: str, *, applied: bool = False) -> RequestBreakpoint:
        """Catch the next request that matches, before it is applied or (`applied`) before it is answered."""
        breakpoint_ = RequestBreakpoint(applied)
        self._breakpoints.append(breakpoint_)
        self._rules.append(_FaultRule(method.upper(), path_pattern(path), breakpoint_, 1))
        return breakpoint_

    def clear(self) -> None:
        """Fair again; what is held goes on."""
        for breakpoint_ in self._breakpoints:
            breakpoint_.release()
        self._breakpoints.clear()
        self._rules.clear()

    def take(self, method: str, path: str) -> Fault | None:
        """What hits this request, if anything; counts it."""
        for rule in self._rules:
            if rule.method in {method, "*"} and rule.pattern.fullmatch(path):
                if rule.remaining is not None:
                    rule.remaining -= 1
                    if rule.remaining <= 0:
                        self._rules.remove(rule)
                return rule.fault
        return None
