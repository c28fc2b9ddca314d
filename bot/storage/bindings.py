"""Which character a channel is bound to. Bindings are keyed by the channel's id alone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row, delete, select, update

from bot.domain.conversations import AnswerMode, ChannelBinding
from bot.storage.database import Database
from bot.storage.reading import read_first_row, read_rows
from bot.storage.retrying import retrying
from bot.storage.schema import channel_bindings


@retrying
class BindingRepository:
    """The bindings of all channels. Every method is one committed transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def binding(self, channel_id: int) -> ChannelBinding | None:
        """Return the channel's binding, or None if it has none."""
        async with self._database.read() as connection:
            query = select(channel_bindings).where(channel_bindings.c.channel_id == channel_id)
            return read_first_row(await connection.execute(query), _binding, "channel_bindings")

    async def bindings(self) -> Sequence[ChannelBinding]:
        """Return the bindings of all channels."""
        async with self._database.read() as connection:
            return read_rows(await connection.execute(select(channel_bindings)), _binding, "channel_bindings")

    async def bind(self, binding: ChannelBinding) -> None:
        """Store the binding in place of the channel's earlier one."""
        values = binding.model_dump() | {"mode": binding.mode.value, "updated_at": datetime.now(UTC)}
        async with self._database.write() as connection:
            where = channel_bindings.c.channel_id == binding.channel_id
            changed = await connection.execute(update(channel_bindings).where(where).values(values))
            if not changed.rowcount:
                await connection.execute(channel_bindings.insert().values(values))

    async def unbind(self, channel_id: int) -> bool:
        """Remove the channel's binding; its conversations stay. False: it had none."""
        async with self._database.write() as connection:
            gone = await connection.execute(delete(channel_bindings).where(channel_bindings.c.channel_id == channel_id))
        return gone.rowcount > 0


def _binding(row: Row[Any]) -> ChannelBinding:
    return ChannelBinding(
        channel_id=row.channel_id,
        guild_id=row.guild_id,
        character_id=row.character_id,
        conversation_id=row.conversation_id,
        mode=AnswerMode(row.mode),
        bound_by=row.bound_by,
    )
