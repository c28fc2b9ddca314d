"""Computing permissions as Discord documents it (topics/permissions, "Permission Overwrites").

The base permissions are those of `@everyone` and of the member's roles; the owner and administrators have all. Then the
channel's overwrites apply: `@everyone`, all roles together, the member. Without VIEW_CHANNEL no permission is left, and
without SEND_MESSAGES none that depends on it.
"""

from __future__ import annotations

import discord

from sandbox.discord.guild_models import Guild, Member, User
from sandbox.discord.message_models import Channel

ALL = discord.Permissions.all().value


def bits(*names: str) -> int:
    """The bits of permissions that are named as in `discord.Permissions`, such as `"send_messages"`."""
    value = discord.Permissions()
    value.update(**dict.fromkeys(names, True))
    return value.value


def permission_names(value: int) -> list[str]:
    """The names of the permissions whose bits are set, for error messages."""
    return [name for name, is_set in discord.Permissions(value) if is_set]


EVERYONE_DEFAULT = bits(
    "view_channel",
    "send_messages",
    "send_messages_in_threads",
    "create_public_threads",
    "embed_links",
    "attach_files",
    "add_reactions",
    "read_message_history",
    "use_external_emojis",
    "use_application_commands",
    "send_voice_messages",
)
"""`@everyone`'s permissions in a new guild, without those of voice channels and invites."""

BOT_DEFAULT = EVERYONE_DEFAULT | bits("manage_webhooks")
"""Permissions of the bot's own role."""

DIRECT_PERMISSIONS = bits(
    "view_channel",
    "send_messages",
    "embed_links",
    "attach_files",
    "add_reactions",
    "read_message_history",
    "mention_everyone",
    "use_external_emojis",
    "use_application_commands",
    "send_voice_messages",
)

USER_INSTALLED_PERMISSIONS = bits("attach_files", "embed_links", "mention_everyone", "use_external_emojis")
"""`app_permissions` where the application is no member of the guild and can only respond to interactions."""

_SEND_DEPENDENT = bits("mention_everyone", "send_tts_messages", "attach_files", "embed_links", "send_voice_messages")


def base_permissions(guild: Guild, member: Member) -> int:
    """A member's permissions in the guild, before a channel's overwrites."""
    if guild.owner_id == member.user.id:
        return ALL
    value = guild.roles[guild.id].permissions
    for role_id in member.role_ids:
        value |= guild.roles[role_id].permissions if role_id in guild.roles else 0
    return ALL if value & bits("administrator") else value


def permissions_in(channel: Channel, user: User) -> int:
    """A user's permissions in a channel, with its overwrites; 0 for users who are no members."""
    if channel.guild is None:
        return DIRECT_PERMISSIONS
    member = channel.guild.members.get(user.id)
    if member is None:
        return 0
    value = base_permissions(channel.guild, member)
    if value == ALL:
        return ALL
    value = _with_overwrites(value, channel.parent or channel, channel.guild, member)
    if not value & bits("view_channel"):
        return 0
    sending = "send_messages_in_threads" if channel.is_thread else "send_messages"
    if not value & bits(sending):
        value &= ~_SEND_DEPENDENT
    return value


def _with_overwrites(value: int, channel: Channel, guild: Guild, member: Member) -> int:
    everyone = channel.overwrites.get(guild.id)
    if everyone:
        value = (value & ~everyone.deny) | everyone.allow
    allow = deny = 0
    for role_id in member.role_ids:
        if role_id != guild.id and (overwrite := channel.overwrites.get(role_id)):
            allow |= overwrite.allow
            deny |= overwrite.deny
    value = (value & ~deny) | allow
    own = channel.overwrites.get(member.user.id)
    return (value & ~own.deny) | own.allow if own else value


def missing(channel: Channel, user: User, *names: str) -> list[str]:
    """Which of the named permissions a user lacks in a channel."""
    granted = permissions_in(channel, user)
    return [name for name in names if not granted & bits(name)]
