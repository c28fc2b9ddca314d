"""Where discord.py is pointed."""

from __future__ import annotations

from collections.abc import Iterator

import discord
import pytest
from discord.gateway import DiscordWebSocket
from discord.http import Route

from bot.discord_client.endpoint import point_discord_at
from bot.errors import ConfigError


@pytest.fixture(autouse=True)
def addresses(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(Route, "BASE", Route.BASE)
    monkeypatch.setattr(discord.Asset, "BASE", discord.Asset.BASE)
    monkeypatch.setattr(DiscordWebSocket, "DEFAULT_GATEWAY", DiscordWebSocket.DEFAULT_GATEWAY)
    return iter([None])


@pytest.mark.parametrize(
    ("server", "rest", "cdn", "gateway"),
    [
        (
            "http://127.0.0.1:8400",
            "http://127.0.0.1:8400/api/v10",
            "http://127.0.0.1:8400/cdn",
            "ws://127.0.0.1:8400/gateway",
        ),
        (
            "https://chat.example/",
            "https://chat.example/api/v10",
            "https://chat.example/cdn",
            "wss://chat.example/gateway",
        ),
        (" http://host/base ", "http://host/base/api/v10", "http://host/base/cdn", "ws://host/base/gateway"),
    ],
)
def test_every_address_follows(server: str, rest: str, cdn: str, gateway: str) -> None:
    for _ in range(2):
        point_discord_at(server)
        assert (Route.BASE, discord.Asset.BASE, str(DiscordWebSocket.DEFAULT_GATEWAY)) == (rest, cdn, gateway)


@pytest.mark.parametrize(
    "server", ["", "127.0.0.1:8400", "ftp://host", "ws://host", "http://", "http://host?x=1", "http://[::"]
)
def test_anything_else_is_refused_and_changes_nothing(server: str) -> None:
    before = Route.BASE
    with pytest.raises(ConfigError, match=r"discord\.server"):
        point_discord_at(server)
    assert before == Route.BASE
