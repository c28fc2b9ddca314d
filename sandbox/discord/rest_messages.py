"""REST routes of messages (resources/message)."""

from __future__ import annotations

from sandbox.discord import message_edits, message_payload, messages
from sandbox.discord.context import NO_CONTENT, ApiRequest, ApiResponse, Route, ServerContext
from sandbox.discord.errors import ApiError, FormErrors, malformed
from sandbox.discord.json_values import Json
from sandbox.discord.message_models import DIRECT, VOICE, Message
from sandbox.discord.permissions import missing
from sandbox.discord.rest_access import (
    message_in,
    require_open,
    require_permissions,
    sending_permissions,
    visible_channel,
)


def render(context: ServerContext, message: Message) -> Json:
    """A message as the bot gets it over REST, without its content where the bot lacks the message content intent."""
    body = message_payload.message(message, context.state, context.base_url, viewer=context.state.bot)
    readable = context.gateway.may_read_content or message_payload.needs_no_content_intent(message, context.state)
    return body if readable else message_payload.without_content(body)


async def create_message(context: ServerContext, request: ApiRequest) -> ApiResponse:
    """`POST /channels/{channel_id}/messages`."""
    body = request.body
    channel = visible_channel(context, request)
    voice = bool(int(body.get("flags") or 0) & VOICE)
    embeds, reply = bool(body.get("embeds")), bool(body.get("message_reference"))
    require_permissions(
        context, channel, *sending_permissions(channel, files=bool(request.parts), embeds=embeds, reply=reply)
    )
    if voice and missing(channel, context.state.bot, "send_voice_messages"):
        raise ApiError(403, 50173, "Cannot send voice messages in this channel")
    if channel.type == DIRECT and not all(user.accepts_dms for user in channel.recipients):
        raise ApiError(403, 50007, "Cannot send messages to this user")
    earlier = messages.find_by_nonce(context, channel, context.state.bot, body)
    if earlier is not None:
        return ApiResponse(render(context, earlier))
    new = messages.NewMessage(
        channel,
        context.state.bot,
        body,
        request.parts,
        reply_to=messages.referenced_message(channel, body),
    )
    return ApiResponse(render(context, messages.create(context, new)))


async def get_messages(context: ServerContext, request: ApiRequest) -> ApiResponse:
    """`GET /channels/{channel_id}/messages`: 1 to 100 messages, newest first."""
    channel = visible_channel(context, request)
    if missing(channel, context.state.bot, "read_message_history"):
        return ApiResponse([])
    limit = request.optional_number("limit") or 50
    if not 1 <= limit <= 100:
        form = FormErrors()
        form.add("limit", "NUMBER_TYPE_MAX", "int value should be between 1 and 100.")
        form.raise_if_any()
    return ApiResponse([render(context, message) for message in page(list(channel.messages.values()), request, limit)])


def page(found: list[Message], request: ApiRequest, limit: int) -> list[Message]:
    """The messages that `before`, `after` or `around` asks for."""
    before, after, around = (
        request.optional_number("before"),
        request.optional_number("after"),
        request.optional_number("around"),
    )
    if around is not None:
        older = [message for message in found if message.id < around][-(limit // 2) :]
        newer = [message for message in found if message.id >= around][: limit - len(older)]
        return list(reversed(older + newer))
    if after is not None:
        return list(reversed([message for message in found if message.id > after][:limit]))
    if before is not None:
        found = [message for message in found if message.id < before]
    return list(reversed(found[-limit:]))


async def get_message(context: ServerContext, request: ApiRequest) -> ApiResponse:
    """`GET /channels/{channel_id}/messages/{message_id}`."""
    channel = visible_channel(context, request, "read_message_history")
    return ApiResponse(render(context, message_in(channel, request.number("message_id"))))


async def edit_message(context: ServerContext, request: ApiRequest) -> ApiResponse:
    """`PATCH /channels/{channel_id}/messages/{message_id}`: the bot's messages, responses to interactions included."""
    channel = visible_channel(context, request)
    message = message_in(channel, request.number("message_id"))
    if message.author is not context.state.bot:
        raise ApiError(403, 50005, "Cannot edit a message authored by another user")
    require_open(channel)
    if request.parts:
        require_permissions(context, channel, "attach_files")
    return ApiResponse(render(context, message_edits.edit(context, message, request.body, request.parts)))


async def delete_message(context: ServerContext, request: ApiRequest) -> ApiResponse:
    """`DELETE /channels/{channel_id}/messages/{message_id}`."""
    channel = visible_channel(context, request)
    message = message_in(channel, request.number("message_id"))
    if message.author is not context.state.bot:
        require_permissions(context, channel, "manage_messages")
    message_edits.delete(context, message)
    return NO_CONTENT


async def bulk_delete_messages(context: ServerContext, request: ApiRequest) -> ApiResponse:
    """`POST /channels/{channel_id}/messages/bulk-delete`: 2 to 100 messages."""
    channel = visible_channel(context, request, "manage_messages")
    ids = [int(entry) for entry in request.body.get("messages", [])]
    if not 2 <= len(ids) <= 100:
        raise malformed(50016, "Provided too few or too many messages to delete. Must provide 2 to 100 messages.")
    for message_id in ids:
        if message_id in channel.messages:
            message_edits.delete(context, channel.messages[message_id])
    return NO_CONTENT


async def trigger_typing(context: ServerContext, request: ApiRequest) -> ApiResponse:
    """`POST /channels/{channel_id}/typing`."""
    channel = visible_channel(context, request)
    require_permissions(context, channel, *sending_permissions(channel))
    context.state.typing.append((channel, context.state.bot))
    return NO_CONTENT


_MESSAGE = "/channels/{channel_id}/messages/{message_id}"

ROUTES = [
    Route("POST", "/channels/{channel_id}/messages", create_message),
    Route("GET", "/channels/{channel_id}/messages", get_messages),
    Route("POST", "/channels/{channel_id}/messages/bulk-delete", bulk_delete_messages),
    Route("GET", _MESSAGE, get_message),
    Route("PATCH", _MESSAGE, edit_message),
    Route("DELETE", _MESSAGE, delete_message),
    Route("POST", "/channels/{channel_id}/typing", trigger_typing),
]
