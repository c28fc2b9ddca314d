"""Faults that a test asks the REST API for: rate limits, error answers, broken connections, slow networks.

`discord.faults.next("POST", "/channels/*/messages", AppliedThenStatus(502))` gives the next matching request a 502;
`always` does so with every matching request until `clear`. `set_breakpoint` pauses one request until the test releases
it, for tests that kill the bot between a request and the record of its answer. Paths are those below `/api/v10`; `*`
stands for one segment, `**` for any number of segments.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field


@dataclass(frozen=True)
class RateLimited:
    """Status 429 with `retry_after` in seconds.

    Without a `Via` header (`via=False`) discord.py takes the answer for a Cloudflare ban and raises `HTTPException`.
    """

    retry_after: float = 0.05
    via: bool = True
    is_global: bool = False


@dataclass(frozen=True)
class ErrorStatus:
    """Answer with this HTTP status; the request is *not* applied."""

    status: int = 503


@dataclass(frozen=True)
class Rejected:
    """Answer with an HTTP status and one of Discord's JSON error codes; the request is not applied.

    For example `Rejected(403, 50013, "Missing Permissions")`.
    """

    status: int
    code: int
    message: str = "Refused on request"


@dataclass(frozen=True)
class AppliedThenStatus:
    """Apply the request, then answer with this HTTP status: the sender cannot know whether it was applied."""

    status: int = 502


@dataclass(frozen=True)
class AppliedThenDropped:
    """Apply the request, then break the connection; `reset` sends a TCP reset instead of closing it."""

    reset: bool = False


@dataclass(frozen=True)
class Dropped:
    """Break the connection before anything is applied; `reset` sends a TCP reset instead of closing it."""

    reset: bool = False


@dataclass(frozen=True)
class SlowUpload:
    """Do not read the request's body for that many seconds, so that the sender's writes block."""

    seconds: float


@dataclass(frozen=True)
class LateResponse:
    """Apply the request at once and answer it after that many seconds."""

    seconds: float


def payload_too_large() -> Rejected:
    """The answer to an upload above the size limit: status 413, JSON code 40005."""
    return Rejected(413, 40005, "Request entity too large")


@dataclass(eq=False)
class RequestBreakpoint:
    """Pauses one request. With `applied` it pauses after the request was applied, else before."""

    applied: bool
    _reached: asyncio.Event = field(default_factory=asyncio.Event)
    _released: asyncio.Event = field(default_factory=asyncio.Event)
    _dropped: bool = False

    async def wait_reached(self, timeout: float = 10) -> None:  # noqa: ASYNC109 - a deadline of the test
        """Wait until a request is paused here.

        Raises:
            TimeoutError: No request came within `timeout` seconds.

        """
        async with asyncio.timeout(timeout):
            await self._reached.wait()

    def release(self) -> None:
        """Let the request continue."""
        self._released.set()

    def drop(self) -> None:
        """Break the request's connection, as when its sender was killed; what was not applied yet never is."""
        self._dropped = True
        self._released.set()

    async def pause(self) -> bool:
        """Called by the server: pause the request here; True when it is to continue, False when it was dropped."""
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
    """A pattern such as `/channels/*/messages` as a regular expression over paths below `/api/v10`."""
    parts = re.split(r"(\*\*|\*)", pattern)
    return re.compile("".join({"**": ".*", "*": "[^/]+"}.get(part, re.escape(part)) for part in parts))


class Faults:
    """The faults to come. Where several match a request, the one that was set first takes effect."""

    def __init__(self) -> None:
        self._rules: list[_FaultRule] = []
        self._breakpoints: list[RequestBreakpoint] = []

    def next(self, method: str, path: str, fault: Fault, *, times: int = 1) -> None:
        """Give the next `times` requests that match this fault."""
        self._rules.append(_FaultRule(method.upper(), path_pattern(path), fault, times))

    def always(self, method: str, path: str, fault: Fault) -> None:
        """Give every request that matches this fault, until `clear`."""
        self._rules.append(_FaultRule(method.upper(), path_pattern(path), fault, None))

    def set_breakpoint(self, method: str, path: str, *, applied: bool = False) -> RequestBreakpoint:
        """Pause the next request that matches: before it is applied, or (`applied`) between that and its answer."""
        breakpoint_ = RequestBreakpoint(applied)
        self._breakpoints.append(breakpoint_)
        self._rules.append(_FaultRule(method.upper(), path_pattern(path), breakpoint_, 1))
        return breakpoint_

    def clear(self) -> None:
        """Remove all faults and release all paused requests."""
        for breakpoint_ in self._breakpoints:
            breakpoint_.release()
        self._breakpoints.clear()
        self._rules.clear()

    def take(self, method: str, path: str) -> Fault | None:
        """The fault for this request, or None. A fault with a number of uses loses one."""
        for rule in self._rules:
            if rule.method in {method, "*"} and rule.pattern.fullmatch(path):
                if rule.remaining is not None:
                    rule.remaining -= 1
                    if rule.remaining <= 0:
                        self._rules.remove(rule)
                return rule.fault
        return None
