"""`MessageAuthor`: what a user does with messages in Discord's client, such as sending, editing and reacting."""

from __future__ import annotations

from collections.abc import Sequence

from sandbox.discord import channel_changes, mentions, message_edits, messages, payloads, reactions, uploads
from sandbox.discord.command_options import NotOfferedError
from sandbox.discord.json_values import Json
from sandbox.discord.message_models import Message
from sandbox.discord.simulated_account import NotAllowedError, SimulatedAccount
from sandbox.discord.simulated_channel import SimulatedChannel
from sandbox.discord.uploads import Upload


class MessageAuthor(SimulatedAccount):
    """A user account that writes messages."""

    @property
    def dm_channel(self) -> SimulatedChannel:
        """The DM channel of this user and the bot."""
        return SimulatedChannel(self._context, self._context.state.dm_channel(self.user))

    async def send(
        self,
        channel: SimulatedChannel,
        text: str = "",
        *,
        reply_to: Message | None = None,
        attachments: Sequence[Upload] = (),
        ping: bool = True,
    ) -> Message:
        """Send a message.

        Args:
            channel: Where to.
            text: The content; mentions in it (`user.mention`) ping.
            reply_to: The message that this one replies to.
            attachments: Files.
            ping: Whether a reply pings the author of the other message.

        Raises:
            NotAllowedError: The user lacks a permission in that channel.
            NotOfferedError: There is neither text nor a file.

        """
        target = channel.channel
        needed = ["view_channel", "send_messages_in_threads" if target.is_thread else "send_messages"]
        self._require_permissions(target, *needed, *(["attach_files"] if attachments else []))
        if not text and not attachments:
            raise NotOfferedError("An empty message cannot be sent.")
        if target.archived:
            channel_changes.edit_channel(self._context, target, {"archived": False})
        pings = mentions.compute(
            text,
            mentions.REGULAR | {"replied_user": ping},
            channel=target,
            author=self.user,
            reply_to=reply_to,
            default=mentions.REGULAR,
        )
        message = Message(
            id=self._context.state.ids.next(),
            channel=target,
            author=self.user,
            content=text,
            type=messages.REPLY if reply_to else 0,
            created=self._context.clock.now(),
            attachments=[uploads.store(self._context, target, upload) for upload in attachments],
            reply_to=reply_to,
            reference=messages.reference(reply_to) if reply_to else None,
            pings=pings,
        )
        messages.publish(self._context, message)
        return message

    async def edit(self, message: Message, text: str) -> Message:
        """Change the text of an own message.

        Raises:
            NotAllowedError: The message is somebody else's.

        """
        if message.author is not self.user:
            raise NotAllowedError(f"{self.name} did not write that message.")
        return message_edits.edit(self._context, message, {"content": text}, [])

    async def delete(self, message: Message) -> None:
        """Delete an own message, or with `manage_messages` anybody's.

        Raises:
            NotAllowedError: The message is somebody else's and the user lacks `manage_messages`.

        """
        if message.author is not self.user:
            self._require_permissions(message.channel, "manage_messages")
        message_edits.delete(self._context, message)

    async def add_reaction(self, message: Message, emoji: str) -> None:
        """Add a reaction. An emoji that the message does not have yet needs `add_reactions`."""
        if all(reaction.emoji != emoji for reaction in message.reactions):
            self._require_permissions(message.channel, "add_reactions")
        self._require_permissions(message.channel, "view_channel", "read_message_history")
        reactions.add_reaction(self._context, message, self.user, emoji)

    async def remove_reaction(self, message: Message, emoji: str) -> None:
        """Remove an own reaction."""
        reactions.remove_reaction(self._context, message, self.user, emoji)

    async def start_typing(self, channel: SimulatedChannel) -> None:
        """Send TYPING_START, as the client does while somebody types."""
        target, now = channel.channel, int(self._context.clock.now())
        self._context.state.typing.append((target, self.user))
        body: Json = {"channel_id": str(target.id), "user_id": str(self.user.id), "timestamp": now}
        if target.guild is not None:
            member = payloads.member(target.guild.members[self.user.id])
            body |= {"guild_id": str(target.guild.id), "member": member}
        self._context.gateway.send_in("TYPING_START", body, target)

    async def create_thread(
        self, channel: SimulatedChannel, name: str, message: Message | None = None
    ) -> SimulatedChannel:
        """Create a public thread, from a message or without one."""
        self._require_permissions(channel.channel, "create_public_threads")
        return SimulatedChannel(
            self._context, channel_changes.create_thread(self._context, channel.channel, name, self.user, message)
        )
