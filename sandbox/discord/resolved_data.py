"""An interaction's `resolved` data: the accounts, channels, roles and files that its values refer to by id."""

from __future__ import annotations

from typing import Any

from sandbox.discord import attachment_payload, guild_payloads, payloads, uploads
from sandbox.discord.context import ServerContext
from sandbox.discord.guild_models import Role, User
from sandbox.discord.json_values import Json
from sandbox.discord.message_models import Channel
from sandbox.discord.permissions import permissions_in
from sandbox.discord.uploads import Upload


class ResolvedData:
    """Collects `resolved` data while an interaction is filled in. Each method returns the id of what was added."""

    def __init__(self, context: ServerContext, channel: Channel, user: User) -> None:
        self._context = context
        self._channel = channel
        self._invoker = user
        self.data: Json = {}

    def _add(self, kind: str, key: int, body: Any) -> str:
        self.data.setdefault(kind, {})[str(key)] = body
        return str(key)

    def user(self, user: User) -> str:
        """Add an account, and its membership if it is a member."""
        member = self._channel.guild.members.get(user.id) if self._channel.guild else None
        if member is not None:
            body = payloads.member(member, with_user=False)
            self._add("members", user.id, body | {"permissions": str(permissions_in(self._channel, user))})
        return self._add("users", user.id, payloads.user(user))

    def channel(self, channel: Channel) -> str:
        """Add a channel, with the user's permissions in it."""
        return self._add(
            "channels", channel.id, guild_payloads.resolved_channel(channel, self._context.state, self._invoker)
        )

    def role(self, role: Role) -> str:
        """Add a role."""
        return self._add("roles", role.id, payloads.role(role))

    def upload(self, upload: Upload) -> str:
        """Store a file on the CDN and add it."""
        attachment = uploads.store(self._context, self._channel, upload)
        attachment.ephemeral = True
        body = attachment_payload.attachment(attachment, self._context.base_url, self._context.clock.now())
        return self._add("attachments", attachment.id, body)
