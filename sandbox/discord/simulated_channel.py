"""`SimulatedChannel`: what a test reads from a channel, waits for in it and changes about it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from sandbox.discord import channel_changes, guild_payloads
from sandbox.discord.context import ServerContext
from sandbox.discord.guild_models import Overwrite, Role, User
from sandbox.discord.message_models import Channel, Message, Webhook
from sandbox.discord.permissions import bits
from sandbox.discord.simulated_account import SimulatedAccount
from sandbox.discord.simulated_interaction import DEFAULT_TIMEOUT
from sandbox.discord.webhooks import create_webhook as make_webhook


class SimulatedChannel:
    """A text channel, a thread or a DM channel."""

    def __init__(self, context: ServerContext, channel: Channel) -> None:
        self._context = context
        self.channel = channel

    @property
    def id(self) -> int:
        """The channel's snowflake."""
        return self.channel.id

    @property
    def name(self) -> str:
        """The channel's name."""
        return self.channel.name

    @property
    def mention(self) -> str:
        """The text that mentions this channel."""
        return f"<#{self.id}>"

    @property
    def messages(self) -> list[Message]:
        """The messages of the channel, oldest first; deleted and ephemeral ones are not among them."""
        return list(self.channel.messages.values())

    @property
    def bot_messages(self) -> list[Message]:
        """The messages that the bot sent, also through webhooks and interactions."""
        bot = self._context.state.bot
        return [message for message in self.messages if message.author is bot or message.webhook_id is not None]

    @property
    def webhooks(self) -> list[Webhook]:
        """The channel's webhooks."""
        return [webhook for webhook in self._context.state.webhooks.values() if webhook.channel is self.channel]

    @property
    def typing_count(self) -> int:
        """How often the bot triggered its typing indicator here."""
        return sum(
            1
            for channel, user in self._context.state.typing
            if channel is self.channel and user is self._context.state.bot
        )

    # -- waiting ----------------------------------------------------------------------------------------------------

    async def wait_for_message(
        self,
        predicate: Callable[[Message], object] = lambda message: not message.loading,
        timeout: float = DEFAULT_TIMEOUT,  # noqa: ASYNC109 - a deadline of the test
        *,
        after: Message | None = None,
    ) -> Message:
        """Wait for a message for which `predicate` is true, and return the oldest such message.

        Messages that are there already count, and so do later edits.

        `after` leaves out everything up to that message.

        Raises:
            TimeoutError: There is none within `timeout` seconds.

        """
        least = after.id if after else 0

        def look() -> Message | None:
            return next((entry for entry in self.messages if entry.id > least and predicate(entry)), None)

        return await self._context.changes.wait_until(look, timeout=timeout, what=f"a message in #{self.name}")

    async def wait_for_edit(
        self,
        message: Message,
        predicate: Callable[[Message], object] | None = None,
        timeout: float = DEFAULT_TIMEOUT,  # noqa: ASYNC109 - a deadline of the test
    ) -> Message:
        """Wait until `predicate` is true for the message; without a predicate, until the message is edited once more.

        Raises:
            TimeoutError: That does not happen within `timeout` seconds.

        """
        before = len(message.versions)

        def edited(changed: Message) -> bool:
            return len(changed.versions) > before

        fits = predicate or edited
        what = f"an edit of the message {message.text()[:60]!r}"
        return await self._context.changes.wait_until(
            lambda: message if fits(message) else None, timeout=timeout, what=what
        )

    async def wait_for_deletion(self, message: Message, timeout: float = DEFAULT_TIMEOUT) -> None:  # noqa: ASYNC109
        """Wait until the message is deleted."""
        await self._context.changes.wait_until(lambda: message.deleted or None, timeout=timeout, what="a deletion")

    async def wait_for_reaction(self, message: Message, emoji: str, timeout: float = DEFAULT_TIMEOUT) -> None:  # noqa: ASYNC109
        """Wait until the message has a reaction with that emoji."""

        def look() -> bool:
            return any(reaction.emoji == emoji for reaction in message.reactions)

        await self._context.changes.wait_until(look, timeout=timeout, what=f"the reaction {emoji}")

    # -- changing ---------------------------------------------------------------------------------------------------

    def set_permissions(
        self, whom: SimulatedAccount | Role | User | None, *, allow: Iterable[str] = (), deny: Iterable[str] = ()
    ) -> None:
        """Set the permission overwrite of a user, a role or (None) `@everyone`, and send CHANNEL_UPDATE.

        `allow` and `deny` are names as in `discord.Permissions`. An earlier overwrite of the same target is replaced.

        Raises:
            ValueError: This is a DM channel, which has no overwrites.

        """
        guild = self.channel.guild
        if guild is None:
            raise ValueError("A DM channel has no permission overwrites.")
        target = guild.id if whom is None else whom.id
        kind = 0 if whom is None or isinstance(whom, Role) else 1
        channel = self.channel.parent or self.channel
        channel.overwrites[target] = Overwrite(target, kind, bits(*allow), bits(*deny))
        self._context.gateway.send("CHANNEL_UPDATE", guild_payloads.channel(channel, self._context.state), guild=guild)

    def edit(
        self,
        *,
        name: str | None = None,
        nsfw: bool | None = None,
        archived: bool | None = None,
        locked: bool | None = None,
    ) -> None:
        """Change name, age restriction, archive state or lock, and send CHANNEL_UPDATE or THREAD_UPDATE."""
        changes = {"name": name, "nsfw": nsfw, "archived": archived, "locked": locked}
        given = {key: value for key, value in changes.items() if value is not None}
        channel_changes.edit_channel(self._context, self.channel, given)

    def delete(self) -> None:
        """Delete the channel with its threads and webhooks."""
        channel_changes.delete_channel(self._context, self.channel)

    def add_webhook(self, name: str, creator: User, avatar: bytes | None = None) -> Webhook:
        """Add a webhook that `creator` made."""
        return make_webhook(self._context, self.channel, name, creator, avatar)
