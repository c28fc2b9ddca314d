"""What every test of the local Discord is judged by in the end: Discord's own description of the requests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sandbox.discord import LocalDiscord, RecordedRequest
from tests.discord_openapi import check_requests


@pytest.fixture
def malformed_on_purpose() -> None:
    """Asked for by tests that send what no correct client would."""


@pytest.fixture(autouse=True)
def everything_sent_is_described(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Each request in these tests fits the description, unless the test sends a malformed one on purpose."""
    logs: list[list[RecordedRequest]] = []
    enter = LocalDiscord.__aenter__

    async def remembering(local: LocalDiscord) -> LocalDiscord:
        logs.append(local.requests)
        return await enter(local)

    monkeypatch.setattr(LocalDiscord, "__aenter__", remembering)
    yield
    if "malformed_on_purpose" not in request.fixturenames:
        assert check_requests(entry for log in logs for entry in log) == []
