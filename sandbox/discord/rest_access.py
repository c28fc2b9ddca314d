"""Looking up what a request refers to, with the errors that Discord answers where the bot has no access."""

from __future__ import annotations

from sandbox.discord.context import ApiRequest, ServerContext
from sandbox.discord.errors import ApiError, missing_access, missing_permissions, unknown
from sandbox.discord.guild_models import Guild
from sandbox.discord.message_models import Channel, Message
from sandbox.discord.permissions import missing


def visible_channel(context: ServerContext, request: ApiRequest, *needed: str) -> Channel:
    """The channel in the path, if the bot can view it and has the named permissions in it.

    Raises:
        ApiError: 10003, 50001 or 50013.

    """
    channel = context.state.channels.get(request.number("channel_id"))
    if channel is None:
        raise unknown("Channel")
    require_permissions(context, channel, *needed)
    return channel


def require_permissions(context: ServerContext, channel: Channel, *needed: str) -> None:
    """Check that the bot can view a channel and has the named permissions in it.

    Raises:
        ApiError: 50001 or 50013.

    """
    if missing(channel, context.state.bot, "view_channel"):
        raise missing_access()
    if missing(channel, context.state.bot, *needed):
        raise missing_permissions()


def require_open(channel: Channel) -> None:
    """Check that a channel is no archived thread, in which nothing can be edited.

    Raises:
        ApiError: 50083.

    """
    if channel.archived:
        raise ApiError(400, 50083, "Thread is archived")


def sending_permissions(
    channel: Channel, *, files: bool = False, embeds: bool = False, reply: bool = False
) -> list[str]:
    """The permissions that sending a message needs (resources/message, "Create Message")."""
    needed = ["send_messages_in_threads" if channel.is_thread else "send_messages"]
    needed += ["attach_files"] if files else []
    needed += ["embed_links"] if embeds else []
    return needed + (["read_message_history"] if reply else [])


def message_in(channel: Channel, message_id: int) -> Message:
    """The message with this id in a channel's history, which has no ephemeral messages.

    Raises:
        ApiError: 10008.

    """
    message = channel.messages.get(message_id)
    if message is None:
        raise unknown("Message")
    return message


def own_guild(context: ServerContext, request: ApiRequest) -> Guild:
    """The guild in the path, if the bot is a member.

    Raises:
        ApiError: 10004, there is no such guild; or 50001, the bot is no member.

    """
    guild = context.state.guilds.get(request.number("guild_id"))
    if guild is None:
        raise unknown("Guild")
    if context.state.bot.id not in guild.members:
        raise missing_access()
    return guild
