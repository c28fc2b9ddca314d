"""Points discord.py at a Discord-compatible server: the `discord.server` setting, the demo and the end-to-end tests."""

from __future__ import annotations

import discord
from discord.gateway import DiscordWebSocket
from discord.http import Route
from yarl import URL

from bot.errors import ConfigError


def point_discord_at(server_url: str) -> None:
    """Send everything discord.py does to another server.

    `http://127.0.0.1:8400` means REST at `/api/v10`, CDN at `/cdn`, gateway at `/gateway`.
    Process-wide, because discord.py 2.7 keeps the addresses on classes (`Route.BASE`, which webhooks use too,
    `Asset.BASE`, `DiscordWebSocket.DEFAULT_GATEWAY`). Calling it again replaces the address. Call it before the login.

    Raises:
        ConfigError: The URL is not `http://` or `https://` with a host.

    """
    try:
        server = URL(server_url.strip().rstrip("/"))
    except ValueError:
        server = URL()
    if server.scheme not in {"http", "https"} or not server.host or server.query_string or server.fragment:
        raise ConfigError(
            f"discord.server: {server_url!r} is no address of a server.",
            advice="Write it like http://127.0.0.1:8400, or leave the key out for Discord itself.",
        )
    gateway = server.with_scheme("wss" if server.scheme == "https" else "ws")
    Route.BASE = f"{server}".rstrip("/") + "/api/v10"
    discord.Asset.BASE = f"{server}".rstrip("/") + "/cdn"  # pyright: ignore[reportAttributeAccessIssue] - typed final
    DiscordWebSocket.DEFAULT_GATEWAY = gateway / "gateway"
