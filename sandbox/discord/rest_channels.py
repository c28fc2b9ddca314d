"""REST routes of channels and threads (resources/channel)."""

from __future__ import annotations

from sandbox.discord import channel_changes, guild_payloads
from sandbox.discord.context import NO_CONTENT, ApiRequest, ApiResponse, Route, ServerContext
from sandbox.discord.errors import ApiError, FormErrors
from sandbox.discord.json_values import Json
from sandbox.discord.message_models import THREAD, Channel
from sandbox.discord.rest_access import message_in, require_permissions, visible_channel


async def get_channel(context: ServerContext, request: ApiRequest) -> ApiResponse:
    """`GET /channels/{channel_id}`."""
    return ApiResponse(guild_payloads.channel(visible_channel(context, request), context.state))


async def modify_channel(context: ServerContext, request: ApiRequest) -> ApiResponse:
    """`PATCH /channels/{channel_id}`: name, topic and age restriction; name, archive state and lock of a thread.

    Opening a thread that is not locked needs only the permission to send messages there (resources/channel, "Modify
    Channel").
    """
    found = visible_channel(context, request)
    opens = request.body == {"archived": False} and not found.locked
    needed = ("send_messages_in_threads" if opens else "manage_threads") if found.is_thread else "manage_channels"
    require_permissions(context, found, needed)
    form = FormErrors()
    form.length("name", request.body.get("name"), 1, 100)
    form.length("topic", request.body.get("topic"), 0, 1024)
    form.raise_if_any()
    channel_changes.edit_channel(context, found, request.body)
    return ApiResponse(guild_payloads.channel(found, context.state))


def _is_thread(context: ServerContext, request: ApiRequest) -> bool:
    found = context.state.channels.get(request.number("channel_id"))
    return found is not None and found.is_thread


async def delete_channel(context: ServerContext, request: ApiRequest) -> ApiResponse:
    """`DELETE /channels/{channel_id}`."""
    found = visible_channel(context, request, "manage_threads" if _is_thread(context, request) else "manage_channels")
    body = guild_payloads.channel(found, context.state)
    channel_changes.delete_channel(context, found)
    return ApiResponse(body)


def _thread_name(body: Json) -> str:
    form = FormErrors()
    if form.required("name", body.get("name")):
        form.length("name", body["name"], 1, 100)
    form.raise_if_any()
    return str(body["name"])


async def start_thread_from_message(context: ServerContext, request: ApiRequest) -> ApiResponse:
    """`POST /channels/{channel_id}/messages/{message_id}/threads`: the thread gets the message's id."""
    parent = visible_channel(context, request, "create_public_threads")
    message = message_in(parent, request.number("message_id"))
    if message.thread is not None:
        raise ApiError(400, 160004, "A thread has already been created for this message")
    thread = channel_changes.create_thread(context, parent, _thread_name(request.body), context.state.bot, message)
    return ApiResponse(guild_payloads.channel(thread, context.state), 201)


async def start_thread_without_message(context: ServerContext, request: ApiRequest) -> ApiResponse:
    """`POST /channels/{channel_id}/threads`: a private thread unless `type` says otherwise."""
    public = request.body.get("type") == THREAD
    parent = visible_channel(context, request, "create_public_threads" if public else "create_private_threads")
    thread = channel_changes.create_thread(
        context, parent, _thread_name(request.body), context.state.bot, None, private=not public
    )
    return ApiResponse(guild_payloads.channel(thread, context.state), 201)


async def join_thread(context: ServerContext, request: ApiRequest) -> ApiResponse:
    """`PUT /channels/{channel_id}/thread-members/@me`."""
    found: Channel = visible_channel(context, request)
    found.thread_members.add(context.state.bot.id)
    return NO_CONTENT


ROUTES = [
    Route("GET", "/channels/{channel_id}", get_channel),
    Route("PATCH", "/channels/{channel_id}", modify_channel),
    Route("DELETE", "/channels/{channel_id}", delete_channel),
    Route("POST", "/channels/{channel_id}/messages/{message_id}/threads", start_thread_from_message),
    Route("POST", "/channels/{channel_id}/threads", start_thread_without_message),
    Route("PUT", "/channels/{channel_id}/thread-members/@me", join_thread),
]
