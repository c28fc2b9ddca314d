"""Rows of `messages` and `threads` as values, and the queries that more than one repository needs."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.conversations import Alternative, ChatRole, Message, Thread
from bot.storage.reading import read_first_row, read_rows
from bot.storage.schema import message_alternatives, messages, threads

_MAX_PARAMETERS = 500
"""Values in one `IN (...)`; SQLite limits the parameters of a statement."""


def thread_value(row: Row[Any]) -> Thread:
    """Return a row of `threads` as a value."""
    return Thread.model_validate({name: getattr(row, name) for name in Thread.model_fields})


def message_row(message: Message) -> dict[str, Any]:
    """Return the columns of a new row of `messages`."""
    values = message.model_dump(exclude={"alternatives"})
    return values | {"role": message.role.value, "state": message.state.value}


async def parent_of(connection: AsyncConnection, thread: Thread) -> Thread | None:
    """Return the thread whose history a thread begins with."""
    result = await connection.execute(select(threads).where(threads.c.id == thread.parent_thread_id))
    return read_first_row(result, thread_value, "threads")


async def last_position(
    connection: AsyncConnection, thread_id: str, before_discord_message_id: int | None = None
) -> int | None:
    """Return the position of a thread's last message; None: it has none.

    Args:
        connection: Within the caller's transaction.
        thread_id: The thread.
        before_discord_message_id: Count only what was written before this Discord message. Ids of Discord messages
            rise with time; turns, which have none in this table, count with the person's message before them.
    """
    query = select(func.max(messages.c.position)).where(messages.c.thread_id == thread_id)
    if before_discord_message_id is not None:
        later = select(func.min(messages.c.position)).where(
            messages.c.thread_id == thread_id, messages.c.discord_message_id >= before_discord_message_id
        )
        first_later = (await connection.execute(later)).scalar_one()
        if first_later is not None:
            query = query.where(messages.c.position < first_later)
    return (await connection.execute(query)).scalar_one()


async def next_position(connection: AsyncConnection, thread: Thread) -> int:
    """Return the position of the next message in a thread, which is after the history that the thread begins with."""
    last = await last_position(connection, thread.id)
    return max((last or 0) + 1, (thread.forked_at_position or 0) + 1)


async def read_messages(
    connection: AsyncConnection, query: Select[Any], *, newest_first: bool = False
) -> list[Message]:
    """Return the messages that `query` selects, with their alternatives.

    Args:
        connection: Within the caller's transaction.
        query: Selects all columns of `messages`.
        newest_first: The query's order is reversed in the result.
    """
    found = read_rows(await connection.execute(query), _message_without_alternatives, "messages")
    if newest_first:
        found.reverse()
    alternatives: dict[str, list[Alternative]] = {}
    turn_ids = [message.id for message in found if message.role is ChatRole.ASSISTANT]
    for start in range(0, len(turn_ids), _MAX_PARAMETERS):
        selected = (
            select(message_alternatives)
            .where(message_alternatives.c.message_id.in_(turn_ids[start : start + _MAX_PARAMETERS]))
            .order_by(message_alternatives.c.n)
        )
        result = await connection.execute(selected)
        for message_id, alternative in read_rows(result, _alternative, "message_alternatives"):
            alternatives.setdefault(message_id, []).append(alternative)
    return [message.model_copy(update={"alternatives": tuple(alternatives.get(message.id, ()))}) for message in found]


def _message_without_alternatives(row: Row[Any]) -> Message:
    return Message.model_validate({name: getattr(row, name) for name in Message.model_fields if name != "alternatives"})


def _alternative(row: Row[Any]) -> tuple[str, Alternative]:
    """The id of the turn, and its alternative."""
    return row.message_id, Alternative(n=row.n, content=row.content, model=row.model, created_at=row.created_at)
