"""What the bot may reach: lookups that refuse as Discord does."""

from __future__ import annotations

from sandbox.discord.context import ApiRequest, ServerContext
from sandbox.discord.errors import missing_access, missing_permissions, unknown
from sandbox.discord.guild_models import Guild
from sandbox.discord.message_models import Channel, Message
from sandbox.discord.permissions import missing


def visible_channel(context: ServerContext, request: ApiRequest, *needed: str) -> Channel:
    """The channel of the path, which the bot sees and where it has the named permissions.

    Raises:
        ApiError: 10003, 50001 (not visible) or 50013.

    """
    channel = context.state.channels.get(request.number("channel_id"))
    if channel is None:
        raise unknown("Channel")
    require_permissions(context, channel, *needed)
    return channel


def require_permissions(context: ServerContext, channel: Channel, *needed: str) -> None:
    """The bot must see the channel and have the named permissions.

    Raises:
        ApiError: 50001 or 50013.

    """
    if missing(channel, context.state.bot, "view_channel"):
        raise missing_access()
    if missing(channel, context.state.bot, *needed):
        raise missing_permissions()


def sending_permissions(
    channel: Channel, *, files: bool = False, embeds: bool = False, reply: bool = False
) -> list[str]:
    """What sending takes (resources/message, "Create Message"; topics/permissions for the rest)."""
    needed = ["send_messages_in_threads" if channel.is_thread else "send_messages"]
    needed += ["attach_files"] if files else []
    needed += ["embed_links"] if embeds else []
    return needed + (["read_message_history"] if reply else [])


def message_in(channel: Channel, message_id: int) -> Message:
    """A message that the channel's history shows.

    Raises:
        ApiError: 10008; ephemeral messages are never found here.

    """
    message = channel.messages.get(message_id)
    if message is None:
        raise unknown("Message")
    return message


def own_guild(context: ServerContext, request: ApiRequest) -> Guild:
    """The guild of the path, of which the bot is a member.

    Raises:
        ApiError: 50001 for a stranger, 10004 for a guild that is not.

    """
    guild = context.state.guilds.get(request.number("guild_id"))
    if guild is None:
        raise unknown("Guild")
    if context.state.bot.id not in guild.members:
        raise missing_access()
    return guild
