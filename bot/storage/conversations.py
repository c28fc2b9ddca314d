"""Conversations, threads and bindings; with the messages they are `bot.conversation.store.ConversationStore`."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row, and_, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.conversations import AnswerMode, Binding, Conversation, Thread
from bot.domain.jobs import JobState
from bot.storage._message_rows import as_thread, last_position
from bot.storage.database import Database
from bot.storage.messages import MessageRepository
from bot.storage.schema import channel_bindings, conversations, messages, threads


class BindingRepository:
    """Which character a channel belongs to."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def binding(self, channel_id: int) -> Binding | None:
        """The channel's binding, if it has one."""
        async with self._database.read() as connection:
            query = select(channel_bindings).where(channel_bindings.c.channel_id == channel_id)
            row = (await connection.execute(query)).one_or_none()
        return None if row is None else _binding(row)

    async def bindings(self) -> Sequence[Binding]:
        """All of them."""
        async with self._database.read() as connection:
            return [_binding(row) for row in await connection.execute(select(channel_bindings))]

    async def bind(self, binding: Binding) -> None:
        """Make or replace it."""
        values = binding.model_dump() | {"mode": binding.mode.value, "updated_at": datetime.now(UTC)}
        async with self._database.write() as connection:
            where = channel_bindings.c.channel_id == binding.channel_id
            changed = await connection.execute(update(channel_bindings).where(where).values(values))
            if not changed.rowcount:
                await connection.execute(channel_bindings.insert().values(values))

    async def unbind(self, channel_id: int) -> bool:
        """Forget it; conversations stay. False if there was none."""
        async with self._database.write() as connection:
            gone = await connection.execute(delete(channel_bindings).where(channel_bindings.c.channel_id == channel_id))
        return gone.rowcount > 0


class ConversationRepository(BindingRepository, MessageRepository):
    """Implements `ConversationStore`: every method is one committed transaction."""

    async def create(self, *, character_id: str, title: str, guild_id: int | None, channel_id: int) -> Conversation:
        """A new, empty conversation of that channel."""
        now = datetime.now(UTC)
        made = Conversation(
            id=str(uuid.uuid4()),
            character_id=character_id,
            title=title[:200],
            guild_id=guild_id,
            channel_id=channel_id,
            created_at=now,
            updated_at=now,
        )
        async with self._database.write() as connection:
            await connection.execute(conversations.insert().values(made.model_dump()))
        return made

    async def conversation(self, conversation_id: str) -> Conversation | None:
        """By id."""
        async with self._database.read() as connection:
            query = select(conversations).where(conversations.c.id == conversation_id)
            row = (await connection.execute(query)).one_or_none()
        return None if row is None else _conversation(row)

    async def conversations(self, channel_id: int) -> Sequence[Conversation]:
        """A channel's, newest use first."""
        query = (
            select(conversations)
            .where(conversations.c.channel_id == channel_id)
            .order_by(conversations.c.updated_at.desc())
        )
        async with self._database.read() as connection:
            return [_conversation(row) for row in await connection.execute(query)]

    async def rename(self, conversation_id: str, title: str) -> None:
        """Give it another title."""
        async with self._database.write() as connection:
            await connection.execute(
                update(conversations).where(conversations.c.id == conversation_id).values(title=title[:200])
            )

    async def clear(self, conversation_id: str) -> int:
        """Mark all its messages deleted; returns how many."""
        async with self._database.write() as connection:
            cleared = await connection.execute(
                update(messages)
                .where(messages.c.conversation_id == conversation_id, messages.c.deleted_at.is_(None))
                .values(deleted_at=datetime.now(UTC), state=JobState.DELIVERED.value)
            )
        return cleared.rowcount

    async def thread(self, conversation_id: str, channel_id: int) -> Thread | None:
        """The line of talk of that channel in that conversation."""
        async with self._database.read() as connection:
            return await _thread(connection, conversation_id, channel_id)

    async def thread_by_id(self, thread_id: str) -> Thread | None:
        """By our own id."""
        async with self._database.read() as connection:
            row = (await connection.execute(select(threads).where(threads.c.id == thread_id))).one_or_none()
        return None if row is None else as_thread(row)

    async def ensure_thread(
        self,
        conversation_id: str,
        channel_id: int,
        *,
        parent: Thread | None = None,
        before_discord_message_id: int | None = None,
    ) -> Thread:
        """Find or make it; with `parent` it forks from the parent's history before that Discord message."""
        found = await self.thread(conversation_id, channel_id)
        if found is not None:
            return found
        async with self._database.write() as connection:
            found = await _thread(connection, conversation_id, channel_id)
            if found is not None:
                return found
            forked_at = None
            if parent is not None:
                forked_at = await last_position(connection, parent.id, before_discord_message_id)
            made = Thread(
                id=str(uuid.uuid4()),
                conversation_id=conversation_id,
                channel_id=channel_id,
                parent_thread_id=parent.id if parent is not None else None,
                forked_at_position=forked_at,
            )
            await connection.execute(threads.insert().values(**made.model_dump(), created_at=datetime.now(UTC)))
        return made


def _binding(row: Row[Any]) -> Binding:
    return Binding(
        channel_id=row.channel_id,
        guild_id=row.guild_id,
        character_id=row.character_id,
        conversation_id=row.conversation_id,
        mode=AnswerMode(row.mode),
        bound_by=row.bound_by,
    )


def _conversation(row: Row[Any]) -> Conversation:
    return Conversation.model_validate({name: getattr(row, name) for name in Conversation.model_fields})


async def _thread(connection: AsyncConnection, conversation_id: str, channel_id: int) -> Thread | None:
    where = and_(threads.c.conversation_id == conversation_id, threads.c.channel_id == channel_id)
    row = (await connection.execute(select(threads).where(where))).one_or_none()
    return None if row is None else as_thread(row)
