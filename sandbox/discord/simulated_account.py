"""`SimulatedAccount`: who a simulated user is, and what that user may do and see."""

from __future__ import annotations

from sandbox.discord.context import ServerContext
from sandbox.discord.guild_models import User
from sandbox.discord.message_models import DIRECT, Channel, Message
from sandbox.discord.permissions import missing


class NotAllowedError(Exception):
    """The user lacks a permission for that, or the message is somebody else's."""


class SimulatedAccount:
    """A user account of the local Discord."""

    def __init__(self, context: ServerContext, user: User) -> None:
        self._context = context
        self.user = user

    @property
    def id(self) -> int:
        """The user's snowflake."""
        return self.user.id

    @property
    def name(self) -> str:
        """The account's name."""
        return self.user.name

    @property
    def mention(self) -> str:
        """The text that mentions this user."""
        return self.user.mention

    def can_see(self, message: Message) -> bool:
        """Whether Discord's client shows this user the message."""
        if message.deleted:
            return False
        if message.ephemeral:
            return message.interaction is not None and message.interaction.user is self.user
        if message.channel.type == DIRECT:
            return self.user in message.channel.recipients
        return not missing(message.channel, self.user, "view_channel")

    def is_pinged_by(self, message: Message) -> bool:
        """Whether the message pings this user: by a mention, a role or `@everyone`."""
        guild = message.channel.guild
        member = guild.members.get(self.id) if guild else None
        by_role = member is not None and bool(member.role_ids & message.pings.roles)
        return self.id in message.pings.users or by_role or message.pings.everyone

    def _require_permissions(self, channel: Channel, *names: str) -> None:
        lacking = missing(channel, self.user, *names)
        if lacking:
            raise NotAllowedError(f"{self.name} lacks {lacking} in #{channel.name}.")
