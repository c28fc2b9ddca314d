"""Checks of `chorus doctor`: the token, the intents, and the bot's permissions in each guild. Changes nothing.

Sources: `GET /users/@me`, `GET /applications/@me` (its flags), and `GET /users/@me/guilds`, which has the bot's own
permissions in each guild without the channels' overwrites.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any, cast

import aiohttp

from bot.diagnostics.check_result import CheckResult, broken, note, ok
from bot.settings import Settings

AREA = "Discord"
DISCORD_URL = "https://discord.com"
PORTAL_URL = "https://discord.com/developers/applications"
TIMEOUT_SECONDS = 15

MESSAGE_CONTENT_FLAGS = 1 << 18 | 1 << 19
"""Application flags of the intent: granted to a verified bot, or switched on for one in fewer than 100 guilds."""
ADMINISTRATOR = 1 << 3
REQUIRED_PERMISSIONS = {
    "View Channels": 1 << 10,
    "Send Messages": 1 << 11,
    "Embed Links": 1 << 14,
    "Attach Files": 1 << 15,
    "Read Message History": 1 << 16,
}
"""Name in Discord -> its bit."""
OPTIONAL_PERMISSIONS = {
    "Manage Webhooks": (1 << 29, "characters then speak under their own name and picture"),
    "Send Voice Messages": (1 << 46, "speech is then posted as voice messages, not as files"),
    "Send Messages in Threads": (1 << 38, "threads work then"),
    "Add Reactions": (1 << 6, "reactions can then be offered"),
}
"""Name in Discord -> its bit, and what the bot can do with it."""


async def check_discord(settings: Settings) -> AsyncGenerator[CheckResult]:
    """Check the token, the Message Content intent, and the permissions in each guild that is served."""
    if settings.discord_token is None:
        yield broken(AREA, "there is no token", f"Create a bot at {PORTAL_URL} and write DISCORD_TOKEN=... to .env.")
        return
    token = settings.discord_token.get_secret_value()
    base = (settings.discord.server or DISCORD_URL) + "/api/v10"
    headers = {"Authorization": f"Bot {token}", "User-Agent": "DiscordBot (chorus, 0.1)"}
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
    try:
        async with aiohttp.ClientSession(headers=headers, timeout=timeout, trust_env=True) as session:
            me = await _get(session, f"{base}/users/@me")
            yield ok(AREA, f"the token is that of {me.get('username', 'a bot')}")
            application = await _get(session, f"{base}/applications/@me")
            yield _check_intent(application)
            guilds = await _guilds(session, f"{base}/users/@me/guilds")
    except aiohttp.ClientResponseError as error:
        if error.status == 401:
            yield broken(
                AREA, "Discord does not accept the token", f"Reset it at {PORTAL_URL} (Bot) and copy it to .env."
            )
        else:
            yield broken(AREA, f"Discord answers with HTTP {error.status}", "Try again later; see discordstatus.com.")
        return
    except (aiohttp.ClientError, TimeoutError, ValueError):
        yield broken(AREA, "Discord cannot be reached", "Check the network, and `discord.server` if it is set.")
        return
    for result in _check_guilds(guilds, settings, str(application.get("id", me.get("id", "")))):
        yield result


async def _get(session: aiohttp.ClientSession, url: str) -> dict[str, Any]:
    async with session.get(url, raise_for_status=True) as response:
        body: Any = await response.json()
    if not isinstance(body, dict):
        raise ValueError(url)  # noqa: TRY004 - the answer of a server, not an argument
    return cast("dict[str, Any]", body)


async def _guilds(session: aiohttp.ClientSession, url: str) -> list[dict[str, Any]]:
    """All guilds of the bot; Discord lists at most 200 in one answer."""
    found: list[dict[str, Any]] = []
    while True:
        after = f"?limit=200&after={found[-1]['id']}" if found else "?limit=200"
        async with session.get(url + after, raise_for_status=True) as response:
            page = cast("list[dict[str, Any]]", await response.json())
        found += page
        if len(page) < 200:
            return found


def _check_intent(application: dict[str, Any]) -> CheckResult:
    if int(application.get("flags") or 0) & MESSAGE_CONTENT_FLAGS:
        return ok(AREA, "the Message Content intent is on")
    return broken(
        AREA,
        "the Message Content intent is off, so the bot cannot log in",
        f"Turn it on at {PORTAL_URL} (Bot, Privileged Gateway Intents).",
    )


def _check_guilds(guilds: list[dict[str, Any]], settings: Settings, application_id: str) -> list[CheckResult]:
    permissions = sum([*REQUIRED_PERMISSIONS.values(), *(bit for bit, _ in OPTIONAL_PERMISSIONS.values())])
    query = f"client_id={application_id}&scope=bot+applications.commands&permissions={permissions}"
    invite = f"{DISCORD_URL}/oauth2/authorize?{query}"
    served = set(settings.discord.guild_ids)
    by_id = {int(guild["id"]): guild for guild in guilds}
    results = [
        broken(AREA, f"the bot is not in guild {missing}, which `discord.guild_ids` names", f"Invite it: {invite}")
        for missing in sorted(served - set(by_id))
    ]
    if not by_id:
        results.append(note(AREA, "the bot is in no guild yet", f"Invite it: {invite}"))
    for guild_id, guild in by_id.items():
        if not served or guild_id in served:
            results.append(_check_permissions(guild, invite))
    return results


def _check_permissions(guild: dict[str, Any], invite: str) -> CheckResult:
    name, granted = str(guild.get("name", guild["id"])), int(guild.get("permissions") or 0)
    if granted & ADMINISTRATOR:
        return ok(AREA, f"{name}: administrator, which is more than it needs")
    missing = [label for label, bit in REQUIRED_PERMISSIONS.items() if not granted & bit]
    missing_optional = [f"{label} ({what})" for label, (bit, what) in OPTIONAL_PERMISSIONS.items() if not granted & bit]
    if missing:
        return broken(
            AREA, f"{name}: permissions missing: {', '.join(missing)}", f"Allow them, or invite again: {invite}"
        )
    if missing_optional:
        return note(
            AREA, f"{name}: works without {len(missing_optional)} permissions", f"Allow {'; '.join(missing_optional)}."
        )
    return ok(AREA, f"{name}: all permissions")
