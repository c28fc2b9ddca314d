"""Channels, messages, webhooks and interactions, as the local Discord keeps them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sandbox.discord.guild_models import Guild, Overwrite, User
from sandbox.discord.json_values import Json, get_list, get_object

TEXT, DIRECT, THREAD, PRIVATE_THREAD = 0, 1, 11, 12
"""Channel types (resources/channel, "Channel Types")."""


EPHEMERAL, LOADING, VOICE, COMPONENTS_V2, SUPPRESS_NOTIFICATIONS = 1 << 6, 1 << 7, 1 << 13, 1 << 15, 1 << 12
"""Message flags (resources/message, "Message Flags")."""


@dataclass(eq=False)
class Channel:
    """A text channel, a thread (`parent` is set) or a DM channel (`recipients` is set)."""

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
    locked: bool = False
    """Of a thread: only those with `manage_threads` may open it again."""
    thread_members: set[int] = field(default_factory=set[int])
    messages: dict[int, Message] = field(default_factory=dict[int, "Message"])
    """The channel's messages by id, oldest first; deleted and ephemeral ones are not among them."""

    @property
    def is_thread(self) -> bool:
        """Whether this is a thread. Threads have the permissions, age restriction and webhooks of their parent."""
        return self.parent is not None

    @property
    def restricted(self) -> bool:
        """Whether the channel is age-restricted; for a thread, whether its parent is."""
        return self.parent.nsfw if self.parent else self.nsfw


@dataclass(eq=False)
class Attachment:
    """A message's file with its bytes."""

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
        """The size in bytes."""
        return len(self.data)


@dataclass(frozen=True)
class Pings:
    """Who is notified by a message: the mentions in it that its `allowed_mentions` allow.

    An edit notifies nobody.
    """

    users: frozenset[int] = frozenset()
    roles: frozenset[int] = frozenset()
    everyone: bool = False

    def __bool__(self) -> bool:
        """Whether anybody is notified."""
        return bool(self.users or self.roles or self.everyone)


@dataclass(eq=False)
class Reaction:
    """One emoji below a message, and who reacted with it, in order."""

    emoji: str
    users: list[User] = field(default_factory=list[User])


@dataclass(eq=False)
class Message:
    """A message as it is now; `versions` holds what it was before each edit."""

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
    """`content`, `embeds`, `components` and `attachments` before each edit, oldest first."""

    @property
    def ephemeral(self) -> bool:
        """Whether only the user who started the interaction sees the message. It is in no history."""
        return bool(self.flags & EPHEMERAL)

    @property
    def loading(self) -> bool:
        """Whether this is the "is thinking" message of a deferred response that has not been filled yet."""
        return bool(self.flags & LOADING)

    @property
    def is_voice(self) -> bool:
        """Whether this is a voice message."""
        return bool(self.flags & VOICE)

    def flat_components(self) -> Iterator[Json]:
        """All components, nested ones included, in the order in which they are shown."""
        yield from flatten(self.components)

    def text(self) -> str:
        """The content and the texts of embeds and text displays, one per line."""
        parts = [self.content]
        for embed in self.embeds:
            author, footer = get_object(embed, "author"), get_object(embed, "footer")
            parts += [author.get("name", ""), embed.get("title", ""), embed.get("description", "")]
            parts += [f"{entry['name']}: {entry['value']}" for entry in get_list(embed, "fields")]
            parts += [footer.get("text", "")]
        parts += [str(component["content"]) for component in self.flat_components() if component.get("type") == 10]
        return "\n".join(part for part in parts if part)


def flatten(components: list[Json]) -> Iterator[Json]:
    """All components of a list depth first: the children of rows, containers, sections and labels, and accessories."""
    for component in components:
        yield component
        yield from flatten(get_list(component, "components"))
        inner = [component[key] for key in ("accessory", "component") if component.get(key)]
        yield from flatten(inner)


@dataclass(eq=False)
class Webhook:
    """An incoming webhook. Its messages may have components if the application created it."""

    id: int
    channel: Channel
    name: str
    token: str
    creator: User
    application_id: int | None
    """The application that created it; None for one that a user created."""
    avatar: bytes | None = None

    @property
    def author(self) -> User:
        """The author that its messages show unless they have a `username` of their own."""
        return User(id=self.id, name=self.name, bot=True, avatar=self.avatar)


@dataclass(eq=False)
class Interaction:
    """An interaction and the responses to it."""

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
    """The original response; for types 6 and 7 the message whose component was used."""
    messages: list[Message] = field(default_factory=list[Message])
    """Every message created through this interaction."""
    failed: bool = False
    """Whether no callback came in time, so that the user was shown "The application did not respond"."""
