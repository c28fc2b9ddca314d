"""A conversation as values.

A human's words are one `Message` with `content`. A character's turn is one `Message` with one or more alternatives, of
which the shown one is the turn: it alone stands in the history that the model reads.

States are those of a job. A human's message that wants an answer is QUEUED until an answer is committed, then
DELIVERED; one that wants none is DELIVERED from the start. A character's turn is RUNNING while the model speaks,
GENERATED when its text is committed, DELIVERED when all of it stands in Discord, FAILED when there was no answer.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Literal

from pydantic import Field

from bot.domain.jobs import JobState
from bot.domain.value import Value


class ChatRole(StrEnum):
    """Who speaks; the chat completion API's own words."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"


class AnswerMode(StrEnum):
    """When a character answers in its channel."""

    ALL = "all"
    MENTION = "mention"
    OFF = "off"


class ChatMessage(Value):
    """One message as the chat completion API takes it."""

    role: ChatRole
    content: str


class Conversation(Value):
    """A row of `conversations`."""

    id: str
    character_id: str
    title: str
    guild_id: int | None
    channel_id: int
    created_at: datetime
    updated_at: datetime


class Thread(Value):
    """One line of talk in a conversation: its own channel's, or a Discord thread that forked from it."""

    id: str
    conversation_id: str
    channel_id: int
    parent_thread_id: str | None = None
    forked_at_position: int | None = None
    """The parent's history counts up to and including this position."""


class Binding(Value):
    """A channel's character, conversation and mode."""

    channel_id: int
    guild_id: int | None
    character_id: str
    conversation_id: str | None
    mode: AnswerMode = AnswerMode.ALL
    bound_by: int | None = None


class Alternative(Value):
    """One of the answers a character gave to the same words."""

    n: int
    content: str
    model: str | None = None
    created_at: datetime


class Message(Value):
    """A human's message or a character's turn."""

    id: str
    conversation_id: str
    thread_id: str
    position: int
    role: ChatRole
    state: JobState
    character_id: str | None = None
    """Who speaks (a turn), or who is addressed (a human's message that wants an answer)."""
    author_id: int | None = None
    author_name: str | None = None
    discord_message_id: int | None = None
    reply_to_id: str | None = None
    """A turn: the newest human message it answers."""
    content: str = ""
    alternatives: tuple[Alternative, ...] = ()
    shown_alternative: int = 0
    job_id: str | None = None
    created_at: datetime
    edited_at: datetime | None = None
    deleted_at: datetime | None = None

    @property
    def text(self) -> str:
        """What stands in the history: the words, or the shown alternative's ("" while there is none)."""
        if self.role is ChatRole.USER:
            return self.content
        shown = [each.content for each in self.alternatives if each.n == self.shown_alternative]
        return shown[0] if shown else ""


class IncomingMessage(Value):
    """A Discord message as this room sees it."""

    discord_message_id: int
    channel_id: int
    """The Discord thread's own id where it was written in a thread."""
    parent_channel_id: int | None = None
    """The thread's parent; None outside threads."""
    guild_id: int | None = None
    author_id: int
    author_name: str
    author_is_bot: bool = False
    content: str
    mentions_bot: bool = False
    replies_to_bot: bool = False
    """It replies to a message of the bot itself or of one of its webhooks."""
    replies_to_message_id: int | None = None
    replied_character_id: str | None = None
    """Whose message it replies to, where that is no turn (a picture, a voice bubble)."""
    age_restricted: bool = False
    """Written where Discord lets adults only: `nsfw` characters answer nowhere else in servers."""
    attachments: tuple[str, ...] = Field(default=())
    """Names of attached files and stickers; the model cannot see them, but is told that they are there."""
    created_at: datetime

    @property
    def words(self) -> str:
        """What the history keeps."""
        files = ", ".join(" ".join(name.split())[:80] for name in self.attachments)
        return f"{self.content}\n[attached: {files}]".strip() if files else self.content


class Scene(Value):
    """A picture the character decided to send: what is to be seen, in the model's words."""

    description: str
    source: Literal["tool", "text"]
