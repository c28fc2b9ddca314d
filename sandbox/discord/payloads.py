"""The values as Discord writes them in JSON: what discord.py parses."""

from __future__ import annotations

import hashlib
import hmac

from sandbox.discord.clock import iso
from sandbox.discord.permissions import permissions_in
from sandbox.discord.state import (
    DIRECT,
    Attachment,
    Channel,
    Command,
    DiscordState,
    Guild,
    Json,
    Member,
    Message,
    Role,
    User,
    Webhook,
)

CDN_SECRET = b"local discord"
CDN_LINK_SECONDS = 24 * 3600
"""Attachment links expire (reference, "Signed Attachment CDN URLs")."""


def user(who: User) -> Json:
    """resources/user, "User Object"."""
    return {
        "id": str(who.id),
        "username": who.name,
        "discriminator": "0000" if who.bot else "0",
        "global_name": None if who.bot else who.display_name or who.name,
        "avatar": who.avatar_hash,
        "bot": who.bot,
        "public_flags": 0,
    }


def member(who: Member, *, with_user: bool = True) -> Json:
    """resources/guild, "Guild Member Object"."""
    body: Json = {
        "roles": [str(role_id) for role_id in sorted(who.role_ids)],
        "nick": who.nick,
        "avatar": None,
        "joined_at": who.joined_at,
        "premium_since": None,
        "deaf": False,
        "mute": False,
        "flags": 0,
        "pending": False,
    }
    return body | {"user": user(who.user)} if with_user else body


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


def channel(value: Channel, state: DiscordState) -> Json:
    """resources/channel, "Channel Object": a text channel, a thread or a direct conversation."""
    last = next(reversed(value.messages), None)
    body: Json = {"id": str(value.id), "type": value.type, "last_message_id": str(last) if last else None, "flags": 0}
    if value.type == DIRECT:
        return body | {"recipients": [user(who) for who in value.recipients]}
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
            "locked": False,
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
    """resources/guild, "Guild Object", without what GUILD_CREATE adds."""
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
    """The boost level that explains the guild's attachment limit: 50 MiB at 2, 100 MiB at 3.

    discord.py computes `Guild.filesize_limit` from it, so a guild's limit below 10 MiB can only be learnt by a 413.
    """
    mebibytes = value.attachment_limit // (1024 * 1024)
    return 3 if mebibytes >= 100 else 2 if mebibytes >= 50 else 0


def attachment_url(value: Attachment, base: str, now: float) -> str:
    """A CDN link with Discord's three parameters: expiry, issue (hexadecimal seconds) and a signature."""
    path = f"/cdn/attachments/{value.channel_id}/{value.id}/{value.filename}"
    expires, issued = f"{int(now + CDN_LINK_SECONDS):x}", f"{int(now):x}"
    return f"{base}{path}?ex={expires}&is={issued}&hm={signature(path, expires, issued)}"


def signature(path: str, expires: str, issued: str) -> str:
    """What makes a link of ours; nobody can prolong it."""
    return hmac.new(CDN_SECRET, f"{path} {expires} {issued}".encode(), hashlib.sha256).hexdigest()


def attachment(value: Attachment, base: str, now: float) -> Json:
    """resources/message, "Attachment Object"."""
    url = attachment_url(value, base, now)
    body: Json = {
        "id": str(value.id),
        "filename": value.filename,
        "size": value.size,
        "url": url,
        "proxy_url": url,
        "content_type": value.content_type,
    }
    optional = {
        "title": value.title,
        "description": value.description,
        "width": value.width,
        "height": value.height,
        "duration_secs": value.duration_secs,
        "waveform": value.waveform,
    }
    body |= {key: entry for key, entry in optional.items() if entry is not None}
    return body | {"ephemeral": True} if value.ephemeral else body


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


def resolved_channel(value: Channel, state: DiscordState, invoker: User) -> Json:
    """A channel in an interaction's `resolved`: with the invoker's permissions."""
    return channel(value, state) | {"permissions": str(permissions_in(value, invoker))}


def mentioned(message: Message, state: DiscordState) -> list[User]:
    """The accounts in a message's `mentions`: those that it pings."""
    return [state.users[user_id] for user_id in sorted(message.pings.users) if user_id in state.users]
