"""Guilds, channels and threads as Discord's JSON."""

from __future__ import annotations

from sandbox.discord import payloads
from sandbox.discord.clock import iso
from sandbox.discord.guild_models import Guild, User
from sandbox.discord.json_values import Json
from sandbox.discord.message_models import DIRECT, Channel
from sandbox.discord.payloads import role
from sandbox.discord.permissions import permissions_in
from sandbox.discord.state import DiscordState


def channel(value: Channel, state: DiscordState) -> Json:
    """resources/channel, "Channel Object": a text channel, a thread or a DM channel."""
    last = next(reversed(value.messages), None)
    body: Json = {"id": str(value.id), "type": value.type, "last_message_id": str(last) if last else None, "flags": 0}
    if value.type == DIRECT:
        return body | {"recipients": [payloads.user(recipient) for recipient in value.recipients]}
    if value.guild is None:
        return body
    body |= {"name": value.name, "guild_id": str(value.guild.id), "rate_limit_per_user": 0}
    if value.parent is not None:
        return body | _thread_part(value, value.parent, state)
    overwrites = [
        {"id": str(entry.target_id), "type": entry.type, "allow": str(entry.allow), "deny": str(entry.deny)}
        for entry in value.overwrites.values()
    ]
    position = (
        [other.id for other in state.channels_of(value.guild)].index(value.id) if value.id in state.channels else 0
    )
    return body | {
        "position": position,
        "permission_overwrites": overwrites,
        "nsfw": value.nsfw,
        "topic": value.topic,
        "parent_id": None,
    }


def _thread_part(value: Channel, parent: Channel, state: DiscordState) -> Json:
    body: Json = {
        "parent_id": str(parent.id),
        "owner_id": str(value.owner_id),
        "message_count": len(value.messages),
        "member_count": len(value.thread_members),
        "total_message_sent": len(value.messages),
        "thread_metadata": {
            "archived": value.archived,
            "auto_archive_duration": 1440,
            "archive_timestamp": iso(value.created),
            "locked": value.locked,
            "create_timestamp": iso(value.created),
        },
    }
    if state.bot.id in value.thread_members:
        body["member"] = {
            "id": str(value.id),
            "user_id": str(state.bot.id),
            "join_timestamp": iso(value.created),
            "flags": 1,
        }
    return body


def guild(value: Guild, state: DiscordState) -> Json:
    """resources/guild, "Guild Object", without the fields that only GUILD_CREATE has."""
    return {
        "id": str(value.id),
        "name": value.name,
        "icon": None,
        "splash": None,
        "discovery_splash": None,
        "owner_id": str(value.owner_id),
        "region": "local",
        "afk_channel_id": None,
        "afk_timeout": 300,
        "verification_level": 0,
        "default_message_notifications": 0,
        "explicit_content_filter": 0,
        "roles": [role(entry) for entry in value.roles.values()],
        "emojis": [],
        "stickers": [],
        "features": [],
        "mfa_level": 0,
        "application_id": None,
        "system_channel_id": None,
        "system_channel_flags": 0,
        "rules_channel_id": None,
        "vanity_url_code": None,
        "description": "A local sandbox; not Discord.",
        "banner": None,
        "premium_tier": premium_tier(value),
        "preferred_locale": value.locale,
        "public_updates_channel_id": None,
        "nsfw_level": 0,
        "premium_progress_bar_enabled": False,
        "safety_alerts_channel_id": None,
        "premium_subscription_count": 0,
        "approximate_member_count": len(value.members),
        "bot_user_id": str(state.bot.id),
    }


def premium_tier(value: Guild) -> int:
    """The boost level that corresponds to the guild's attachment limit: level 2 for 50 MiB, level 3 for 100 MiB.

    discord.py computes `Guild.filesize_limit` from the level, so a bot learns of a limit below 10 MiB only by a status
    413.
    """
    mebibytes = value.attachment_limit // (1024 * 1024)
    return 3 if mebibytes >= 100 else 2 if mebibytes >= 50 else 0


def resolved_channel(value: Channel, state: DiscordState, invoker: User) -> Json:
    """A channel in an interaction's `resolved` data, with the permissions of the user."""
    return channel(value, state) | {"permissions": str(permissions_in(value, invoker))}
