"""Whom a message notifies: the allowed mentions in its content (resources/message, "Allowed Mentions Object")."""

from __future__ import annotations

import re

from sandbox.discord.guild_models import User
from sandbox.discord.json_values import Json
from sandbox.discord.message_models import Channel, Message, Pings
from sandbox.discord.permissions import bits, permissions_in

REGULAR: Json = {"parse": ["users", "roles", "everyone"], "replied_user": True}
WEBHOOK: Json = {"parse": ["users"], "replied_user": False}
"""Defaults for requests without `allowed_mentions`: webhooks and interactions notify users only."""


def compute(
    content: str,
    allowed: Json | None,
    *,
    channel: Channel,
    author: User,
    reply_to: Message | None,
    default: Json,
) -> Pings:
    """The users, roles and `@everyone` that a new message notifies.

    Args:
        content: The content; mentions in code are ignored.
        allowed: The `allowed_mentions` of the request, or None.
        channel: Where the message is sent.
        author: Who sends it; the author is not notified.
        reply_to: The message that it replies to.
        default: What applies if `allowed` is None.

    """
    rule = default if allowed is None else allowed
    parse = set(rule.get("parse") or [])
    listed_users, listed_roles = _ids(rule.get("users")), _ids(rule.get("roles"))
    visible = _without_code(content)
    written_users = {int(found) for found in re.findall(r"<@!?(\d+)>", visible)}
    written_roles = {int(found) for found in re.findall(r"<@&(\d+)>", visible)}
    users = {user for user in written_users if "users" in parse or user in listed_users}
    if channel.guild is not None:
        roles = {
            role for role in written_roles if ("roles" in parse or role in listed_roles) and role in channel.guild.roles
        }
    else:
        roles = set[int]()
    may_mass = bool(permissions_in(channel, author) & bits("mention_everyone"))
    if channel.guild is not None and not may_mass:
        roles = {role for role in roles if channel.guild.roles[role].mentionable}
    everyone = (
        bool(re.search(r"@(everyone|here)\b", visible))
        and "everyone" in parse
        and may_mass
        and channel.guild is not None
    )
    if reply_to is not None and rule.get("replied_user", allowed is None) and not reply_to.deleted:
        users.add(reply_to.author.id)
    return Pings(frozenset(users - {author.id}), frozenset(roles), everyone)


def _ids(values: list[str] | None) -> set[int]:
    return {int(value) for value in values or []}


def _without_code(content: str) -> str:
    return re.sub(r"```.*?```|`[^`\n]*`", "", content, flags=re.DOTALL)
