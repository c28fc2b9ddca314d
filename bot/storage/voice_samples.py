"""Voice samples: the host's (no guild) and those people added to a guild."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, and_, delete, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.voice_samples import NewVoiceSample, VoiceSample
from bot.errors import InputInvalid
from bot.storage.database import Database
from bot.storage.schema import voice_samples


class VoiceSampleRepository:
    """Implements `VoiceSampleStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, sample: NewVoiceSample) -> VoiceSample:
        """See `VoiceSampleStore`."""
        row: dict[str, Any] = sample.model_dump() | {"created_at": datetime.now(UTC), "is_default": False}
        same = and_(_of(sample.character_id, sample.guild_id), voice_samples.c.name == sample.name)
        async with self._database.write() as connection:
            if (await connection.execute(select(voice_samples.c.id).where(same))).first() is not None:
                raise InputInvalid("A voice sample of that name exists already.")
            first = select(voice_samples.c.id).where(_of(sample.character_id, sample.guild_id))
            row["is_default"] = (await connection.execute(first)).first() is None
            added = await connection.execute(insert(voice_samples).values(row))
            primary_key = added.inserted_primary_key
            return await _one(connection, primary_key[0] if primary_key is not None else 0)

    async def get(self, sample_id: int) -> VoiceSample | None:
        """See `VoiceSampleStore`."""
        found = await self._find(voice_samples.c.id == sample_id)
        return found[0] if found else None

    async def visible(self, character_id: str, guild_id: int | None) -> list[VoiceSample]:
        """See `VoiceSampleStore`."""
        hosts = voice_samples.c.guild_id.is_(None)
        seen = hosts if guild_id is None else or_(hosts, voice_samples.c.guild_id == guild_id)
        found = await self._find(and_(voice_samples.c.character_id == character_id, seen))
        return sorted(found, key=lambda sample: (sample.guild_id is None, sample.name.casefold()))

    async def default(self, character_id: str, guild_id: int | None) -> VoiceSample | None:
        """See `VoiceSampleStore`."""
        chosen = [sample for sample in await self.visible(character_id, guild_id) if sample.is_default]
        return chosen[0] if chosen else None

    async def set_default(self, sample_id: int) -> VoiceSample | None:
        """See `VoiceSampleStore`."""
        async with self._database.write() as connection:
            query = select(voice_samples).where(voice_samples.c.id == sample_id)
            row = (await connection.execute(query)).mappings().first()
            if row is None:
                return None
            others = _of(row["character_id"], row["guild_id"])
            await connection.execute(update(voice_samples).where(others).values(is_default=False))
            mine = voice_samples.c.id == sample_id
            await connection.execute(update(voice_samples).where(mine).values(is_default=True))
            return await _one(connection, sample_id)

    async def remove(self, sample_id: int) -> VoiceSample | None:
        """See `VoiceSampleStore`."""
        async with self._database.write() as connection:
            query = select(voice_samples).where(voice_samples.c.id == sample_id)
            row = (await connection.execute(query)).mappings().first()
            if row is None:
                return None
            await connection.execute(delete(voice_samples).where(voice_samples.c.id == sample_id))
            return _value(row)

    async def _find(self, which: ColumnElement[bool]) -> list[VoiceSample]:
        async with self._database.read() as connection:
            rows = await connection.execute(select(voice_samples).where(which).order_by(voice_samples.c.id))
            return [_value(row) for row in rows.mappings()]


async def _one(connection: AsyncConnection, sample_id: int) -> VoiceSample:
    query = select(voice_samples).where(voice_samples.c.id == sample_id)
    return _value((await connection.execute(query)).mappings().one())


def _of(character_id: str, guild_id: int | None) -> ColumnElement[bool]:
    where = voice_samples.c.guild_id.is_(None) if guild_id is None else voice_samples.c.guild_id == guild_id
    return and_(voice_samples.c.character_id == character_id, where)


def _value(row: RowMapping) -> VoiceSample:
    return VoiceSample.model_validate(dict(row))
