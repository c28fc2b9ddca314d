"""Conversations as values.

A person's message is a `Message` with `content`. A character's turn is a `Message` with one or more alternatives; only
the text of the shown one is in the history that the language model reads.

The states are those of a job. A person's message that wants an answer is QUEUED until an answer is committed, then
DELIVERED; one that wants none is DELIVERED from the start. A character's turn is RUNNING while it is generated,
GENERATED when its text is committed, DELIVERED when Discord shows all of it, FAILED when there was no answer.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Literal

from pydantic import Field

from bot.domain.channels import Channel
from bot.domain.jobs import JobState
from bot.domain.value import Value


class ChatRole(StrEnum):
    """The roles of the chat completion API."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"


class AnswerMode(StrEnum):
    """When a character answers in its channel."""

    ALL = "all"
    """It answers every message."""
    MENTION = "mention"
    """It answers mentions and replies, and reads everything."""
    OFF = "off"
    """It reads and answers nothing."""


class ChatMessage(Value):
    """One message as the chat completion API takes it."""

    role: ChatRole
    content: str


class Conversation(Value):
    """A conversation of a channel with a character; a row of `conversations`."""

    id: str
    character_id: str
    title: str
    guild_id: int | None
    channel_id: int
    created_at: datetime
    updated_at: datetime


class Thread(Value):
    """The part of a conversation in one place: its channel, or a Discord thread of that channel.

    A Discord thread's part begins with the channel's history up to the message that started it.
    """

    id: str
    conversation_id: str
    channel_id: int
    parent_thread_id: str | None = None
    forked_at_position: int | None = None
    """The last position of the parent's history that belongs to this thread's."""


class ChannelBinding(Value):
    """The character of a channel, its current conversation there, and when it answers; a row of `channel_bindings`."""

    channel_id: int
    guild_id: int | None
    character_id: str
    conversation_id: str | None
    mode: AnswerMode = AnswerMode.ALL
    bound_by: int | None = None
    """Discord id of the person who chose it."""


class Alternative(Value):
    """One of several answers that a character gave in the same turn."""

    n: int
    """0 for the first."""
    content: str
    model: str | None = None
    """The model that was asked for; None: the server's first."""
    created_at: datetime


class Message(Value):
    """A person's message or a character's turn; a row of `messages`."""

    id: str
    conversation_id: str
    thread_id: str
    position: int
    """Rises within the thread."""
    role: ChatRole
    state: JobState
    character_id: str | None = None
    """Of a turn: whose it is. Of a person's message that wants an answer: who is to answer it."""
    author_id: int | None = None
    author_name: str | None = None
    discord_message_id: int | None = None
    """Of a person's message. Those of a turn are in its deliveries."""
    reply_to_id: str | None = None
    """Of a turn: id of the newest message that it answers."""
    content: str = ""
    """Of a person's message: its text. Empty in turns."""
    alternatives: tuple[Alternative, ...] = ()
    shown_alternative: int = 0
    job_id: str | None = None
    """Of a turn: the job of the picture that it sends."""
    created_at: datetime
    edited_at: datetime | None = None
    deleted_at: datetime | None = None

    @property
    def text(self) -> str:
        """The person's text, or that of the shown alternative; empty while a turn has none."""
        if self.role is ChatRole.USER:
            return self.content
        shown = [each.content for each in self.alternatives if each.n == self.shown_alternative]
        return shown[0] if shown else ""


class IncomingMessage(Value):
    """A Discord message that a person, or another bot, wrote."""

    discord_message_id: int
    channel: Channel
    author_id: int
    author_name: str
    author_is_bot: bool = False
    content: str
    mentions_bot: bool = False
    replies_to_bot: bool = False
    """It replies to a message of the bot or of one of its webhooks."""
    replies_to_message_id: int | None = None
    replied_character_id: str | None = None
    """The character of the picture or voice message that it replies to."""
    attachments: tuple[str, ...] = Field(default=())
    """Names of attached files and stickers, which the model reads instead of the files."""
    created_at: datetime

    @property
    def text(self) -> str:
        """The message as it is stored: its content, and the names of its attachments."""
        files = ", ".join(" ".join(name.split())[:80] for name in self.attachments)
        return f"{self.content}\n[attached: {files}]".strip() if files else self.content


class Scene(Value):
    """A picture that a character decided to send: what it shows, in the words of the language model."""

    description: str
    source: Literal["tool", "text"]
    """`tool`: a call of the `draw` tool; `text`: a `<draw>` or `<edit>` block in the reply."""
    edits: bool = False
    """A picture of the conversation is to be changed."""
