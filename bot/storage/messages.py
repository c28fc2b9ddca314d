"""Histories, and the messages that people write."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Select, and_, func, or_, select, update

from bot.domain.conversations import ChatRole, IncomingMessage, Message, Thread
from bot.domain.deliveries import DeliveryKind
from bot.domain.jobs import JobState
from bot.storage._message_rows import message_row, next_position, parent_of, read_messages
from bot.storage.database import Database
from bot.storage.retrying import retrying
from bot.storage.schema import conversations, deliveries, messages, threads

MAX_AUTHOR_NAME_LENGTH = 100
_BOT_RUN_LIMIT = 50

_UNFINISHED_TURN_STATES = (JobState.RUNNING.value, JobState.GENERATED.value)


@retrying
class MessageRepository:
    """Messages of people, and what is read of turns too. Every method is one committed transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # -- reading

    async def history(self, thread: Thread, *, limit: int = 1000) -> list[Message]:
        """Return the newest `limit` messages of a thread, oldest first, without deleted ones.

        A thread that begins with its parent's history has that part of it first.
        """
        found: list[Message] = []
        current: Thread | None = thread
        until: int | None = None
        async with self._database.read() as connection:
            while current is not None and len(found) < limit:
                query = select(messages).where(messages.c.thread_id == current.id, messages.c.deleted_at.is_(None))
                if until is not None:
                    query = query.where(messages.c.position <= until)
                query = query.order_by(messages.c.position.desc()).limit(limit - len(found))
                found = await read_messages(connection, query, newest_first=True) + found
                until = current.forked_at_position
                current = await parent_of(connection, current) if until is not None else None
        return found

    async def message(self, message_id: str) -> Message | None:
        """Return a message or turn by its own id, deleted or not."""
        return await self._one(select(messages).where(messages.c.id == message_id))

    async def message_by_discord_id(self, discord_message_id: int) -> Message | None:
        """Return the person's message with that Discord id, or the turn that the Discord message belongs to."""
        posted = select(deliveries.c.message_id).where(
            deliveries.c.discord_message_id == discord_message_id, deliveries.c.message_id.is_not(None)
        )
        own = messages.c.discord_message_id == discord_message_id
        return await self._one(select(messages).where(or_(own, messages.c.id.in_(posted))).limit(1))

    async def known_channels(self) -> Mapping[int, int | None]:
        """Return every channel and Discord thread that has messages, with its guild (None: a direct message)."""
        query = select(threads.c.channel_id, conversations.c.guild_id).join(
            conversations, conversations.c.id == threads.c.conversation_id
        )
        async with self._database.read() as connection:
            return {row.channel_id: row.guild_id for row in await connection.execute(query)}

    async def newest_discord_message_id(self, channel_id: int) -> int | None:
        """Return the Discord id of the newest person's message of a channel; None: there is none."""
        query = (
            select(func.max(messages.c.discord_message_id))
            .join(threads, threads.c.id == messages.c.thread_id)
            .where(threads.c.channel_id == channel_id)
        )
        async with self._database.read() as connection:
            return (await connection.execute(query)).scalar_one()

    async def waiting_messages(self, thread_id: str) -> Sequence[Message]:
        """Return the thread's messages that wait for an answer, oldest first."""
        query = select(messages).where(
            messages.c.thread_id == thread_id,
            messages.c.role == ChatRole.USER.value,
            messages.c.state == JobState.QUEUED.value,
            messages.c.deleted_at.is_(None),
        )
        async with self._database.read() as connection:
            return await read_messages(connection, query.order_by(messages.c.position))

    async def unfinished_messages(self) -> Sequence[Message]:
        """Return what still has to be done in all threads, oldest first.

        That is: turns that are RUNNING or GENERATED, also deleted ones, and people's messages that wait for an answer.
        """
        turns = and_(messages.c.role == ChatRole.ASSISTANT.value, messages.c.state.in_(_UNFINISHED_TURN_STATES))
        people = and_(
            messages.c.role == ChatRole.USER.value,
            messages.c.state == JobState.QUEUED.value,
            messages.c.deleted_at.is_(None),
        )
        query = select(messages).where(or_(turns, people))
        async with self._database.read() as connection:
            return await read_messages(connection, query.order_by(messages.c.created_at, messages.c.position))

    async def turns_since_last_person(self, thread_id: str) -> int:
        """Return how many turns the thread has since the last message of a person who is no bot."""
        query = (
            select(messages.c.role, messages.c.author_is_bot)
            .where(messages.c.thread_id == thread_id, messages.c.deleted_at.is_(None))
            .order_by(messages.c.position.desc())
            .limit(_BOT_RUN_LIMIT)
        )
        turns = 0
        async with self._database.read() as connection:
            for role, is_bot in await connection.execute(query):
                if role == ChatRole.USER.value and not is_bot:
                    break
                turns += role == ChatRole.ASSISTANT.value
        return turns

    # -- people's messages

    async def add_user_message(
        self, thread: Thread, incoming: IncomingMessage, *, addressed_to: str | None, state: JobState
    ) -> Message | None:
        """Append a person's message to a thread.

        Args:
            thread: The thread.
            incoming: The message.
            addressed_to: Id of the character that is to answer it; None: it wants no answer.
            state: QUEUED if it waits for an answer, else DELIVERED.

        Returns:
            None: a message with that Discord id is stored already.
        """
        async with self._database.write() as connection:
            known = select(messages.c.id).where(messages.c.discord_message_id == incoming.discord_message_id).limit(1)
            if (await connection.execute(known)).first() is not None:
                return None
            added = Message(
                id=str(uuid.uuid4()),
                conversation_id=thread.conversation_id,
                thread_id=thread.id,
                position=await next_position(connection, thread),
                role=ChatRole.USER,
                state=state,
                character_id=addressed_to,
                author_id=incoming.author_id,
                author_name=incoming.author_name[:MAX_AUTHOR_NAME_LENGTH],
                discord_message_id=incoming.discord_message_id,
                content=incoming.text,
                created_at=incoming.created_at,
            )
            await connection.execute(
                messages.insert().values(**message_row(added), author_is_bot=incoming.author_is_bot)
            )
            used = update(conversations).where(conversations.c.id == thread.conversation_id)
            await connection.execute(used.values(updated_at=datetime.now(UTC)))
        return added

    async def edit_user_message(self, discord_message_id: int, content: str) -> Message | None:
        """Replace the text of a person's message; None: no such message is stored."""
        async with self._database.write() as connection:
            await connection.execute(
                update(messages)
                .where(messages.c.discord_message_id == discord_message_id)
                .values(content=content, edited_at=datetime.now(UTC))
            )
        return await self.message_by_discord_id(discord_message_id)

    async def delete_by_discord_id(self, discord_message_id: int) -> Message | None:
        """Mark as deleted the person's message with that Discord id, or the turn whose text stands in it.

        A Discord message that only has the turn's picture or voice does not count.

        Returns:
            The message as it was before; None: no such message is stored.
        """
        text_of = select(deliveries.c.message_id).where(
            deliveries.c.discord_message_id == discord_message_id,
            deliveries.c.message_id.is_not(None),
            deliveries.c.kind == DeliveryKind.TURN.value,
        )
        own = messages.c.discord_message_id == discord_message_id
        message = await self._one(select(messages).where(or_(own, messages.c.id.in_(text_of))).limit(1))
        if message is None:
            return None
        async with self._database.write() as connection:
            where = and_(messages.c.id == message.id, messages.c.deleted_at.is_(None))
            await connection.execute(update(messages).where(where).values(deleted_at=datetime.now(UTC)))
        return message

    async def set_state(self, message_ids: Sequence[str], state: JobState) -> None:
        """Set the state of messages or turns."""
        async with self._database.write() as connection:
            await connection.execute(update(messages).where(messages.c.id.in_(message_ids)).values(state=state.value))

    async def _one(self, query: Select[Any]) -> Message | None:
        async with self._database.read() as connection:
            found = await read_messages(connection, query)
        return found[0] if found else None
