"""What the local Discord knows: plain values that live on while the bot is killed and started again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sandbox.discord.clock import Clock, Snowflakes

Json = dict[str, Any]


def get_object(node: Json, key: str) -> Json:
    """An object inside an object; empty where it is absent or null."""
    return node.get(key) or {}


def get_list(node: Json, key: str) -> list[Json]:
    """A list of objects inside an object; empty where it is absent or null."""
    return node.get(key) or []


def get_int(node: Json, key: str, default: int) -> int:
    """An integer inside an object; the default where it is absent or null."""
    value = node.get(key)
    return default if value is None else int(value)


TEXT, DIRECT, THREAD, PRIVATE_THREAD = 0, 1, 11, 12
"""Channel types (resources/channel, "Channel Types")."""

EPHEMERAL, LOADING, VOICE, COMPONENTS_V2, SUPPRESS_NOTIFICATIONS = 1 << 6, 1 << 7, 1 << 13, 1 << 15, 1 << 12
"""Message flags (resources/message, "Message Flags")."""

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
class Channel:
    """A text channel, a thread (`parent` is set) or a direct conversation (`recipients` are set)."""

    id: int
    type: int
    name: str
    guild: Guild | None = None
    parent: Channel | None = None
    nsfw: bool = False
    topic: str | None = None
    overwrites: dict[int, Overwrite] = field(default_factory=dict[int, Overwrite])
    recipients: list[User] = field(default_factory=list[User])
    owner_id: int | None = None
    created: float = 0.0
    archived: bool = False
    thread_members: set[int] = field(default_factory=set[int])
    messages: dict[int, Message] = field(default_factory=dict[int, "Message"])

    @property
    def is_thread(self) -> bool:
        """A thread takes permissions, age restriction and webhooks from its parent."""
        return self.parent is not None

    @property
    def restricted(self) -> bool:
        """Age-restricted; a thread as its parent."""
        return self.parent.nsfw if self.parent else self.nsfw


@dataclass(eq=False)
class Attachment:
    """A file on a message, with its bytes."""

    id: int
    filename: str
    data: bytes
    content_type: str
    channel_id: int
    description: str | None = None
    title: str | None = None
    duration_secs: float | None = None
    waveform: str | None = None
    width: int | None = None
    height: int | None = None
    ephemeral: bool = False

    @property
    def size(self) -> int:
        """Bytes."""
        return len(self.data)


@dataclass(frozen=True)
class Pings:
    """Who is notified by a message: the mentions that were written *and* allowed. An edit never pings."""

    users: frozenset[int] = frozenset()
    roles: frozenset[int] = frozenset()
    everyone: bool = False

    def __bool__(self) -> bool:
        """Somebody is pinged."""
        return bool(self.users or self.roles or self.everyone)


@dataclass(eq=False)
class Reaction:
    """One emoji on a message and who put it there, in order."""

    emoji: str
    users: list[User] = field(default_factory=list[User])


@dataclass(eq=False)
class Message:
    """A message as it stands now; `versions` holds what it was before each edit."""

    id: int
    channel: Channel
    author: User
    content: str = ""
    type: int = 0
    flags: int = 0
    created: float = 0.0
    edited: float | None = None
    embeds: list[Json] = field(default_factory=list[Json])
    components: list[Json] = field(default_factory=list[Json])
    attachments: list[Attachment] = field(default_factory=list[Attachment])
    reactions: list[Reaction] = field(default_factory=list[Reaction])
    reply_to: Message | None = None
    reference: Json | None = None
    webhook_id: int | None = None
    application_id: int | None = None
    nonce: str | int | None = None
    tts: bool = False
    interaction: Interaction | None = None
    interaction_metadata: Json | None = None
    pings: Pings = Pings()
    deleted: bool = False
    thread: Channel | None = None
    versions: list[Json] = field(default_factory=list[Json])

    @property
    def ephemeral(self) -> bool:
        """Shown to the invoker alone, and in no channel's history."""
        return bool(self.flags & EPHEMERAL)

    @property
    def loading(self) -> bool:
        """A deferred answer that has not come yet ("is thinking")."""
        return bool(self.flags & LOADING)

    @property
    def is_voice(self) -> bool:
        """Shown as the bubble with the waveform."""
        return bool(self.flags & VOICE)

    def flat_components(self) -> Iterator[Json]:
        """Every component, however deep, in the order in which it is shown."""
        yield from flatten(self.components)

    def text(self) -> str:
        """All that can be read: content, embeds, text displays; one part per line."""
        parts = [self.content]
        for embed in self.embeds:
            author, footer = get_object(embed, "author"), get_object(embed, "footer")
            parts += [author.get("name", ""), embed.get("title", ""), embed.get("description", "")]
            parts += [f"{entry['name']}: {entry['value']}" for entry in get_list(embed, "fields")]
            parts += [footer.get("text", "")]
        parts += [str(component["content"]) for component in self.flat_components() if component.get("type") == 10]
        return "\n".join(part for part in parts if part)


def flatten(components: list[Json]) -> Iterator[Json]:
    """Walk components depth first: rows, containers, sections with their accessory, labels."""
    for component in components:
        yield component
        yield from flatten(get_list(component, "components"))
        inner = [component[key] for key in ("accessory", "component") if component.get(key)]
        yield from flatten(inner)


@dataclass(eq=False)
class Webhook:
    """An incoming webhook; made by the application, it may carry components."""

    id: int
    channel: Channel
    name: str
    token: str
    creator: User
    application_id: int | None
    avatar: bytes | None = None

    @property
    def author(self) -> User:
        """The author that its messages show, unless one overrides it."""
        return User(id=self.id, name=self.name, bot=True, avatar=self.avatar)


@dataclass(eq=False)
class Command:
    """A registered application command: `data` is what was registered, with ids."""

    id: int
    type: int
    name: str
    data: Json
    guild_id: int | None = None


@dataclass(eq=False)
class Interaction:
    """One thing a person asked of the application, and what became of it."""

    id: int
    token: str
    type: int
    user: User
    channel: Channel
    created: float
    data: Json
    metadata: Json
    source: Message | None = None
    """The message whose component was used."""
    app_permissions: int = 0
    response_type: int | None = None
    response_data: Json = field(default_factory=dict[str, Any])
    original: Message | None = None
    messages: list[Message] = field(default_factory=list[Message])
    failed: bool = False
    """The deadline passed without a callback: the person saw "The application did not respond"."""


class DiscordState:
    """Everything there is, by id."""

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
        """Every message ever made, deleted and ephemeral ones included."""
        self.webhooks: dict[int, Webhook] = {}
        self.commands: list[Command] = []
        self.interactions: dict[int, Interaction] = {}
        self.interactions_by_token: dict[str, Interaction] = {}
        self.uploads: dict[int, Attachment] = {}
        """Every file the CDN can serve."""
        self.typing: list[tuple[Channel, User]] = []
        """Every typing indicator shown, in order."""

    def dm_channel(self, user: User) -> Channel:
        """The one conversation between the bot and this user."""
        for channel in self.channels.values():
            if channel.type == DIRECT and user in channel.recipients:
                return channel
        channel = Channel(id=self.ids.next(), type=DIRECT, name="", recipients=[user], created=self.clock.now())
        self.channels[channel.id] = channel
        return channel

    def threads_of(self, guild: Guild) -> list[Channel]:
        """The guild's threads."""
        return [channel for channel in self.channels.values() if channel.guild is guild and channel.is_thread]

    def channels_of(self, guild: Guild) -> list[Channel]:
        """The guild's channels, threads excluded."""
        return [channel for channel in self.channels.values() if channel.guild is guild and not channel.is_thread]
