"""Accounts, guilds, roles, members and application commands, as the local Discord keeps them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from sandbox.discord.json_values import Json

DEFAULT_ATTACHMENT_LIMIT = 10 * 1024 * 1024
"""Bytes per file in a guild without boosts and in DMs (reference, "Uploading Files")."""


@dataclass(eq=False)
class User:
    """An account: a person, a bot, or the face of a webhook message."""

    id: int
    name: str
    display_name: str | None = None
    bot: bool = False
    avatar: bytes | None = None
    accepts_dms: bool = True

    @property
    def avatar_hash(self) -> str | None:
        """The name of the avatar on the CDN."""
        return hashlib.md5(self.avatar, usedforsecurity=False).hexdigest() if self.avatar else None

    @property
    def mention(self) -> str:
        """What to write to mention this account."""
        return f"<@{self.id}>"


@dataclass(eq=False)
class Role:
    """A role; the one with the guild's own id is `@everyone`."""

    id: int
    name: str
    permissions: int
    position: int = 0
    mentionable: bool = False


@dataclass(frozen=True)
class Overwrite:
    """A channel's exception for one role (`type` 0) or one member (`type` 1)."""

    target_id: int
    type: int
    allow: int
    deny: int


@dataclass(eq=False)
class Member:
    """A user in a guild."""

    user: User
    role_ids: set[int]
    joined_at: str
    nick: str | None = None


@dataclass(eq=False)
class Guild:
    """A server."""

    id: int
    name: str
    owner_id: int
    roles: dict[int, Role]
    members: dict[int, Member] = field(default_factory=dict[int, Member])
    attachment_limit: int = DEFAULT_ATTACHMENT_LIMIT
    locale: str = "en-US"


@dataclass(eq=False)
class Command:
    """A registered application command: `data` is what was registered, with ids."""

    id: int
    type: int
    name: str
    data: Json
    guild_id: int | None = None
