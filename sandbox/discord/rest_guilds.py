"""REST routes of guilds and their members (resources/guild)."""

from __future__ import annotations

from sandbox.discord import guild_payloads, payloads
from sandbox.discord.context import ApiRequest, ApiResponse, Route, ServerContext
from sandbox.discord.errors import ApiError, unknown
from sandbox.discord.guild_models import Member
from sandbox.discord.rest_access import own_guild


async def get_guild(context: ServerContext, request: ApiRequest) -> ApiResponse:
    """`GET /guilds/{guild_id}`."""
    return ApiResponse(guild_payloads.guild(own_guild(context, request), context.state))


async def get_guild_channels(context: ServerContext, request: ApiRequest) -> ApiResponse:
    """`GET /guilds/{guild_id}/channels`."""
    found = context.state.channels_of(own_guild(context, request))
    return ApiResponse([guild_payloads.channel(channel, context.state) for channel in found])


async def get_guild_roles(context: ServerContext, request: ApiRequest) -> ApiResponse:
    """`GET /guilds/{guild_id}/roles`."""
    return ApiResponse([payloads.role(role) for role in own_guild(context, request).roles.values()])


async def list_active_threads(context: ServerContext, request: ApiRequest) -> ApiResponse:
    """`GET /guilds/{guild_id}/threads/active`."""
    found = [thread for thread in context.state.threads_of(own_guild(context, request)) if not thread.archived]
    return ApiResponse({"threads": [guild_payloads.channel(thread, context.state) for thread in found], "members": []})


async def get_member(context: ServerContext, request: ApiRequest) -> ApiResponse:
    """`GET /guilds/{guild_id}/members/{user_id}`."""
    members = own_guild(context, request).members
    user_id = context.state.bot.id if request.parameters["user_id"] == "@me" else request.number("user_id")
    if user_id not in members:
        raise unknown("Member")
    return ApiResponse(payloads.member(members[user_id]))


async def list_members(context: ServerContext, request: ApiRequest) -> ApiResponse:
    """`GET /guilds/{guild_id}/members`; needs the guild members intent."""
    if not context.gateway.may_list_members:
        raise ApiError(403, 50001, "Missing Access")
    found = sorted(own_guild(context, request).members.values(), key=lambda entry: entry.user.id)
    after, limit = request.optional_number("after") or 0, request.optional_number("limit") or 1
    return ApiResponse([payloads.member(entry) for entry in found if entry.user.id > after][:limit])


async def search_members(context: ServerContext, request: ApiRequest) -> ApiResponse:
    """`GET /guilds/{guild_id}/members/search`: members whose name or nickname starts with the query."""
    query = request.query.get("query", "").lower()

    def fits(entry: Member) -> bool:
        return entry.user.name.lower().startswith(query) or (entry.nick or "").lower().startswith(query)

    found = [entry for entry in own_guild(context, request).members.values() if fits(entry)]
    return ApiResponse([payloads.member(entry) for entry in found][: request.optional_number("limit") or 1])


ROUTES = [
    Route("GET", "/guilds/{guild_id}", get_guild),
    Route("GET", "/guilds/{guild_id}/channels", get_guild_channels),
    Route("GET", "/guilds/{guild_id}/roles", get_guild_roles),
    Route("GET", "/guilds/{guild_id}/threads/active", list_active_threads),
    Route("GET", "/guilds/{guild_id}/members", list_members),
    Route("GET", "/guilds/{guild_id}/members/search", search_members),
    Route("GET", "/guilds/{guild_id}/members/{user_id}", get_member),
]
