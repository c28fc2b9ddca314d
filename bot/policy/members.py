"""The roles of people in servers, as Discord last told them. In memory only."""

from __future__ import annotations

from typing import Final

from bot.policy.access import Member
from bot.policy.actor import Actor, Permission

_MOST: Final = 10_000


class KnownMembers:
    """Of the people who did something last: whatever they do in a server, Discord sends their roles with it.

    A job is not always made for somebody who pressed for it just now: a character draws by itself, an edited message is
    spoken anew. Somebody who is not known has no roles here, so that what is open to some roles stays closed.
    """

    def __init__(self) -> None:
        self._members: dict[tuple[int, int], Member] = {}

    def remember(self, guild_id: int | None, member: Member) -> None:
        """Keep what Discord told about a person in a server; in direct messages nobody has roles."""
        if guild_id is None:
            return
        self._members.pop((guild_id, member.user_id), None)
        self._members[guild_id, member.user_id] = member
        if len(self._members) > _MOST:
            del self._members[next(iter(self._members))]

    def remember_actor(self, actor: Actor) -> None:
        """As `remember`, of somebody who wants something now."""
        self.remember(actor.channel.guild_id, member_of(actor))

    def knows(self, guild_id: int, user_id: int) -> bool:
        """Discord told about that person since the start."""
        return (guild_id, user_id) in self._members

    def get(self, guild_id: int | None, user_id: int) -> Member:
        """The person in that server."""
        known = self._members.get((guild_id, user_id)) if guild_id is not None else None
        return known or Member(user_id=user_id)


def member_of(actor: Actor) -> Member:
    """The actor as the rules see them."""
    manages = not actor.channel.is_direct and Permission.MANAGE_GUILD in actor.guild_permissions
    return Member(user_id=actor.user_id, role_ids=actor.role_ids, manages_guild=manages)
