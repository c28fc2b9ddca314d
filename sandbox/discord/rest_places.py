"""Guilds, channels, threads, users and the application itself."""

from __future__ import annotations

from sandbox.discord import payloads, places
from sandbox.discord.core import NO_CONTENT, Call, Core, Reply, Route
from sandbox.discord.permissions import base_permissions
from sandbox.discord.refusals import ApiError, Form, unauthorized, unknown
from sandbox.discord.rest_access import message_in, own_guild, visible_channel
from sandbox.discord.state import THREAD, Channel, Json, Member


async def me(core: Core, call: Call) -> Reply:  # noqa: ARG001 - every handler has this shape
    """`GET /users/@me`: what a login asks first."""
    return Reply(payloads.user(core.world.bot) | {"mfa_enabled": False, "verified": True, "email": None, "flags": 0})


async def application(core: Core, call: Call) -> Reply:
    """`GET /oauth2/applications/@me` and `GET /applications/@me`."""
    if not call.authorized:
        raise unauthorized()
    world = core.world
    return Reply(
        {
            "id": str(world.application_id),
            "name": world.bot.name,
            "icon": None,
            "description": "An application of the local sandbox.",
            "summary": "",
            "verify_key": "0" * 64,
            "bot_public": True,
            "bot_require_code_grant": False,
            "owner": payloads.user(world.owner),
            "team": None,
            "flags": core.gateway.application_flags,
            "bot": payloads.user(world.bot),
            "approximate_guild_count": len(world.guilds),
            "integration_types_config": {"0": {}, "1": {}},
        },
    )


async def user(core: Core, call: Call) -> Reply:
    """`GET /users/{user_id}`."""
    found = core.world.users.get(call.number("user_id"))
    if found is None:
        raise unknown("User")
    return Reply(payloads.user(found))


async def own_guilds(core: Core, call: Call) -> Reply:  # noqa: ARG001
    """`GET /users/@me/guilds`."""
    own = {guild: guild.members.get(core.world.bot.id) for guild in core.world.guilds.values()}
    fixed: Json = {"icon": None, "owner": False, "features": []}
    return Reply(
        [
            fixed | {"id": str(guild.id), "name": guild.name, "permissions": str(base_permissions(guild, member))}
            for guild, member in own.items()
            if member is not None
        ]
    )


async def open_direct(core: Core, call: Call) -> Reply:
    """`POST /users/@me/channels`: the conversation with a user, made on first use."""
    wanted = str(call.body.get("recipient_id", ""))
    found = core.world.users.get(int(wanted)) if wanted.isdecimal() else None
    if found is None or found is core.world.bot:
        form = Form()
        form.wrong("recipient_id", "CHANNEL_RECIPIENT_INVALID", "Invalid Recipient(s)")
        form.refuse()
        raise unknown("User")
    return Reply(payloads.channel(core.world.direct_channel(found), core.world))


async def guild(core: Core, call: Call) -> Reply:
    """`GET /guilds/{guild_id}`."""
    return Reply(payloads.guild(own_guild(core, call), core.world))


async def guild_channels(core: Core, call: Call) -> Reply:
    """`GET /guilds/{guild_id}/channels`."""
    found = core.world.channels_of(own_guild(core, call))
    return Reply([payloads.channel(channel, core.world) for channel in found])


async def guild_roles(core: Core, call: Call) -> Reply:
    """`GET /guilds/{guild_id}/roles`."""
    return Reply([payloads.role(role) for role in own_guild(core, call).roles.values()])


async def active_threads(core: Core, call: Call) -> Reply:
    """`GET /guilds/{guild_id}/threads/active`."""
    found = [thread for thread in core.world.threads_of(own_guild(core, call)) if not thread.archived]
    return Reply({"threads": [payloads.channel(thread, core.world) for thread in found], "members": []})


async def member(core: Core, call: Call) -> Reply:
    """`GET /guilds/{guild_id}/members/{user_id}`."""
    members = own_guild(core, call).members
    wanted = core.world.bot.id if call.parameters["user_id"] == "@me" else call.number("user_id")
    if wanted not in members:
        raise unknown("Member")
    return Reply(payloads.member(members[wanted]))


async def members(core: Core, call: Call) -> Reply:
    """`GET /guilds/{guild_id}/members`: needs the privileged members intent."""
    if not core.gateway.may_list_members:
        raise ApiError(403, 50001, "Missing Access")
    found = sorted(own_guild(core, call).members.values(), key=lambda entry: entry.user.id)
    after, limit = call.optional("after") or 0, call.optional("limit") or 1
    return Reply([payloads.member(entry) for entry in found if entry.user.id > after][:limit])


async def search_members(core: Core, call: Call) -> Reply:
    """`GET /guilds/{guild_id}/members/search`: by the beginning of a name."""
    query = call.query.get("query", "").lower()

    def fits(entry: Member) -> bool:
        return entry.user.name.lower().startswith(query) or (entry.nick or "").lower().startswith(query)

    found = [entry for entry in own_guild(core, call).members.values() if fits(entry)]
    return Reply([payloads.member(entry) for entry in found][: call.optional("limit") or 1])


async def channel(core: Core, call: Call) -> Reply:
    """`GET /channels/{channel_id}`."""
    return Reply(payloads.channel(visible_channel(core, call), core.world))


async def modify_channel(core: Core, call: Call) -> Reply:
    """`PATCH /channels/{channel_id}`: name, topic, age restriction; for a thread its name and archive state."""
    found = visible_channel(core, call, "manage_threads" if _is_thread(core, call) else "manage_channels")
    form = Form()
    form.length("name", call.body.get("name"), 1, 100)
    form.length("topic", call.body.get("topic"), 0, 1024)
    form.refuse()
    places.change_channel(core, found, call.body)
    return Reply(payloads.channel(found, core.world))


def _is_thread(core: Core, call: Call) -> bool:
    found = core.world.channels.get(call.number("channel_id"))
    return found is not None and found.is_thread


async def delete_channel(core: Core, call: Call) -> Reply:
    """`DELETE /channels/{channel_id}`."""
    found = visible_channel(core, call, "manage_threads" if _is_thread(core, call) else "manage_channels")
    body = payloads.channel(found, core.world)
    places.remove_channel(core, found)
    return Reply(body)


def _thread_name(body: Json) -> str:
    form = Form()
    if form.required("name", body.get("name")):
        form.length("name", body["name"], 1, 100)
    form.refuse()
    return str(body["name"])


async def thread_from_message(core: Core, call: Call) -> Reply:
    """`POST /channels/{channel_id}/messages/{message_id}/threads`: the thread has the message's id."""
    parent = visible_channel(core, call, "create_public_threads")
    message = message_in(parent, call.number("message_id"))
    if message.thread is not None:
        raise ApiError(400, 160004, "A thread has already been created for this message")
    thread = places.make_thread(core, parent, _thread_name(call.body), core.world.bot, message)
    return Reply(payloads.channel(thread, core.world), 201)


async def thread_alone(core: Core, call: Call) -> Reply:
    """`POST /channels/{channel_id}/threads`: a thread without a message; private unless `type` says otherwise."""
    public = call.body.get("type") == THREAD
    parent = visible_channel(core, call, "create_public_threads" if public else "create_private_threads")
    thread = places.make_thread(core, parent, _thread_name(call.body), core.world.bot, None, private=not public)
    return Reply(payloads.channel(thread, core.world), 201)


async def join_thread(core: Core, call: Call) -> Reply:
    """`PUT /channels/{channel_id}/thread-members/@me`."""
    found: Channel = visible_channel(core, call)
    found.thread_members.add(core.world.bot.id)
    return NO_CONTENT


async def gateway(core: Core, call: Call) -> Reply:  # noqa: ARG001
    """`GET /gateway`."""
    return Reply({"url": f"{core.base.replace('http', 'ws', 1)}/gateway"})


async def gateway_bot(core: Core, call: Call) -> Reply:  # noqa: ARG001
    """`GET /gateway/bot`."""
    limit: Json = {"total": 1000, "remaining": 999, "reset_after": 14_400_000, "max_concurrency": 1}
    return Reply({"url": f"{core.base.replace('http', 'ws', 1)}/gateway", "shards": 1, "session_start_limit": limit})


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
    Route("GET", "/gateway", gateway, open=True),
    Route("GET", "/gateway/bot", gateway_bot),
]
