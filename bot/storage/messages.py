"""Messages and their alternatives: what people said, and the turns of characters."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Select, and_, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.conversations import ChatRole, IncomingMessage, Message, Thread
from bot.domain.jobs import JobState
from bot.storage._message_rows import as_thread, last_position, message_row, parent_of, read_messages
from bot.storage.database import Database
from bot.storage.schema import conversations, deliveries, message_alternatives, messages, threads

_OPEN_TURNS = (JobState.RUNNING.value, JobState.GENERATED.value)


class MessageRepository:
    """The messages half of `ConversationStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # -- reading messages

    async def history(self, thread: Thread, *, limit: int = 1000) -> list[Message]:
        """Newest `limit` messages, oldest first, through the parents of a fork; deleted ones are left out."""
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

    async def by_discord_id(self, discord_message_id: int) -> Message | None:
        """A human's message by its own id, a turn by any message it was posted in."""
        posted = select(deliveries.c.message_id).where(
            deliveries.c.discord_message_id == discord_message_id, deliveries.c.message_id.is_not(None)
        )
        own = messages.c.discord_message_id == discord_message_id
        return await self._one(select(messages).where(or_(own, messages.c.id.in_(posted))).limit(1))

    async def message(self, message_id: str) -> Message | None:
        """By our own id, deleted or not."""
        return await self._one(select(messages).where(messages.c.id == message_id))

    async def channels(self) -> Mapping[int, int | None]:
        """See `ConversationStore`."""
        query = select(threads.c.channel_id, conversations.c.guild_id).join(
            conversations, conversations.c.id == threads.c.conversation_id
        )
        async with self._database.read() as connection:
            return {row.channel_id: row.guild_id for row in await connection.execute(query)}

    async def newest_discord_id(self, channel_id: int) -> int | None:
        """The newest human message known in that channel."""
        query = (
            select(func.max(messages.c.discord_message_id))
            .join(threads, threads.c.id == messages.c.thread_id)
            .where(threads.c.channel_id == channel_id)
        )
        async with self._database.read() as connection:
            return (await connection.execute(query)).scalar_one()

    async def unanswered(self, thread_id: str) -> Sequence[Message]:
        """Human messages that wait for an answer, oldest first."""
        query = select(messages).where(
            messages.c.thread_id == thread_id,
            messages.c.role == ChatRole.USER.value,
            messages.c.state == JobState.QUEUED.value,
            messages.c.deleted_at.is_(None),
        )
        async with self._database.read() as connection:
            return await read_messages(connection, query.order_by(messages.c.position))

    async def unfinished(self) -> Sequence[Message]:
        """Turns that are RUNNING or GENERATED, also deleted ones, and human messages still QUEUED, of all threads."""
        turns = and_(messages.c.role == ChatRole.ASSISTANT.value, messages.c.state.in_(_OPEN_TURNS))
        people = and_(
            messages.c.role == ChatRole.USER.value,
            messages.c.state == JobState.QUEUED.value,
            messages.c.deleted_at.is_(None),
        )
        query = select(messages).where(or_(turns, people))
        async with self._database.read() as connection:
            return await read_messages(connection, query.order_by(messages.c.created_at, messages.c.position))

    async def last_bot_run(self, thread_id: str) -> int:
        """How many turns characters spoke since a person last did."""
        query = (
            select(messages.c.role, messages.c.author_is_bot)
            .where(messages.c.thread_id == thread_id, messages.c.deleted_at.is_(None))
            .order_by(messages.c.position.desc())
            .limit(50)
        )
        turns = 0
        async with self._database.read() as connection:
            for role, is_bot in await connection.execute(query):
                if role == ChatRole.USER.value and not is_bot:
                    break
                turns += role == ChatRole.ASSISTANT.value
        return turns

    # -- people

    async def add_human(
        self, thread: Thread, incoming: IncomingMessage, *, addressed_to: str | None, state: JobState
    ) -> Message | None:
        """Append a human's message; None where that Discord message is stored already."""
        now = datetime.now(UTC)
        async with self._database.write() as connection:
            known = select(messages.c.id).where(messages.c.discord_message_id == incoming.discord_message_id).limit(1)
            if (await connection.execute(known)).first() is not None:
                return None
            position = (await last_position(connection, thread.id) or 0) + 1
            made = Message(
                id=str(uuid.uuid4()),
                conversation_id=thread.conversation_id,
                thread_id=thread.id,
                position=max(position, (thread.forked_at_position or 0) + 1),
                role=ChatRole.USER,
                state=state,
                character_id=addressed_to,
                author_id=incoming.author_id,
                author_name=incoming.author_name[:100],
                discord_message_id=incoming.discord_message_id,
                content=incoming.words,
                created_at=incoming.created_at,
            )
            await connection.execute(
                messages.insert().values(**message_row(made), author_is_bot=incoming.author_is_bot)
            )
            touched = conversations.c.id == thread.conversation_id
            await connection.execute(update(conversations).where(touched).values(updated_at=now))
        return made

    async def edit_human(self, discord_message_id: int, content: str) -> Message | None:
        """Change the words of a stored human message."""
        async with self._database.write() as connection:
            await connection.execute(
                update(messages)
                .where(messages.c.discord_message_id == discord_message_id)
                .values(content=content, edited_at=datetime.now(UTC))
            )
        return await self.by_discord_id(discord_message_id)

    async def delete_by_discord_id(self, discord_message_id: int) -> Message | None:
        """Take a human's message, or the turn that message belongs to, out of the history."""
        spoken = select(deliveries.c.message_id).where(
            deliveries.c.discord_message_id == discord_message_id,
            deliveries.c.message_id.is_not(None),
            deliveries.c.kind == "turn",  # a voice bubble or a picture that goes takes no words with it
        )
        own = messages.c.discord_message_id == discord_message_id
        message = await self._one(select(messages).where(or_(own, messages.c.id.in_(spoken))).limit(1))
        if message is None:
            return None
        async with self._database.write() as connection:
            where = and_(messages.c.id == message.id, messages.c.deleted_at.is_(None))
            await connection.execute(update(messages).where(where).values(deleted_at=datetime.now(UTC)))
        return message

    # -- characters

    async def begin_turn(self, thread_id: str, character_id: str, reply_to_id: str | None) -> Message:
        """Append a RUNNING turn."""
        async with self._database.write() as connection:
            thread = as_thread((await connection.execute(select(threads).where(threads.c.id == thread_id))).one())
            position = (await last_position(connection, thread_id) or 0) + 1
            made = Message(
                id=str(uuid.uuid4()),
                conversation_id=thread.conversation_id,
                thread_id=thread_id,
                position=max(position, (thread.forked_at_position or 0) + 1),
                role=ChatRole.ASSISTANT,
                state=JobState.RUNNING,
                character_id=character_id,
                reply_to_id=reply_to_id,
                created_at=datetime.now(UTC),
            )
            await connection.execute(messages.insert().values(message_row(made)))
        return made

    async def add_alternative(self, message_id: str, content: str, model: str | None) -> Message:
        """Commit an answer: it becomes the shown alternative, the turn GENERATED, what it answers DELIVERED."""
        async with self._database.write() as connection:
            highest = select(func.max(message_alternatives.c.n)).where(message_alternatives.c.message_id == message_id)
            last = (await connection.execute(highest)).scalar_one()
            n = 0 if last is None else last + 1
            await connection.execute(
                message_alternatives.insert().values(
                    message_id=message_id, n=n, content=content, model=model, created_at=datetime.now(UTC)
                )
            )
            shown = {"shown_alternative": n, "state": JobState.GENERATED.value}
            await connection.execute(update(messages).where(messages.c.id == message_id).values(shown))
            await _mark_answered(connection, message_id)
            return (await read_messages(connection, select(messages).where(messages.c.id == message_id)))[0]

    async def show_alternative(self, message_id: str, n: int) -> Message | None:
        """See `ConversationStore`."""
        async with self._database.write() as connection:
            exists = select(message_alternatives.c.n).where(
                message_alternatives.c.message_id == message_id, message_alternatives.c.n == n
            )
            running = select(messages.c.id).where(
                messages.c.id == message_id, messages.c.state == JobState.RUNNING.value
            )
            if (await connection.execute(exists)).first() is None or (await connection.execute(running)).first():
                return None
            # Until it stands in Discord too: a crash in between must not leave another one there.
            shown = {"shown_alternative": n, "state": JobState.GENERATED.value}
            await connection.execute(update(messages).where(messages.c.id == message_id).values(shown))
            return (await read_messages(connection, select(messages).where(messages.c.id == message_id)))[0]

    async def begin_again(self, message_id: str) -> Message | None:
        """See `ConversationStore`."""
        spoken = select(message_alternatives.c.message_id).where(message_alternatives.c.message_id == message_id)
        where = and_(
            messages.c.id == message_id,
            messages.c.role == ChatRole.ASSISTANT.value,
            messages.c.deleted_at.is_(None),
            messages.c.state != JobState.RUNNING.value,
            spoken.exists(),
        )
        async with self._database.write() as connection:
            changed = await connection.execute(update(messages).where(where).values(state=JobState.RUNNING.value))
            if not changed.rowcount:
                return None
            return (await read_messages(connection, select(messages).where(messages.c.id == message_id)))[0]

    async def settle_turn(self, message_id: str) -> None:
        """See `ConversationStore`."""
        where = and_(messages.c.id == message_id, messages.c.state == JobState.GENERATED.value)
        async with self._database.write() as connection:
            await connection.execute(update(messages).where(where).values(state=JobState.DELIVERED.value))

    async def give_up(self, turn_id: str) -> None:
        """See `ConversationStore`."""
        async with self._database.write() as connection:
            spoken = select(message_alternatives.c.n).where(message_alternatives.c.message_id == turn_id).limit(1)
            has_spoken = (await connection.execute(spoken)).first() is not None
            state = JobState.DELIVERED if has_spoken else JobState.FAILED
            await connection.execute(update(messages).where(messages.c.id == turn_id).values(state=state.value))
            await _mark_answered(connection, turn_id)

    async def set_state(self, message_ids: Sequence[str], state: JobState) -> None:
        """Move turns or messages on."""
        async with self._database.write() as connection:
            await connection.execute(update(messages).where(messages.c.id.in_(message_ids)).values(state=state.value))

    async def set_job(self, message_id: str, job_id: str) -> None:
        """Remember the picture that a turn drew."""
        async with self._database.write() as connection:
            await connection.execute(update(messages).where(messages.c.id == message_id).values(job_id=job_id))

    async def _one(self, query: Select[Any]) -> Message | None:
        async with self._database.read() as connection:
            found = await read_messages(connection, query)
        return found[0] if found else None


async def _mark_answered(connection: AsyncConnection, turn_id: str) -> None:
    """People who waited for this character, up to the message the turn replies to, wait no more."""
    turn = (await connection.execute(select(messages).where(messages.c.id == turn_id))).one()
    if turn.reply_to_id is None:
        return
    newest = select(messages.c.position).where(messages.c.id == turn.reply_to_id).scalar_subquery()
    await connection.execute(
        update(messages)
        .where(
            messages.c.thread_id == turn.thread_id,
            messages.c.state == JobState.QUEUED.value,
            messages.c.character_id == turn.character_id,
            messages.c.position <= newest,
        )
        .values(state=JobState.DELIVERED.value)
    )
