"""`chorus doctor`: what Discord says about the token, the intents and each guild. Asks only, changes nothing.

Sources: `GET /users/@me`, `GET /applications/@me` (flags), `GET /users/@me/guilds` (the bot's own permissions in each
guild, channel overwrites not counted).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any, cast

import aiohttp

from bot.diagnostics.findings import Finding, broken, note, ok
from bot.settings import Settings

AREA = "Discord"
DISCORD = "https://discord.com"
PORTAL = "https://discord.com/developers/applications"
TIMEOUT_SECONDS = 15

MAX_MESSAGE_LENGTH = 1 << 18 | 1 << 19
"""Application flags: the intent is granted, or on for an app in few guilds."""
ADMINISTRATOR = 1 << 3
NEEDED = {
    "View Channels": 1 << 10,
    "Send Messages": 1 << 11,
    "Embed Links": 1 << 14,
    "Attach Files": 1 << 15,
    "Read Message History": 1 << 16,
}
WELCOME = {
    "Manage Webhooks": (1 << 29, "characters then speak under their own name and picture"),
    "Send Voice Messages": (1 << 46, "speech is then posted as voice messages, not as files"),
    "Send Messages in Threads": (1 << 38, "threads work then"),
    "Add Reactions": (1 << 6, "reactions can then be offered"),
}


async def check_discord(settings: Settings) -> AsyncGenerator[Finding]:
    """Token, intents, guilds, permissions."""
    if settings.discord_token is None:
        yield broken(AREA, "there is no token", f"Create a bot at {PORTAL} and write DISCORD_TOKEN=... to .env.")
        return
    token = settings.discord_token.get_secret_value()
    base = (settings.discord.server or DISCORD) + "/api/v10"
    headers = {"Authorization": f"Bot {token}", "User-Agent": "DiscordBot (chorus, 0.1)"}
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
    try:
        async with aiohttp.ClientSession(headers=headers, timeout=timeout, trust_env=True) as session:
            me = await _get(session, f"{base}/users/@me")
            yield ok(AREA, f"the token is that of {me.get('username', 'a bot')}")
            application = await _get(session, f"{base}/applications/@me")
            yield _intent(application)
            guilds = await _guilds(session, f"{base}/users/@me/guilds")
    except aiohttp.ClientResponseError as error:
        if error.status == 401:
            yield broken(AREA, "Discord does not accept the token", f"Reset it at {PORTAL} (Bot) and copy it to .env.")
        else:
            yield broken(AREA, f"Discord answers with HTTP {error.status}", "Try again later; see discordstatus.com.")
        return
    except (aiohttp.ClientError, TimeoutError, ValueError):
        yield broken(AREA, "Discord cannot be reached", "Check the network, and `discord.server` if it is set.")
        return
    for finding in _judge(guilds, settings, str(application.get("id", me.get("id", "")))):
        yield finding


async def _get(session: aiohttp.ClientSession, url: str) -> dict[str, Any]:
    async with session.get(url, raise_for_status=True) as response:
        body: Any = await response.json()
    if not isinstance(body, dict):
        raise ValueError(url)  # noqa: TRY004 - a wrong answer, not a wrong argument
    return cast("dict[str, Any]", body)


async def _guilds(session: aiohttp.ClientSession, url: str) -> list[dict[str, Any]]:
    """All of them, 200 a page."""
    found: list[dict[str, Any]] = []
    while True:
        after = f"?limit=200&after={found[-1]['id']}" if found else "?limit=200"
        async with session.get(url + after, raise_for_status=True) as response:
            page = cast("list[dict[str, Any]]", await response.json())
        found += page
        if len(page) < 200:
            return found


def _intent(application: dict[str, Any]) -> Finding:
    if int(application.get("flags") or 0) & MAX_MESSAGE_LENGTH:
        return ok(AREA, "the Message Content intent is on")
    return broken(
        AREA,
        "the Message Content intent is off, so the bot cannot log in",
        f"Turn it on at {PORTAL} (Bot, Privileged Gateway Intents).",
    )


def _judge(guilds: list[dict[str, Any]], settings: Settings, application_id: str) -> list[Finding]:
    permissions = sum([*NEEDED.values(), *(bit for bit, _ in WELCOME.values())])
    query = f"client_id={application_id}&scope=bot+applications.commands&permissions={permissions}"
    invite = f"{DISCORD}/oauth2/authorize?{query}"
    served = set(settings.discord.guild_ids)
    here = {int(guild["id"]): guild for guild in guilds}
    findings = [
        broken(AREA, f"the bot is not in guild {missing}, which `discord.guild_ids` names", f"Invite it: {invite}")
        for missing in sorted(served - set(here))
    ]
    if not here:
        findings.append(note(AREA, "the bot is in no guild yet", f"Invite it: {invite}"))
    for guild_id, guild in here.items():
        if not served or guild_id in served:
            findings.append(_permissions(guild, invite))
    return findings


def _permissions(guild: dict[str, Any], invite: str) -> Finding:
    name, held = str(guild.get("name", guild["id"])), int(guild.get("permissions") or 0)
    if held & ADMINISTRATOR:
        return ok(AREA, f"{name}: administrator, which is more than it needs")
    missing = [label for label, bit in NEEDED.items() if not held & bit]
    lacking = [f"{label} ({what})" for label, (bit, what) in WELCOME.items() if not held & bit]
    if missing:
        return broken(
            AREA, f"{name}: permissions missing: {', '.join(missing)}", f"Allow them, or invite again: {invite}"
        )
    if lacking:
        return note(AREA, f"{name}: works without {len(lacking)} permissions", f"Allow {'; '.join(lacking)}.")
    return ok(AREA, f"{name}: all permissions")
