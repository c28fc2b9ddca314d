"""Characters' turns and their alternatives, from the first request to the model until Discord shows the text."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

from sqlalchemy import and_, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.conversations import ChatRole, Message
from bot.domain.jobs import JobState
from bot.storage._message_rows import message_row, next_position, read_messages, thread_value
from bot.storage.database import Database
from bot.storage.retrying import retrying
from bot.storage.schema import message_alternatives, messages, threads


@retrying
class TurnRepository:
    """Changes of turns. Every method is one committed transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin_turn(self, thread_id: str, character_id: str, reply_to_id: str | None) -> Message:
        """Append a RUNNING turn without alternatives to a thread.

        Args:
            thread_id: The thread.
            character_id: Whose turn it is.
            reply_to_id: The newest of the messages that it answers.
        """
        async with self._database.write() as connection:
            thread = thread_value((await connection.execute(select(threads).where(threads.c.id == thread_id))).one())
            turn = Message(
                id=str(uuid.uuid4()),
                conversation_id=thread.conversation_id,
                thread_id=thread_id,
                position=await next_position(connection, thread),
                role=ChatRole.ASSISTANT,
                state=JobState.RUNNING,
                character_id=character_id,
                reply_to_id=reply_to_id,
                created_at=datetime.now(UTC),
            )
            await connection.execute(messages.insert().values(message_row(turn)))
        return turn

    async def begin_regeneration(self, turn_id: str) -> Message | None:
        """Set a turn that has an alternative to RUNNING, so that it gets another one.

        Returns:
            None: it is RUNNING already, was deleted, or has no alternative.
        """
        answered = select(message_alternatives.c.message_id).where(message_alternatives.c.message_id == turn_id)
        where = and_(
            messages.c.id == turn_id,
            messages.c.role == ChatRole.ASSISTANT.value,
            messages.c.deleted_at.is_(None),
            messages.c.state != JobState.RUNNING.value,
            answered.exists(),
        )
        async with self._database.write() as connection:
            changed = await connection.execute(update(messages).where(where).values(state=JobState.RUNNING.value))
            if not changed.rowcount:
                return None
            return await _read_turn(connection, turn_id)

    async def add_alternative(self, turn_id: str, content: str, model: str | None) -> Message:
        """Commit an answer: it becomes the shown alternative and the turn GENERATED.

        The messages that it answers become DELIVERED.
        """
        async with self._database.write() as connection:
            highest = select(func.max(message_alternatives.c.n)).where(message_alternatives.c.message_id == turn_id)
            last = (await connection.execute(highest)).scalar_one()
            n = 0 if last is None else last + 1
            await connection.execute(
                message_alternatives.insert().values(
                    message_id=turn_id, n=n, content=content, model=model, created_at=datetime.now(UTC)
                )
            )
            await _show(connection, turn_id, n)
            await _mark_answered(connection, turn_id)
            return await _read_turn(connection, turn_id)

    async def show_alternative(self, turn_id: str, n: int) -> Message | None:
        """Make alternative `n` the shown one and the turn GENERATED, so that it is shown also after a crash.

        Returns:
            None: there is no such alternative, or the turn is RUNNING.
        """
        async with self._database.write() as connection:
            exists = select(message_alternatives.c.n).where(
                message_alternatives.c.message_id == turn_id, message_alternatives.c.n == n
            )
            running = select(messages.c.id).where(messages.c.id == turn_id, messages.c.state == JobState.RUNNING.value)
            if (await connection.execute(exists)).first() is None or (await connection.execute(running)).first():
                return None
            await _show(connection, turn_id, n)
            return await _read_turn(connection, turn_id)

    async def mark_delivered(self, turn_id: str) -> None:
        """Set a GENERATED turn, which Discord shows now, to DELIVERED. One that is RUNNING again stays so."""
        where = and_(messages.c.id == turn_id, messages.c.state == JobState.GENERATED.value)
        async with self._database.write() as connection:
            await connection.execute(update(messages).where(where).values(state=JobState.DELIVERED.value))

    async def end_without_answer(self, turn_id: str) -> None:
        """End a turn that gets no answer: FAILED, or DELIVERED if it has earlier alternatives.

        The messages that it was to answer wait no longer.
        """
        async with self._database.write() as connection:
            earlier = select(message_alternatives.c.n).where(message_alternatives.c.message_id == turn_id).limit(1)
            has_earlier = (await connection.execute(earlier)).first() is not None
            state = JobState.DELIVERED if has_earlier else JobState.FAILED
            await connection.execute(update(messages).where(messages.c.id == turn_id).values(state=state.value))
            await _mark_answered(connection, turn_id)

    async def set_job(self, turn_id: str, job_id: str) -> None:
        """Store the job of the picture that a turn sends."""
        async with self._database.write() as connection:
            await connection.execute(update(messages).where(messages.c.id == turn_id).values(job_id=job_id))


async def _read_turn(connection: AsyncConnection, turn_id: str) -> Message:
    return (await read_messages(connection, select(messages).where(messages.c.id == turn_id)))[0]


async def _show(connection: AsyncConnection, turn_id: str, n: int) -> None:
    shown = {"shown_alternative": n, "state": JobState.GENERATED.value}
    await connection.execute(update(messages).where(messages.c.id == turn_id).values(shown))


async def _mark_answered(connection: AsyncConnection, turn_id: str) -> None:
    """Set to DELIVERED the messages that waited for this character, up to the one that the turn replies to."""
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
