"""Messages and reactions of channels (resources/message)."""

from __future__ import annotations

from urllib.parse import unquote

from sandbox.discord import message_payload, messages, payloads
from sandbox.discord.context import NO_CONTENT, ApiRequest, ApiResponse, Route, ServerContext
from sandbox.discord.errors import ApiError, FormErrors, malformed, unknown
from sandbox.discord.permissions import missing
from sandbox.discord.rest_access import message_in, require_permissions, sending_permissions, visible_channel
from sandbox.discord.state import DIRECT, VOICE, Channel, Json, Message


def render(context: ServerContext, message: Message) -> Json:
    """A message as the bot may read it over REST: content needs the application's privileged intent as well."""
    body = message_payload.message(message, context.state, context.base_url, viewer=context.state.bot)
    readable = context.gateway.may_read_content or message_payload.content_is_open(message, context.state)
    return body if readable else message_payload.without_content(body)


async def send(context: ServerContext, call: ApiRequest) -> ApiResponse:
    """`POST /channels/{channel_id}/messages`."""
    body = call.body
    channel = visible_channel(context, call)
    voice = bool(int(body.get("flags") or 0) & VOICE)
    embeds, reply = bool(body.get("embeds")), bool(body.get("message_reference"))
    require_permissions(
        context, channel, *sending_permissions(channel, files=bool(call.parts), embeds=embeds, reply=reply)
    )
    if voice and missing(channel, context.state.bot, "send_voice_messages"):
        raise ApiError(403, 50173, "Cannot send voice messages in this channel")
    if channel.archived:
        raise ApiError(400, 50083, "Thread is archived")
    if channel.type == DIRECT and not all(user.accepts_dms for user in channel.recipients):
        raise ApiError(403, 50007, "Cannot send messages to this user")
    earlier = messages.find_by_nonce(context, channel, context.state.bot, body)
    if earlier is not None:
        return ApiResponse(render(context, earlier))
    draft = messages.NewMessage(
        channel,
        context.state.bot,
        body,
        call.parts,
        reply_to=messages.referenced_message(channel, body),
    )
    return ApiResponse(render(context, messages.create(context, draft)))


async def history(context: ServerContext, call: ApiRequest) -> ApiResponse:
    """`GET /channels/{channel_id}/messages`, newest first, 1-100 of them."""
    channel = visible_channel(context, call)
    if missing(channel, context.state.bot, "read_message_history"):
        return ApiResponse([])
    limit = call.optional_number("limit") or 50
    if not 1 <= limit <= 100:
        form = FormErrors()
        form.add("limit", "NUMBER_TYPE_MAX", "int value should be between 1 and 100.")
        form.raise_if_any()
    return ApiResponse([render(context, message) for message in page(list(channel.messages.values()), call, limit)])


def page(found: list[Message], call: ApiRequest, limit: int) -> list[Message]:
    """The slice that `before`, `after` or `around` asks for."""
    before, after, around = (
        call.optional_number("before"),
        call.optional_number("after"),
        call.optional_number("around"),
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


async def get(context: ServerContext, call: ApiRequest) -> ApiResponse:
    """`GET /channels/{channel_id}/messages/{message_id}`."""
    channel = visible_channel(context, call, "read_message_history")
    return ApiResponse(render(context, message_in(channel, call.number("message_id"))))


async def edit(context: ServerContext, call: ApiRequest) -> ApiResponse:
    """`PATCH /channels/{channel_id}/messages/{message_id}`: own messages, answers to interactions included."""
    channel = visible_channel(context, call)
    message = message_in(channel, call.number("message_id"))
    if message.author is not context.state.bot:
        raise ApiError(403, 50005, "Cannot edit a message authored by another user")
    if call.parts:
        require_permissions(context, channel, "attach_files")
    return ApiResponse(render(context, messages.edit(context, message, call.body, call.parts)))


async def delete(context: ServerContext, call: ApiRequest) -> ApiResponse:
    """`DELETE /channels/{channel_id}/messages/{message_id}`."""
    channel = visible_channel(context, call)
    message = message_in(channel, call.number("message_id"))
    if message.author is not context.state.bot:
        require_permissions(context, channel, "manage_messages")
    messages.delete(context, message)
    return NO_CONTENT


async def bulk_delete(context: ServerContext, call: ApiRequest) -> ApiResponse:
    """`POST /channels/{channel_id}/messages/bulk-delete`: 2-100 messages younger than two weeks."""
    channel = visible_channel(context, call, "manage_messages")
    ids = [int(entry) for entry in call.body.get("messages", [])]
    if not 2 <= len(ids) <= 100:
        raise malformed(50016, "Provided too few or too many messages to delete. Must provide 2 to 100 messages.")
    for message_id in ids:
        if message_id in channel.messages:
            messages.delete(context, channel.messages[message_id])
    return NO_CONTENT


def _emoji(call: ApiRequest) -> str:
    emoji = unquote(call.parameters["emoji_name"])
    # A custom emoji would be `name:id`; the sandbox has none. Anything with letters is no emoji.
    if not emoji or any(char.isascii() and (char.isalpha() or char.isspace()) for char in emoji):
        raise ApiError(400, 10014, "Unknown Emoji", violation=True)
    return emoji


async def react(context: ServerContext, call: ApiRequest) -> ApiResponse:
    """`PUT .../reactions/{emoji}/@me`; a new emoji needs ADD_REACTIONS."""
    channel = visible_channel(context, call, "read_message_history")
    message, emoji = message_in(channel, call.number("message_id")), _emoji(call)
    if all(reaction.emoji != emoji for reaction in message.reactions):
        require_permissions(context, channel, "add_reactions")
    messages.add_reaction(context, message, context.state.bot, emoji)
    return NO_CONTENT


async def unreact(context: ServerContext, call: ApiRequest) -> ApiResponse:
    """`DELETE .../reactions/{emoji}/{@me or user}`; another's needs MANAGE_MESSAGES."""
    channel = visible_channel(context, call)
    message = message_in(channel, call.number("message_id"))
    user = context.state.bot
    if call.parameters["user_id"] != "@me":
        require_permissions(context, channel, "manage_messages")
        found = context.state.users.get(call.number("user_id"))
        if found is None:
            raise unknown("User")
        user = found
    messages.remove_reaction(context, message, user, _emoji(call))
    return NO_CONTENT


async def reactors(context: ServerContext, call: ApiRequest) -> ApiResponse:
    """`GET .../reactions/{emoji}`: who reacted."""
    channel = visible_channel(context, call)
    message, emoji = message_in(channel, call.number("message_id")), _emoji(call)
    users = [user for reaction in message.reactions if reaction.emoji == emoji for user in reaction.users]
    return ApiResponse([payloads.user(user) for user in users])


async def clear_reactions(context: ServerContext, call: ApiRequest) -> ApiResponse:
    """`DELETE .../reactions`: all of them."""
    channel = visible_channel(context, call, "manage_messages")
    message = message_in(channel, call.number("message_id"))
    message.reactions.clear()
    _tell_cleared(context, channel, message)
    return NO_CONTENT


def _tell_cleared(context: ServerContext, channel: Channel, message: Message) -> None:
    body: Json = {"channel_id": str(channel.id), "message_id": str(message.id)}
    guild: Json = {"guild_id": str(channel.guild.id)} if channel.guild else {}
    context.gateway.send_in("MESSAGE_REACTION_REMOVE_ALL", body | guild, channel)


async def typing(context: ServerContext, call: ApiRequest) -> ApiResponse:
    """`POST /channels/{channel_id}/typing`."""
    channel = visible_channel(context, call)
    require_permissions(context, channel, *sending_permissions(channel))
    context.state.typing.append((channel, context.state.bot))
    return NO_CONTENT


_MESSAGE = "/channels/{channel_id}/messages/{message_id}"

ROUTES = [
    Route("POST", "/channels/{channel_id}/messages", send),
    Route("GET", "/channels/{channel_id}/messages", history),
    Route("POST", "/channels/{channel_id}/messages/bulk-delete", bulk_delete),
    Route("GET", _MESSAGE, get),
    Route("PATCH", _MESSAGE, edit),
    Route("DELETE", _MESSAGE, delete),
    Route("PUT", _MESSAGE + "/reactions/{emoji_name}/@me", react),
    Route("DELETE", _MESSAGE + "/reactions/{emoji_name}/{user_id}", unreact),
    Route("GET", _MESSAGE + "/reactions/{emoji_name}", reactors),
    Route("DELETE", _MESSAGE + "/reactions", clear_reactions),
    Route("POST", "/channels/{channel_id}/typing", typing),
]
