"""Accounts, members, roles, webhooks and commands as Discord's JSON."""

from __future__ import annotations

from sandbox.discord.guild_models import Command, Member, Role, User
from sandbox.discord.json_values import Json
from sandbox.discord.message_models import Message, Webhook
from sandbox.discord.state import DiscordState


def user(value: User) -> Json:
    """resources/user, "User Object"."""
    return {
        "id": str(value.id),
        "username": value.name,
        "discriminator": "0000" if value.bot else "0",
        "global_name": None if value.bot else value.display_name or value.name,
        "avatar": value.avatar_hash,
        "bot": value.bot,
        "public_flags": 0,
    }


def member(value: Member, *, with_user: bool = True) -> Json:
    """resources/guild, "Guild Member Object"."""
    body: Json = {
        "roles": [str(role_id) for role_id in sorted(value.role_ids)],
        "nick": value.nick,
        "avatar": None,
        "joined_at": value.joined_at,
        "premium_since": None,
        "deaf": False,
        "mute": False,
        "flags": 0,
        "pending": False,
    }
    return body | {"user": user(value.user)} if with_user else body


def role(value: Role) -> Json:
    """topics/permissions, "Role Object"."""
    return {
        "id": str(value.id),
        "name": value.name,
        "color": 0,
        "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None},
        "hoist": False,
        "position": value.position,
        "permissions": str(value.permissions),
        "managed": False,
        "mentionable": value.mentionable,
        "flags": 0,
    }


def webhook(value: Webhook, base: str) -> Json:
    """resources/webhook, "Webhook Object" of an incoming webhook."""
    guild_id = str(value.channel.guild.id) if value.channel.guild else None
    return {
        "id": str(value.id),
        "type": 1,
        "guild_id": guild_id,
        "channel_id": str(value.channel.id),
        "user": user(value.creator),
        "name": value.name,
        "avatar": value.author.avatar_hash,
        "token": value.token,
        "application_id": str(value.application_id) if value.application_id else None,
        "url": f"{base}/api/v10/webhooks/{value.id}/{value.token}",
    }


def command(value: Command, application_id: int) -> Json:
    """interactions/application-commands, "Application Command Object"."""
    fixed: Json = {
        "id": str(value.id),
        "application_id": str(application_id),
        "version": str(value.id),
        "type": value.type,
        "name": value.name,
    }
    defaults: Json = {
        "description": "",
        "options": [],
        "default_member_permissions": None,
        "dm_permission": True,
        "nsfw": False,
        "contexts": None,
        "integration_types": [0],
    }
    guild_part: Json = {"guild_id": str(value.guild_id)} if value.guild_id else {}
    return defaults | value.data | fixed | guild_part


def mentioned(message: Message, state: DiscordState) -> list[User]:
    """The users in `mentions`: those that the message notifies."""
    return [state.users[user_id] for user_id in sorted(message.pings.users) if user_id in state.users]
