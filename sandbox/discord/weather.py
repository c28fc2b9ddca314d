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
class Status:
    """A 5xx (or any status) without effect: the request was *not* applied."""

    status: int = 503


@dataclass(frozen=True)
class Refused:
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
class LateReply:
    """Applied at once; the answer takes that long."""

    seconds: float


def TooLarge() -> Refused:  # noqa: N802 - reads like its sisters
    """413: the upload is beyond the limit (code 40005)."""
    return Refused(413, 40005, "Request entity too large")


@dataclass(eq=False)
class Hold:
    """One request caught in the act. `applied` says on which side of the change it waits."""

    applied: bool
    _arrived: asyncio.Event = field(default_factory=asyncio.Event)
    _released: asyncio.Event = field(default_factory=asyncio.Event)
    _discarded: bool = False

    async def arrived(self, timeout: float = 10) -> None:  # noqa: ASYNC109 - a deadline of the test
        """Until the request is here (and, with `applied`, has had its effect)."""
        async with asyncio.timeout(timeout):
            await self._arrived.wait()

    def release(self) -> None:
        """Let it go on."""
        self._released.set()

    def discard(self) -> None:
        """Let it vanish, as when its sender was killed: the connection is dropped; what was not applied never is."""
        self._discarded = True
        self._released.set()

    async def catch(self) -> bool:
        """Called by the server when the request is at the point where it is to wait; says whether it goes on."""
        self._arrived.set()
        await self._released.wait()
        return not self._discarded


Effect = (
    RateLimited | Status | Refused | AppliedThenStatus | AppliedThenDropped | Dropped | SlowUpload | LateReply | Hold
)


@dataclass(eq=False)
class _Front:
    method: str
    pattern: re.Pattern[str]
    effect: Effect
    left: int | None


def path_pattern(pattern: str) -> re.Pattern[str]:
    """`/channels/*/messages` as an expression over paths below `/api/v10`."""
    parts = re.split(r"(\*\*|\*)", pattern)
    return re.compile("".join({"**": ".*", "*": "[^/]+"}.get(part, re.escape(part)) for part in parts))


class Weather:
    """What will go wrong, first come first served."""

    def __init__(self) -> None:
        self._fronts: list[_Front] = []
        self._holds: list[Hold] = []

    def next(self, method: str, path: str, effect: Effect, *, times: int = 1) -> None:
        """Hit the next `times` requests that match."""
        self._fronts.append(_Front(method.upper(), path_pattern(path), effect, times))

    def always(self, method: str, path: str, effect: Effect) -> None:
        """Hit every request that matches, until `clear`."""
        self._fronts.append(_Front(method.upper(), path_pattern(path), effect, None))

    def hold(self, method: str, path: str, *, applied: bool = False) -> Hold:
        """Catch the next request that matches, before it is applied or (`applied`) before it is answered."""
        hold = Hold(applied)
        self._holds.append(hold)
        self._fronts.append(_Front(method.upper(), path_pattern(path), hold, 1))
        return hold

    def clear(self) -> None:
        """Fair again; what is held goes on."""
        for hold in self._holds:
            hold.release()
        self._holds.clear()
        self._fronts.clear()

    def take(self, method: str, path: str) -> Effect | None:
        """What hits this request, if anything; counts it."""
        for front in self._fronts:
            if front.method in {method, "*"} and front.pattern.fullmatch(path):
                if front.left is not None:
                    front.left -= 1
                    if front.left <= 0:
                        self._fronts.remove(front)
                return front.effect
        return None
