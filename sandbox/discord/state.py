"""Everything that exists in the local Discord."""

from __future__ import annotations

from sandbox.discord.clock import Clock, Snowflakes
from sandbox.discord.guild_models import Command, Guild, User
from sandbox.discord.message_models import DIRECT, Attachment, Channel, Interaction, Message, Webhook


class DiscordState:
    """All accounts, guilds, channels, messages, webhooks, commands, interactions and files, by id."""

    def __init__(self, clock: Clock, application_id: int | None, bot_name: str) -> None:
        self.clock = clock
        self.ids = Snowflakes(clock)
        self.bot = User(id=application_id or self.ids.next(), name=bot_name, bot=True)
        self.application_id = self.bot.id
        self.owner = User(id=self.ids.next(), name="owner")
        self.users: dict[int, User] = {self.bot.id: self.bot, self.owner.id: self.owner}
        self.guilds: dict[int, Guild] = {}
        self.channels: dict[int, Channel] = {}
        self.messages: dict[int, Message] = {}
        """Every message ever created, deleted and ephemeral ones included."""
        self.webhooks: dict[int, Webhook] = {}
        self.commands: list[Command] = []
        self.interactions: dict[int, Interaction] = {}
        self.interactions_by_token: dict[str, Interaction] = {}
        self.uploads: dict[int, Attachment] = {}
        """Every file that the CDN can serve."""
        self.typing: list[tuple[Channel, User]] = []
        """Every typing indicator so far, in order."""

    def dm_channel(self, user: User) -> Channel:
        """The DM channel of the bot and this user; created on first use."""
        for channel in self.channels.values():
            if channel.type == DIRECT and user in channel.recipients:
                return channel
        channel = Channel(id=self.ids.next(), type=DIRECT, name="", recipients=[user], created=self.clock.now())
        self.channels[channel.id] = channel
        return channel

    def threads_of(self, guild: Guild) -> list[Channel]:
        """The threads of a guild."""
        return [channel for channel in self.channels.values() if channel.guild is guild and channel.is_thread]

    def channels_of(self, guild: Guild) -> list[Channel]:
        """The channels of a guild without its threads."""
        return [channel for channel in self.channels.values() if channel.guild is guild and not channel.is_thread]
