"""A guild in a test's hands: channels, members, roles, limits."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from sandbox.discord import payloads, places
from sandbox.discord.core import Core
from sandbox.discord.people import Person
from sandbox.discord.permissions import bits
from sandbox.discord.rooms import Room
from sandbox.discord.state import Guild, Role, User


class GuildPlace:
    """A server. Made by `LocalDiscord.add_guild`."""

    def __init__(self, core: Core, guild: Guild) -> None:
        self._core = core
        self.guild = guild

    @property
    def id(self) -> int:
        """The guild's snowflake."""
        return self.guild.id

    @property
    def name(self) -> str:
        """The guild's name."""
        return self.guild.name

    @property
    def everyone(self) -> Role:
        """The role that everybody has."""
        return self.guild.roles[self.guild.id]

    def add_channel(self, name: str, *, nsfw: bool = False, topic: str | None = None) -> Room:
        """A text channel."""
        return Room(self._core, places.make_channel(self._core, self.guild, name, nsfw=nsfw, topic=topic))

    def add_member(
        self,
        who: str | Person,
        *,
        permissions: Iterable[str] = (),
        nick: str | None = None,
        bot: bool = False,
    ) -> Person:
        """Somebody joins: a new account of that name, or a known one; `permissions` come on top of `@everyone`'s."""
        if isinstance(who, str):
            user = User(self._core.world.ids.next(), who, bot=bot)
            self._core.world.users[user.id] = user
            who = Person(self._core, user)
        places.join(self._core, self.guild, who.user, permissions, nick)
        return who

    def remove_member(self, person: Person) -> None:
        """Somebody leaves."""
        places.leave(self._core, self.guild, person.user)

    def add_role(
        self, name: str, *, permissions: Iterable[str] = (), mentionable: bool = False, to: Iterable[Person] = ()
    ) -> Role:
        """A role, given to some people."""
        role = places.make_role(self._core, self.guild, name, bits(*permissions), mentionable=mentionable)
        for person in to:
            member = self.guild.members[person.id]
            member.role_ids.add(role.id)
            body = payloads.member(member) | {"guild_id": str(self.guild.id)}
            self._core.gateway.send("GUILD_MEMBER_UPDATE", body, guild=self.guild)
        return role

    def allow_bot(self, *names: str) -> None:
        """Give the bot more."""
        self._change_bot(lambda value: value | bits(*names))

    def deny_bot(self, *names: str) -> None:
        """Take permissions from the bot in the whole guild, from `@everyone` too, since roles only add."""
        self.everyone.permissions &= ~bits(*names)
        places.tell_role(self._core, self.guild, self.everyone, "GUILD_ROLE_UPDATE")
        self._change_bot(lambda value: value & ~bits(*names))

    def _change_bot(self, change: Callable[[int], int]) -> None:
        for role_id in self.guild.members[self._core.world.bot.id].role_ids:
            role = self.guild.roles[role_id]
            role.permissions = change(role.permissions)
            places.tell_role(self._core, self.guild, role, "GUILD_ROLE_UPDATE")

    def invite_bot(self) -> None:
        """The bot joins."""
        places.join_bot(self._core, self.guild)

    def remove_bot(self) -> None:
        """The bot is thrown out."""
        places.leave_bot(self._core, self.guild)
