"""A local Discord whose requests are compared with Discord's own description of its API."""

from __future__ import annotations

from types import TracebackType

from sandbox.discord import LocalDiscord
from tests.discord_openapi import check_requests


class CheckedDiscord(LocalDiscord):
    """At its end, every request must fit Discord's OpenAPI description."""

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await super().__aexit__(kind, error, trace)
        if error is None:
            assert check_requests(self.requests) == []
