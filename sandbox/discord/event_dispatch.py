"""Sending gateway events to the sessions that may see them (events/gateway-events)."""

from __future__ import annotations

from sandbox.discord import guild_payloads, message_payload, payloads
from sandbox.discord.clock import ChangeNotifier
from sandbox.discord.guild_models import Guild
from sandbox.discord.json_values import Json
from sandbox.discord.message_models import DIRECT, Channel, Message
from sandbox.discord.permissions import bits, permissions_in
from sandbox.discord.sessions import GUILD_MEMBERS, MESSAGE_CONTENT, PRESENCES, GatewaySession
from sandbox.discord.state import DiscordState


class EventDispatcher:
    """The gateway sessions of the application, and the events that they are sent.

    Args:
        state: What the events tell of.
        changes: Notified after every event.
        privileged_intents: The privileged intents that are switched on for the application.

    """

    def __init__(self, state: DiscordState, changes: ChangeNotifier, privileged_intents: int) -> None:
        self.state = state
        self.changes = changes
        self.privileged_intents = privileged_intents
        self.base_url = ""
        """`http://127.0.0.1:PORT`, known once the server listens."""
        self.sessions: list[GatewaySession] = []

    # -- the application's privileged intents

    @property
    def application_flags(self) -> int:
        """The application's flags: the LIMITED flags of its privileged intents (resources/application)."""
        limited = {PRESENCES: 1 << 13, GUILD_MEMBERS: 1 << 15, MESSAGE_CONTENT: 1 << 19}
        return sum(flag for intent, flag in limited.items() if self.privileged_intents & intent) | 1 << 23

    @property
    def may_read_content(self) -> bool:
        """Whether the application has the privileged message content intent."""
        return bool(self.privileged_intents & MESSAGE_CONTENT)

    @property
    def may_list_members(self) -> bool:
        """Whether the application has the privileged guild members intent."""
        return bool(self.privileged_intents & GUILD_MEMBERS)

    # -- events

    def send(self, event: str, data: Json, *, guild: Guild | None = None) -> None:
        """Send an event of a guild, or of DMs (None), to every session with the intent for it."""
        for session in self.sessions:
            if session.wants(event, direct=guild is None, guild_id=guild.id if guild else None):
                session.send(event, data)
        self.changes.notify()

    def send_in(self, event: str, data: Json, channel: Channel) -> None:
        """Send an event of a channel, unless the bot may not view that channel."""
        if permissions_in(channel, self.state.bot) & bits("view_channel"):
            self.send(event, data, guild=channel.guild)
        self.changes.notify()

    def send_message(self, event: str, message: Message) -> None:
        """Send MESSAGE_CREATE or MESSAGE_UPDATE; sessions without the message content intent may get no content."""
        self.changes.notify()
        channel = message.channel
        if message.ephemeral or not permissions_in(channel, self.state.bot) & bits("view_channel"):
            return
        body = message_payload.event(message, self.state, self.base_url)
        always_readable = message_payload.needs_no_content_intent(message, self.state)
        guild_id = channel.guild.id if channel.guild else None
        for session in self.sessions:
            if session.wants(event, direct=channel.type == DIRECT, guild_id=guild_id):
                readable = always_readable or session.intents & MESSAGE_CONTENT
                session.send(event, body if readable else message_payload.without_content(body))

    def send_guild_create(self, session: GatewaySession, guild: Guild) -> None:
        """Send GUILD_CREATE to a session.

        With the presences intent it has all members, else only the bot: clients ask for the others in chunks.
        """
        state = self.state
        members = guild.members.values() if session.intents & PRESENCES else [guild.members[state.bot.id]]
        threads = [thread for thread in state.threads_of(guild) if not thread.archived]
        more: Json = {
            "joined_at": guild.members[state.bot.id].joined_at,
            "large": len(guild.members) >= 250,
            "unavailable": False,
            "member_count": len(guild.members),
            "voice_states": [],
            "members": [payloads.member(member) for member in members],
            "channels": [guild_payloads.channel(channel, state) for channel in state.channels_of(guild)],
            "threads": [guild_payloads.channel(thread, state) for thread in threads],
            "presences": [],
            "stage_instances": [],
            "guild_scheduled_events": [],
            "soundboard_sounds": [],
        }
        session.send("GUILD_CREATE", guild_payloads.guild(guild, state) | more)
