"""What this room needs of a store. `bot.storage.conversations` implements it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from bot.domain.conversations import Binding, Conversation, IncomingMessage, Message, Thread
from bot.domain.jobs import JobState


class BindingStore(Protocol):
    """Which character a channel belongs to. Keyed by channel id alone."""

    async def binding(self, channel_id: int) -> Binding | None:
        """The channel's binding, if it has one."""
        ...

    async def bindings(self) -> Sequence[Binding]:
        """All of them."""
        ...

    async def bind(self, binding: Binding) -> None:
        """Make or replace it."""
        ...

    async def unbind(self, channel_id: int) -> bool:
        """Forget it; conversations stay. False if there was none."""
        ...


class ConversationStore(BindingStore, Protocol):
    """Conversations, threads, messages, alternatives. Every call is one committed transaction."""

    async def create(self, *, character_id: str, title: str, guild_id: int | None, channel_id: int) -> Conversation:
        """A new, empty conversation of that channel."""
        ...

    async def conversation(self, conversation_id: str) -> Conversation | None:
        """By id."""
        ...

    async def conversations(self, channel_id: int) -> Sequence[Conversation]:
        """A channel's, newest use first."""
        ...

    async def rename(self, conversation_id: str, title: str) -> None:
        """Give it another title."""
        ...

    async def clear(self, conversation_id: str) -> int:
        """Mark all its messages deleted; returns how many."""
        ...

    async def thread(self, conversation_id: str, channel_id: int) -> Thread | None:
        """The line of talk of that channel in that conversation."""
        ...

    async def ensure_thread(
        self,
        conversation_id: str,
        channel_id: int,
        *,
        parent: Thread | None = None,
        before_discord_message_id: int | None = None,
    ) -> Thread:
        """Find or make it.

        With `parent` it forks: its beginning is the parent's history up to the message written before
        `before_discord_message_id` (all of it where None).
        """
        ...

    async def history(self, thread: Thread, *, limit: int = 1000) -> list[Message]:
        """Newest `limit` messages, oldest first, through the parents of a fork; deleted ones are left out."""
        ...

    async def add_human(
        self, thread: Thread, incoming: IncomingMessage, *, addressed_to: str | None, state: JobState
    ) -> Message | None:
        """Append a human's message; None where that Discord message is stored already."""
        ...

    async def edit_human(self, discord_message_id: int, content: str) -> Message | None:
        """Change the words of a stored human message."""
        ...

    async def delete_by_discord_id(self, discord_message_id: int) -> Message | None:
        """Take a human's message, or the turn that message belongs to, out of the history."""
        ...

    async def by_discord_id(self, discord_message_id: int) -> Message | None:
        """A human's message by its own id, a turn by any message it was posted in."""
        ...

    async def message(self, message_id: str) -> Message | None:
        """By our own id, deleted or not."""
        ...

    async def channels(self) -> Mapping[int, int | None]:
        """Every channel and thread that was talked in -> its guild (None: a direct message)."""
        ...

    async def newest_discord_id(self, channel_id: int) -> int | None:
        """The newest human message known in that channel."""
        ...

    async def unanswered(self, thread_id: str) -> Sequence[Message]:
        """Human messages that wait for an answer, oldest first."""
        ...

    async def unfinished(self) -> Sequence[Message]:
        """Turns that are RUNNING or GENERATED, also deleted ones, and human messages still QUEUED, of all threads."""
        ...

    async def begin_turn(self, thread_id: str, character_id: str, reply_to_id: str | None) -> Message:
        """Append a RUNNING turn."""
        ...

    async def add_alternative(self, message_id: str, content: str, model: str | None) -> Message:
        """Commit an answer: it becomes the shown alternative, the turn GENERATED, what it answers DELIVERED."""
        ...

    async def show_alternative(self, message_id: str, n: int) -> Message | None:
        """Make alternative `n` the turn, GENERATED until it stands in Discord; None: no such one, or RUNNING."""
        ...

    async def begin_again(self, message_id: str) -> Message | None:
        """A turn that was spoken is RUNNING again: it wants another alternative. None: it is being spoken, or gone."""
        ...

    async def settle_turn(self, message_id: str) -> None:
        """A GENERATED turn stands in Discord: DELIVERED. One that is RUNNING again stays so."""
        ...

    async def give_up(self, turn_id: str) -> None:
        """No answer will come: the turn is FAILED, or as it was where it has alternatives; nobody waits for it."""
        ...

    async def set_state(self, message_ids: Sequence[str], state: JobState) -> None:
        """Move turns or messages on."""
        ...

    async def set_job(self, message_id: str, job_id: str) -> None:
        """Remember the picture that a turn drew."""
        ...

    async def thread_by_id(self, thread_id: str) -> Thread | None:
        """By our own id."""
        ...

    async def last_bot_run(self, thread_id: str) -> int:
        """How many turns characters spoke since a person last did."""
        ...
