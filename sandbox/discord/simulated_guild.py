"""`SimulatedGuild`: what a test does with a guild, its channels, members and roles."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from sandbox.discord import channel_changes, guild_changes, payloads
from sandbox.discord.context import ServerContext
from sandbox.discord.guild_models import Guild, Role, User
from sandbox.discord.permissions import bits
from sandbox.discord.simulated_channel import SimulatedChannel
from sandbox.discord.simulated_user import SimulatedUser


class SimulatedGuild:
    """A guild, as returned by `LocalDiscord.add_guild`."""

    def __init__(self, context: ServerContext, guild: Guild) -> None:
        self._context = context
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
    def default_role(self) -> Role:
        """The role `@everyone`."""
        return self.guild.roles[self.guild.id]

    def add_channel(self, name: str, *, nsfw: bool = False, topic: str | None = None) -> SimulatedChannel:
        """Create a text channel."""
        return SimulatedChannel(
            self._context, channel_changes.create_channel(self._context, self.guild, name, nsfw=nsfw, topic=topic)
        )

    def add_member(
        self,
        name_or_user: str | SimulatedUser,
        *,
        permissions: Iterable[str] = (),
        nick: str | None = None,
        bot: bool = False,
    ) -> SimulatedUser:
        """Add a member.

        Args:
            name_or_user: The name of a new account, or an existing user.
            permissions: Names as in `discord.Permissions`, given in addition to those of `@everyone`.
            nick: The nickname in this guild.
            bot: Whether a new account is a bot.

        """
        if isinstance(name_or_user, str):
            user = User(self._context.state.ids.next(), name_or_user, bot=bot)
            self._context.state.users[user.id] = user
            name_or_user = SimulatedUser(self._context, user)
        guild_changes.add_member(self._context, self.guild, name_or_user.user, permissions, nick)
        return name_or_user

    def remove_member(self, user: SimulatedUser) -> None:
        """Remove a member."""
        guild_changes.remove_member(self._context, self.guild, user.user)

    def add_role(
        self, name: str, *, permissions: Iterable[str] = (), mentionable: bool = False, to: Iterable[SimulatedUser] = ()
    ) -> Role:
        """Create a role with these permissions and give it to users."""
        role = guild_changes.create_role(self._context, self.guild, name, bits(*permissions), mentionable=mentionable)
        for user in to:
            member = self.guild.members[user.id]
            member.role_ids.add(role.id)
            body = payloads.member(member) | {"guild_id": str(self.guild.id)}
            self._context.gateway.send("GUILD_MEMBER_UPDATE", body, guild=self.guild)
        return role

    def add_bot_permissions(self, *names: str) -> None:
        """Give the bot's roles permissions, named as in `discord.Permissions`."""
        self._change_bot_roles(lambda value: value | bits(*names))

    def remove_bot_permissions(self, *names: str) -> None:
        """Take permissions from the bot in the whole guild: from its roles and from `@everyone`."""
        self.default_role.permissions &= ~bits(*names)
        guild_changes.send_role_event(self._context, self.guild, self.default_role, "GUILD_ROLE_UPDATE")
        self._change_bot_roles(lambda value: value & ~bits(*names))

    def _change_bot_roles(self, change: Callable[[int], int]) -> None:
        for role_id in self.guild.members[self._context.state.bot.id].role_ids:
            role = self.guild.roles[role_id]
            role.permissions = change(role.permissions)
            guild_changes.send_role_event(self._context, self.guild, role, "GUILD_ROLE_UPDATE")

    def add_bot(self) -> None:
        """Add the bot to the guild, as an invitation does."""
        guild_changes.add_bot(self._context, self.guild)

    def remove_bot(self) -> None:
        """Remove the bot from the guild."""
        guild_changes.remove_bot(self._context, self.guild)
