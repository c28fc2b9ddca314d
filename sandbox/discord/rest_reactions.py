"""REST routes of reactions (resources/message)."""

from __future__ import annotations

from urllib.parse import unquote

from sandbox.discord import payloads, reactions
from sandbox.discord.context import NO_CONTENT, ApiRequest, ApiResponse, Route, ServerContext
from sandbox.discord.errors import ApiError, unknown
from sandbox.discord.json_values import Json
from sandbox.discord.message_models import Channel, Message
from sandbox.discord.rest_access import message_in, require_permissions, visible_channel


def _emoji(request: ApiRequest) -> str:
    emoji = unquote(request.parameters["emoji_name"])
    # A custom emoji would be `name:id`; the sandbox has none. Anything with letters is no emoji.
    if not emoji or any(char.isascii() and (char.isalpha() or char.isspace()) for char in emoji):
        raise ApiError(400, 10014, "Unknown Emoji", violation=True)
    return emoji


async def create_reaction(context: ServerContext, request: ApiRequest) -> ApiResponse:
    """`PUT .../reactions/{emoji}/@me`; an emoji that the message does not have yet needs ADD_REACTIONS."""
    channel = visible_channel(context, request, "read_message_history")
    message, emoji = message_in(channel, request.number("message_id")), _emoji(request)
    if all(reaction.emoji != emoji for reaction in message.reactions):
        require_permissions(context, channel, "add_reactions")
    reactions.add_reaction(context, message, context.state.bot, emoji)
    return NO_CONTENT


async def delete_reaction(context: ServerContext, request: ApiRequest) -> ApiResponse:
    """`DELETE .../reactions/{emoji}/{@me or user}`; another user's reaction needs MANAGE_MESSAGES."""
    channel = visible_channel(context, request)
    message = message_in(channel, request.number("message_id"))
    user = context.state.bot
    if request.parameters["user_id"] != "@me":
        require_permissions(context, channel, "manage_messages")
        found = context.state.users.get(request.number("user_id"))
        if found is None:
            raise unknown("User")
        user = found
    reactions.remove_reaction(context, message, user, _emoji(request))
    return NO_CONTENT


async def get_reactions(context: ServerContext, request: ApiRequest) -> ApiResponse:
    """`GET .../reactions/{emoji}`: the users who reacted with it."""
    channel = visible_channel(context, request)
    message, emoji = message_in(channel, request.number("message_id")), _emoji(request)
    users = [user for reaction in message.reactions if reaction.emoji == emoji for user in reaction.users]
    return ApiResponse([payloads.user(user) for user in users])


async def delete_all_reactions(context: ServerContext, request: ApiRequest) -> ApiResponse:
    """`DELETE .../reactions`."""
    channel = visible_channel(context, request, "manage_messages")
    message = message_in(channel, request.number("message_id"))
    message.reactions.clear()
    _tell_cleared(context, channel, message)
    return NO_CONTENT


def _tell_cleared(context: ServerContext, channel: Channel, message: Message) -> None:
    body: Json = {"channel_id": str(channel.id), "message_id": str(message.id)}
    guild: Json = {"guild_id": str(channel.guild.id)} if channel.guild else {}
    context.gateway.send_in("MESSAGE_REACTION_REMOVE_ALL", body | guild, channel)


_REACTIONS = "/channels/{channel_id}/messages/{message_id}/reactions"

ROUTES = [
    Route("PUT", _REACTIONS + "/{emoji_name}/@me", create_reaction),
    Route("DELETE", _REACTIONS + "/{emoji_name}/{user_id}", delete_reaction),
    Route("GET", _REACTIONS + "/{emoji_name}", get_reactions),
    Route("DELETE", _REACTIONS, delete_all_reactions),
]
