"""Rows of voice samples: the host's, which have no guild, and those that were added in a guild."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, and_, delete, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.voice_samples import NewVoiceSample, VoiceSample
from bot.errors import InputInvalid
from bot.storage.database import Database
from bot.storage.reading import read_mappings
from bot.storage.retrying import retrying
from bot.storage.schema import voice_samples


@retrying
class VoiceSampleRepository:
    """Voice samples without their files. Every method is one committed transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, sample: NewVoiceSample) -> VoiceSample:
        """Add a sample. The first one of a character in its guild (or of the host) is the default there.

        Raises:
            InputInvalid: The character has a sample of that name in that guild (or of the host) already.

        """
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

    async def visible(self, character_id: str, guild_id: int | None) -> list[VoiceSample]:
        """Return a guild's samples of a character by name, then the host's by name; None: the host's only."""
        hosts = voice_samples.c.guild_id.is_(None)
        seen = hosts if guild_id is None else or_(hosts, voice_samples.c.guild_id == guild_id)
        found = await self._find(and_(voice_samples.c.character_id == character_id, seen))
        return sorted(found, key=lambda sample: (sample.guild_id is None, sample.name.casefold()))

    async def set_default(self, sample_id: int) -> VoiceSample | None:
        """Make a sample the default of its character in its guild (or of the host); None: it does not exist."""
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
        """Delete a sample's row and return what it was; None: it does not exist. Jobs that used it are unchanged."""
        async with self._database.write() as connection:
            query = select(voice_samples).where(voice_samples.c.id == sample_id)
            row = (await connection.execute(query)).mappings().first()
            if row is None:
                return None
            await connection.execute(delete(voice_samples).where(voice_samples.c.id == sample_id))
            return _value(row)

    async def _find(self, which: ColumnElement[bool]) -> list[VoiceSample]:
        async with self._database.read() as connection:
            result = await connection.execute(select(voice_samples).where(which).order_by(voice_samples.c.id))
            return read_mappings(result, _value, "voice_samples")


async def _one(connection: AsyncConnection, sample_id: int) -> VoiceSample:
    query = select(voice_samples).where(voice_samples.c.id == sample_id)
    return _value((await connection.execute(query)).mappings().one())


def _of(character_id: str, guild_id: int | None) -> ColumnElement[bool]:
    where = voice_samples.c.guild_id.is_(None) if guild_id is None else voice_samples.c.guild_id == guild_id
    return and_(voice_samples.c.character_id == character_id, where)


def _value(row: RowMapping) -> VoiceSample:
    return VoiceSample.model_validate(dict(row))
