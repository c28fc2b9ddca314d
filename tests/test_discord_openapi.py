"""The judge itself: it must find fault where there is one."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.discord import RecordedRequest
from tests.discord_openapi import check_requests, needs_openapi

pytestmark = needs_openapi


def posted(body: Any, path: str = "/channels/1/messages", method: str = "POST", **query: str) -> RecordedRequest:
    return RecordedRequest(method, path, query, {}, body)


ROW = {"type": 1, "components": [{"type": 2, "style": 1, "custom_id": "a", "label": "Go"}]}


@pytest.mark.parametrize(
    "received",
    [
        posted({"content": "hello", "components": [ROW]}),
        posted({"type": 4, "data": {"content": "hello"}}, "/interactions/1/token/callback", with_response="1"),
        posted({"type": 8, "data": {"choices": [{"name": "a", "value": "a"}]}}, "/interactions/1/token/callback"),
        posted({"content": "x", "message_reference": {"message_id": 5}}),
        posted([{"name": "draw", "description": "Draw", "nsfw": False}], "/applications/1/commands", "PUT"),
        posted({"content": "x", "tts": False}, "/channels/1/messages/2", "PATCH"),
        posted(None, "/channels/1/messages", "GET", limit="5"),
        posted({}, "/channels/1/messages/2/reactions/%F0%9F%94%81/@me", "PUT"),
    ],
)
def test_what_is_right_passes(received: RecordedRequest) -> None:
    assert check_requests([received]) == []


@pytest.mark.parametrize(
    ("received", "complaint"),
    [
        (posted({"contents": "hello"}), "contents"),
        (posted({"content": 5}), "5"),
        (posted({"content": "x", "components": [ROW | {"components": [{"type": 2, "label": "Go"}]}]}), "style"),
        (posted({"content": "x", "components": [ROW | {"components": [{"type": 99}]}]}), "99"),
        (posted({"content": "x", "embeds": [{"title": "x"}] * 11}), "too long"),
        (posted({"type": 4, "data": {"contents": "x"}}, "/interactions/1/token/callback"), "contents"),
        (posted({"type": 8, "data": {"choices": [{"name": "a"}]}}, "/interactions/1/token/callback"), "value"),
        (posted([{"description": "Draw"}], "/applications/1/commands", "PUT"), "name"),
        (posted({"content": "x"}, "/channels/1/nonsense"), "no such route"),
        (posted({"content": "x"}, "/channels/1/messages", "PUT"), "no such route"),
        (posted(None, "/channels/1/messages", "GET", since="5"), "since"),
    ],
)
def test_what_is_wrong_is_named(received: RecordedRequest, complaint: str) -> None:
    found = check_requests([received])
    assert found
    assert complaint in " ".join(found)
