"""Who wants something: a person in a channel, with what Discord lets them do there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from bot.domain.channels import Channel


class Permission(StrEnum):
    """The permissions of Discord that are asked for; the values are the names of discord.py's flags."""

    VIEW_CHANNEL = "view_channel"
    READ_MESSAGE_HISTORY = "read_message_history"
    SEND_MESSAGES = "send_messages"
    SEND_MESSAGES_IN_THREADS = "send_messages_in_threads"
    ATTACH_FILES = "attach_files"
    MANAGE_MESSAGES = "manage_messages"
    MANAGE_CHANNELS = "manage_channels"
    MANAGE_THREADS = "manage_threads"
    MANAGE_GUILD = "manage_guild"

    @property
    def label(self) -> str:
        """Its name in Discord's settings."""
        return _LABELS.get(self, self.value.replace("_", " ").title())


_LABELS = {
    Permission.SEND_MESSAGES_IN_THREADS: "Send Messages in Threads",
    Permission.MANAGE_GUILD: "Manage Server",
}


@dataclass(frozen=True, kw_only=True)
class Actor:
    """A person who wants something in a channel.

    Attributes:
        user_id: Discord user id.
        name: Display name.
        channel: Where.
        permissions: Of the person in that channel. In direct messages people have every permission.
        guild_permissions: Of the person in the whole server, without exceptions for the channel.
        bot_permissions: Of the bot in that channel.
        role_ids: Of the person in the server.

    """

    user_id: int
    name: str
    channel: Channel
    permissions: frozenset[Permission]
    guild_permissions: frozenset[Permission] = frozenset()
    bot_permissions: frozenset[Permission]
    role_ids: frozenset[int] = frozenset()


SeesChannel = Callable[[int], bool]
"""Whether a person may view the channel with that id; False: the channel is not known."""
