"""Rows of messages and threads as values, and the queries that more than one repository needs."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.conversations import Alternative, ChatRole, Message, Thread
from bot.storage.schema import message_alternatives, messages, threads


def as_thread(row: Row[Any]) -> Thread:
    return Thread.model_validate({name: getattr(row, name) for name in Thread.model_fields})


def message_row(message: Message) -> dict[str, Any]:
    values = message.model_dump(exclude={"alternatives"})
    return values | {"role": message.role.value, "state": message.state.value}


async def parent_of(connection: AsyncConnection, thread: Thread) -> Thread | None:
    row = (await connection.execute(select(threads).where(threads.c.id == thread.parent_thread_id))).one_or_none()
    return None if row is None else as_thread(row)


async def last_position(
    connection: AsyncConnection, thread_id: str, before_discord_message_id: int | None = None
) -> int | None:
    query = select(func.max(messages.c.position)).where(messages.c.thread_id == thread_id)
    if before_discord_message_id is not None:
        # Snowflakes rise with time: a turn stands where the human message before it stands.
        humans = select(func.min(messages.c.position)).where(
            messages.c.thread_id == thread_id, messages.c.discord_message_id >= before_discord_message_id
        )
        first_after = (await connection.execute(humans)).scalar_one()
        if first_after is not None:
            query = query.where(messages.c.position < first_after)
    return (await connection.execute(query)).scalar_one()


async def read_messages(
    connection: AsyncConnection, query: Select[Any], *, newest_first: bool = False
) -> list[Message]:
    rows = list(await connection.execute(query))
    if newest_first:
        rows.reverse()
    spoken: dict[str, list[Alternative]] = {}
    turns = [row.id for row in rows if row.role == ChatRole.ASSISTANT.value]
    for start in range(0, len(turns), 500):  # SQLite takes a limited number of parameters
        chosen = (
            select(message_alternatives)
            .where(message_alternatives.c.message_id.in_(turns[start : start + 500]))
            .order_by(message_alternatives.c.n)
        )
        for each in await connection.execute(chosen):
            made = Alternative(n=each.n, content=each.content, model=each.model, created_at=each.created_at)
            spoken.setdefault(each.message_id, []).append(made)
    fields = [name for name in Message.model_fields if name != "alternatives"]
    return [
        Message.model_validate(
            {name: getattr(row, name) for name in fields} | {"alternatives": tuple(spoken.get(row.id, ()))}
        )
        for row in rows
    ]
