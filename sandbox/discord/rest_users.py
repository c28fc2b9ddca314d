"""REST routes of users, the application and the gateway URL (resources/user, resources/application)."""

from __future__ import annotations

from sandbox.discord import guild_payloads, payloads
from sandbox.discord.context import ApiRequest, ApiResponse, Route, ServerContext
from sandbox.discord.errors import FormErrors, unauthorized, unknown
from sandbox.discord.json_values import Json
from sandbox.discord.permissions import base_permissions


async def get_current_user(context: ServerContext, request: ApiRequest) -> ApiResponse:  # noqa: ARG001 - every handler has this shape
    """`GET /users/@me`, the first request of a login."""
    return ApiResponse(
        payloads.user(context.state.bot) | {"mfa_enabled": False, "verified": True, "email": None, "flags": 0}
    )


async def get_current_application(context: ServerContext, request: ApiRequest) -> ApiResponse:
    """`GET /oauth2/applications/@me` and `GET /applications/@me`."""
    if not request.authorized:
        raise unauthorized()
    state = context.state
    return ApiResponse(
        {
            "id": str(state.application_id),
            "name": state.bot.name,
            "icon": None,
            "description": "An application of the local sandbox.",
            "summary": "",
            "verify_key": "0" * 64,
            "bot_public": True,
            "bot_require_code_grant": False,
            "owner": payloads.user(state.owner),
            "team": None,
            "flags": context.gateway.application_flags,
            "bot": payloads.user(state.bot),
            "approximate_guild_count": len(state.guilds),
            "integration_types_config": {"0": {}, "1": {}},
        },
    )


async def get_user(context: ServerContext, request: ApiRequest) -> ApiResponse:
    """`GET /users/{user_id}`."""
    found = context.state.users.get(request.number("user_id"))
    if found is None:
        raise unknown("User")
    return ApiResponse(payloads.user(found))


async def get_current_user_guilds(context: ServerContext, request: ApiRequest) -> ApiResponse:  # noqa: ARG001
    """`GET /users/@me/guilds`."""
    own = {guild: guild.members.get(context.state.bot.id) for guild in context.state.guilds.values()}
    fixed: Json = {"icon": None, "owner": False, "features": []}
    return ApiResponse(
        [
            fixed | {"id": str(guild.id), "name": guild.name, "permissions": str(base_permissions(guild, member))}
            for guild, member in own.items()
            if member is not None
        ]
    )


async def create_dm(context: ServerContext, request: ApiRequest) -> ApiResponse:
    """`POST /users/@me/channels`: the DM channel with a user, created on first use."""
    recipient_id = str(request.body.get("recipient_id", ""))
    found = context.state.users.get(int(recipient_id)) if recipient_id.isdecimal() else None
    if found is None or found is context.state.bot:
        form = FormErrors()
        form.add("recipient_id", "CHANNEL_RECIPIENT_INVALID", "Invalid Recipient(s)")
        form.raise_if_any()
        raise unknown("User")
    return ApiResponse(guild_payloads.channel(context.state.dm_channel(found), context.state))


async def get_gateway(context: ServerContext, request: ApiRequest) -> ApiResponse:  # noqa: ARG001
    """`GET /gateway`."""
    return ApiResponse({"url": f"{context.base_url.replace('http', 'ws', 1)}/gateway"})


async def get_gateway_bot(context: ServerContext, request: ApiRequest) -> ApiResponse:  # noqa: ARG001
    """`GET /gateway/bot`."""
    limit: Json = {"total": 1000, "remaining": 999, "reset_after": 14_400_000, "max_concurrency": 1}
    return ApiResponse(
        {"url": f"{context.base_url.replace('http', 'ws', 1)}/gateway", "shards": 1, "session_start_limit": limit}
    )


ROUTES = [
    Route("GET", "/users/@me", get_current_user),
    Route("GET", "/users/@me/guilds", get_current_user_guilds),
    Route("POST", "/users/@me/channels", create_dm),
    Route("GET", "/users/{user_id}", get_user),
    Route("GET", "/oauth2/applications/@me", get_current_application),
    Route("GET", "/applications/@me", get_current_application),
    Route("GET", "/gateway", get_gateway, public=True),
    Route("GET", "/gateway/bot", get_gateway_bot),
]
