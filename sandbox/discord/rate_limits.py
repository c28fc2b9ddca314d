"""Rate limits (topics/rate-limits): headers of every response, and limits that tests set."""

from __future__ import annotations

import hashlib
import re
from collections import deque
from dataclasses import dataclass, field

from sandbox.discord.clock import Clock
from sandbox.discord.faults import path_pattern

GENEROUS = 10_000
"""The limit per second that the headers show for requests without a limit."""


@dataclass(eq=False)
class _Rule:
    method: str
    pattern: re.Pattern[str]
    limit: int
    per: float
    hits: dict[str, deque[float]] = field(default_factory=dict[str, deque[float]])

    def recent(self, path: str, now: float) -> deque[float]:
        """The times of the requests that still count, for the major parameter of this path."""
        hits = self.hits.setdefault(_major(path), deque())
        while hits and hits[0] <= now - self.per:
            hits.popleft()
        return hits


class RateLimits:
    """Counts requests per limit and major parameter (channel, guild or webhook)."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._rules: list[_Rule] = []

    def set(self, method: str, path: str, *, limit: int, per: float) -> None:
        """Allow at most `limit` matching requests per `per` seconds and channel, guild or webhook."""
        self._rules.append(_Rule(method.upper(), path_pattern(path), limit, per))

    def clear(self) -> None:
        """Remove all limits."""
        self._rules.clear()

    def hit(self, method: str, path: str) -> float:
        """Count a request; returns the seconds to wait if it exceeds a limit (then it is not counted), else 0."""
        rule = self._rule(method, path)
        if rule is None:
            return 0.0
        now = self._clock.now()
        hits = rule.recent(path, now)
        if len(hits) >= rule.limit:
            return max(0.001, hits[0] + rule.per - now)
        hits.append(now)
        return 0.0

    def headers(self, method: str, path: str) -> dict[str, str]:
        """The rate limit headers of the response to a request."""
        rule, now = self._rule(method, path), self._clock.now()
        limit, used, after = GENEROUS, 1, 1.0
        if rule is not None:
            hits = rule.recent(path, now)
            limit, used = rule.limit, len(hits)
            after = hits[0] + rule.per - now if hits else rule.per
        bucket = hashlib.md5(f"{method} {_shape(path)}".encode(), usedforsecurity=False).hexdigest()
        return {
            "X-RateLimit-Limit": str(limit),
            "X-RateLimit-Remaining": str(max(0, limit - used)),
            "X-RateLimit-Reset": f"{now + after:.3f}",
            "X-RateLimit-Reset-After": f"{after:.3f}",
            "X-RateLimit-Bucket": bucket,
        }

    def _rule(self, method: str, path: str) -> _Rule | None:
        matching = (rule for rule in self._rules if rule.method in {method, "*"} and rule.pattern.fullmatch(path))
        return next(matching, None)


def _shape(path: str) -> str:
    return re.sub(r"/(\d{15,}|[^/]{40,})", "/*", path)


def _major(path: str) -> str:
    found = re.match(r"/(channels|guilds|webhooks|interactions)/\d+", path)
    return found[0] if found else path
