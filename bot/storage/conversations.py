"""Conversations and their threads, together with the messages, turns and bindings that belong to them."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row, and_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.conversations import Conversation, Thread
from bot.domain.jobs import JobState
from bot.storage._message_rows import last_position, thread_value
from bot.storage.bindings import BindingRepository
from bot.storage.messages import MessageRepository
from bot.storage.reading import read_first_row, read_rows
from bot.storage.retrying import retrying
from bot.storage.schema import conversations, messages, threads
from bot.storage.turns import TurnRepository

MAX_TITLE_LENGTH = 200


@retrying
class ConversationRepository(BindingRepository, MessageRepository, TurnRepository):
    """Everything that is stored of conversations. Every method is one committed transaction."""

    async def create_conversation(
        self, *, character_id: str, title: str, guild_id: int | None, channel_id: int
    ) -> Conversation:
        """Add an empty conversation to a channel."""
        now = datetime.now(UTC)
        created = Conversation(
            id=str(uuid.uuid4()),
            character_id=character_id,
            title=title[:MAX_TITLE_LENGTH],
            guild_id=guild_id,
            channel_id=channel_id,
            created_at=now,
            updated_at=now,
        )
        async with self._database.write() as connection:
            await connection.execute(conversations.insert().values(created.model_dump()))
        return created

    async def conversation(self, conversation_id: str) -> Conversation | None:
        """Return a conversation by its id."""
        async with self._database.read() as connection:
            query = select(conversations).where(conversations.c.id == conversation_id)
            return read_first_row(await connection.execute(query), _conversation, "conversations")

    async def conversations(self, channel_id: int) -> Sequence[Conversation]:
        """Return the conversations of a channel, the last used first."""
        query = (
            select(conversations)
            .where(conversations.c.channel_id == channel_id)
            .order_by(conversations.c.updated_at.desc())
        )
        async with self._database.read() as connection:
            return read_rows(await connection.execute(query), _conversation, "conversations")

    async def rename_conversation(self, conversation_id: str, title: str) -> None:
        """Give a conversation another title."""
        async with self._database.write() as connection:
            await connection.execute(
                update(conversations)
                .where(conversations.c.id == conversation_id)
                .values(title=title[:MAX_TITLE_LENGTH])
            )

    async def clear_conversation(self, conversation_id: str) -> int:
        """Mark all messages of a conversation as deleted; return how many there were."""
        async with self._database.write() as connection:
            cleared = await connection.execute(
                update(messages)
                .where(messages.c.conversation_id == conversation_id, messages.c.deleted_at.is_(None))
                .values(deleted_at=datetime.now(UTC), state=JobState.DELIVERED.value)
            )
        return cleared.rowcount

    async def thread(self, thread_id: str) -> Thread | None:
        """Return a thread by its id."""
        async with self._database.read() as connection:
            result = await connection.execute(select(threads).where(threads.c.id == thread_id))
            return read_first_row(result, thread_value, "threads")

    async def thread_in_channel(self, conversation_id: str, channel_id: int) -> Thread | None:
        """Return the thread that a conversation has in a channel or Discord thread."""
        async with self._database.read() as connection:
            return await _find_thread(connection, conversation_id, channel_id)

    async def get_or_create_thread(
        self,
        conversation_id: str,
        channel_id: int,
        *,
        parent: Thread | None = None,
        before_discord_message_id: int | None = None,
    ) -> Thread:
        """Return the thread that a conversation has in a channel or Discord thread; create it if there is none.

        Args:
            conversation_id: The conversation.
            channel_id: The channel or Discord thread.
            parent: A new thread begins with the history of this one.
            before_discord_message_id: Of the parent's history, only what was written before this Discord message.
        """
        found = await self.thread_in_channel(conversation_id, channel_id)
        if found is not None:
            return found
        async with self._database.write() as connection:
            found = await _find_thread(connection, conversation_id, channel_id)
            if found is not None:
                return found
            forked_at = None
            if parent is not None:
                forked_at = await last_position(connection, parent.id, before_discord_message_id)
            created = Thread(
                id=str(uuid.uuid4()),
                conversation_id=conversation_id,
                channel_id=channel_id,
                parent_thread_id=parent.id if parent is not None else None,
                forked_at_position=forked_at,
            )
            await connection.execute(threads.insert().values(**created.model_dump(), created_at=datetime.now(UTC)))
        return created


def _conversation(row: Row[Any]) -> Conversation:
    return Conversation.model_validate({name: getattr(row, name) for name in Conversation.model_fields})


async def _find_thread(connection: AsyncConnection, conversation_id: str, channel_id: int) -> Thread | None:
    where = and_(threads.c.conversation_id == conversation_id, threads.c.channel_id == channel_id)
    return read_first_row(await connection.execute(select(threads).where(where)), thread_value, "threads")
