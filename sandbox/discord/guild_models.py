"""Accounts, guilds, roles, members and application commands, as the local Discord keeps them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from sandbox.discord.json_values import Json

DEFAULT_ATTACHMENT_LIMIT = 10 * 1024 * 1024
"""The largest attachment in bytes, in DMs and in guilds without boosts (reference, "Uploading Files")."""


@dataclass(eq=False)
class User:
    """An account of a person or a bot, or the author that a webhook message shows."""

    id: int
    name: str
    display_name: str | None = None
    bot: bool = False
    avatar: bytes | None = None
    accepts_dms: bool = True

    @property
    def avatar_hash(self) -> str | None:
        """The avatar's hash, which is its name on the CDN; None without an avatar."""
        return hashlib.md5(self.avatar, usedforsecurity=False).hexdigest() if self.avatar else None

    @property
    def mention(self) -> str:
        """The text that mentions this account."""
        return f"<@{self.id}>"


@dataclass(eq=False)
class Role:
    """A role. The role with the guild's own id is `@everyone`."""

    id: int
    name: str
    permissions: int
    position: int = 0
    mentionable: bool = False


@dataclass(frozen=True)
class Overwrite:
    """A permission overwrite of a channel for a role (`type` 0) or a member (`type` 1)."""

    target_id: int
    type: int
    allow: int
    deny: int


@dataclass(eq=False)
class Member:
    """A user as a member of a guild."""

    user: User
    role_ids: set[int]
    joined_at: str
    nick: str | None = None


@dataclass(eq=False)
class Guild:
    """A guild."""

    id: int
    name: str
    owner_id: int
    roles: dict[int, Role]
    members: dict[int, Member] = field(default_factory=dict[int, Member])
    attachment_limit: int = DEFAULT_ATTACHMENT_LIMIT
    """The largest attachment in bytes."""
    locale: str = "en-US"


@dataclass(eq=False)
class Command:
    """A registered application command; `data` is its body as it was registered."""

    id: int
    type: int
    name: str
    data: Json
    guild_id: int | None = None
    """The guild for which it is registered; None: global."""
