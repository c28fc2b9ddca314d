"""Guilds, channels, threads, users and the application itself."""

from __future__ import annotations

from sandbox.discord import guild_changes, payloads
from sandbox.discord.context import NO_CONTENT, ApiRequest, ApiResponse, Route, ServerContext
from sandbox.discord.errors import ApiError, FormErrors, unauthorized, unknown
from sandbox.discord.permissions import base_permissions
from sandbox.discord.rest_access import message_in, own_guild, visible_channel
from sandbox.discord.state import THREAD, Channel, Json, Member


async def me(context: ServerContext, call: ApiRequest) -> ApiResponse:  # noqa: ARG001 - every handler has this shape
    """`GET /users/@me`: what a login asks first."""
    return ApiResponse(
        payloads.user(context.state.bot) | {"mfa_enabled": False, "verified": True, "email": None, "flags": 0}
    )


async def application(context: ServerContext, call: ApiRequest) -> ApiResponse:
    """`GET /oauth2/applications/@me` and `GET /applications/@me`."""
    if not call.authorized:
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


async def user(context: ServerContext, call: ApiRequest) -> ApiResponse:
    """`GET /users/{user_id}`."""
    found = context.state.users.get(call.number("user_id"))
    if found is None:
        raise unknown("User")
    return ApiResponse(payloads.user(found))


async def own_guilds(context: ServerContext, call: ApiRequest) -> ApiResponse:  # noqa: ARG001
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


async def open_direct(context: ServerContext, call: ApiRequest) -> ApiResponse:
    """`POST /users/@me/channels`: the conversation with a user, made on first use."""
    wanted = str(call.body.get("recipient_id", ""))
    found = context.state.users.get(int(wanted)) if wanted.isdecimal() else None
    if found is None or found is context.state.bot:
        form = FormErrors()
        form.add("recipient_id", "CHANNEL_RECIPIENT_INVALID", "Invalid Recipient(s)")
        form.raise_if_any()
        raise unknown("User")
    return ApiResponse(payloads.channel(context.state.dm_channel(found), context.state))


async def guild(context: ServerContext, call: ApiRequest) -> ApiResponse:
    """`GET /guilds/{guild_id}`."""
    return ApiResponse(payloads.guild(own_guild(context, call), context.state))


async def guild_channels(context: ServerContext, call: ApiRequest) -> ApiResponse:
    """`GET /guilds/{guild_id}/channels`."""
    found = context.state.channels_of(own_guild(context, call))
    return ApiResponse([payloads.channel(channel, context.state) for channel in found])


async def guild_roles(context: ServerContext, call: ApiRequest) -> ApiResponse:
    """`GET /guilds/{guild_id}/roles`."""
    return ApiResponse([payloads.role(role) for role in own_guild(context, call).roles.values()])


async def active_threads(context: ServerContext, call: ApiRequest) -> ApiResponse:
    """`GET /guilds/{guild_id}/threads/active`."""
    found = [thread for thread in context.state.threads_of(own_guild(context, call)) if not thread.archived]
    return ApiResponse({"threads": [payloads.channel(thread, context.state) for thread in found], "members": []})


async def member(context: ServerContext, call: ApiRequest) -> ApiResponse:
    """`GET /guilds/{guild_id}/members/{user_id}`."""
    members = own_guild(context, call).members
    wanted = context.state.bot.id if call.parameters["user_id"] == "@me" else call.number("user_id")
    if wanted not in members:
        raise unknown("Member")
    return ApiResponse(payloads.member(members[wanted]))


async def members(context: ServerContext, call: ApiRequest) -> ApiResponse:
    """`GET /guilds/{guild_id}/members`: needs the privileged members intent."""
    if not context.gateway.may_list_members:
        raise ApiError(403, 50001, "Missing Access")
    found = sorted(own_guild(context, call).members.values(), key=lambda entry: entry.user.id)
    after, limit = call.optional_number("after") or 0, call.optional_number("limit") or 1
    return ApiResponse([payloads.member(entry) for entry in found if entry.user.id > after][:limit])


async def search_members(context: ServerContext, call: ApiRequest) -> ApiResponse:
    """`GET /guilds/{guild_id}/members/search`: by the beginning of a name."""
    query = call.query.get("query", "").lower()

    def fits(entry: Member) -> bool:
        return entry.user.name.lower().startswith(query) or (entry.nick or "").lower().startswith(query)

    found = [entry for entry in own_guild(context, call).members.values() if fits(entry)]
    return ApiResponse([payloads.member(entry) for entry in found][: call.optional_number("limit") or 1])


async def channel(context: ServerContext, call: ApiRequest) -> ApiResponse:
    """`GET /channels/{channel_id}`."""
    return ApiResponse(payloads.channel(visible_channel(context, call), context.state))


async def modify_channel(context: ServerContext, call: ApiRequest) -> ApiResponse:
    """`PATCH /channels/{channel_id}`: name, topic, age restriction; for a thread its name and archive state."""
    found = visible_channel(context, call, "manage_threads" if _is_thread(context, call) else "manage_channels")
    form = FormErrors()
    form.length("name", call.body.get("name"), 1, 100)
    form.length("topic", call.body.get("topic"), 0, 1024)
    form.raise_if_any()
    guild_changes.edit_channel(context, found, call.body)
    return ApiResponse(payloads.channel(found, context.state))


def _is_thread(context: ServerContext, call: ApiRequest) -> bool:
    found = context.state.channels.get(call.number("channel_id"))
    return found is not None and found.is_thread


async def delete_channel(context: ServerContext, call: ApiRequest) -> ApiResponse:
    """`DELETE /channels/{channel_id}`."""
    found = visible_channel(context, call, "manage_threads" if _is_thread(context, call) else "manage_channels")
    body = payloads.channel(found, context.state)
    guild_changes.delete_channel(context, found)
    return ApiResponse(body)


def _thread_name(body: Json) -> str:
    form = FormErrors()
    if form.required("name", body.get("name")):
        form.length("name", body["name"], 1, 100)
    form.raise_if_any()
    return str(body["name"])


async def thread_from_message(context: ServerContext, call: ApiRequest) -> ApiResponse:
    """`POST /channels/{channel_id}/messages/{message_id}/threads`: the thread has the message's id."""
    parent = visible_channel(context, call, "create_public_threads")
    message = message_in(parent, call.number("message_id"))
    if message.thread is not None:
        raise ApiError(400, 160004, "A thread has already been created for this message")
    thread = guild_changes.create_thread(context, parent, _thread_name(call.body), context.state.bot, message)
    return ApiResponse(payloads.channel(thread, context.state), 201)


async def thread_alone(context: ServerContext, call: ApiRequest) -> ApiResponse:
    """`POST /channels/{channel_id}/threads`: a thread without a message; private unless `type` says otherwise."""
    public = call.body.get("type") == THREAD
    parent = visible_channel(context, call, "create_public_threads" if public else "create_private_threads")
    thread = guild_changes.create_thread(
        context, parent, _thread_name(call.body), context.state.bot, None, private=not public
    )
    return ApiResponse(payloads.channel(thread, context.state), 201)


async def join_thread(context: ServerContext, call: ApiRequest) -> ApiResponse:
    """`PUT /channels/{channel_id}/thread-members/@me`."""
    found: Channel = visible_channel(context, call)
    found.thread_members.add(context.state.bot.id)
    return NO_CONTENT


async def gateway(context: ServerContext, call: ApiRequest) -> ApiResponse:  # noqa: ARG001
    """`GET /gateway`."""
    return ApiResponse({"url": f"{context.base_url.replace('http', 'ws', 1)}/gateway"})


async def gateway_bot(context: ServerContext, call: ApiRequest) -> ApiResponse:  # noqa: ARG001
    """`GET /gateway/bot`."""
    limit: Json = {"total": 1000, "remaining": 999, "reset_after": 14_400_000, "max_concurrency": 1}
    return ApiResponse(
        {"url": f"{context.base_url.replace('http', 'ws', 1)}/gateway", "shards": 1, "session_start_limit": limit}
    )


ROUTES = [
    Route("GET", "/users/@me", me),
    Route("GET", "/users/@me/guilds", own_guilds),
    Route("POST", "/users/@me/channels", open_direct),
    Route("GET", "/users/{user_id}", user),
    Route("GET", "/oauth2/applications/@me", application),
    Route("GET", "/applications/@me", application),
    Route("GET", "/guilds/{guild_id}", guild),
    Route("GET", "/guilds/{guild_id}/channels", guild_channels),
    Route("GET", "/guilds/{guild_id}/roles", guild_roles),
    Route("GET", "/guilds/{guild_id}/threads/active", active_threads),
    Route("GET", "/guilds/{guild_id}/members", members),
    Route("GET", "/guilds/{guild_id}/members/search", search_members),
    Route("GET", "/guilds/{guild_id}/members/{user_id}", member),
    Route("GET", "/channels/{channel_id}", channel),
    Route("PATCH", "/channels/{channel_id}", modify_channel),
    Route("DELETE", "/channels/{channel_id}", delete_channel),
    Route("POST", "/channels/{channel_id}/messages/{message_id}/threads", thread_from_message),
    Route("POST", "/channels/{channel_id}/threads", thread_alone),
    Route("PUT", "/channels/{channel_id}/thread-members/@me", join_thread),
    Route("GET", "/gateway", gateway, public=True),
    Route("GET", "/gateway/bot", gateway_bot),
]
