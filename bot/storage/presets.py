"""Presets of a server in the database."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import ColumnElement, RowMapping, and_, delete, func, insert, select

from bot.domain.jobs import JobKind
from bot.domain.saved_settings import Preset
from bot.errors import InputInvalid
from bot.storage.database import Database
from bot.storage.reading import read_mappings
from bot.storage.retrying import retrying
from bot.storage.schema import presets

MAX_PRESETS: Final = 200
"""Of one server."""


@retrying
class PresetRepository:
    """Each method is one transaction. Names that differ in case only are one name."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, preset: Preset) -> None:
        """Keep a preset; one of that name is replaced.

        Raises:
            InputInvalid: The server has as many presets as it may have.

        """
        here = presets.c.guild_id == preset.guild_id
        async with self._database.write() as connection:
            await connection.execute(delete(presets).where(_named(preset.guild_id, preset.name)))
            count = (await connection.execute(select(func.count()).select_from(presets).where(here))).scalar() or 0
            if count >= MAX_PRESETS:
                raise InputInvalid(
                    f"This server has {MAX_PRESETS} presets already.",
                    advice="Delete one that nobody uses with `/preset delete`.",
                )
            await connection.execute(insert(presets).values(_row(preset)))

    async def get(self, guild_id: int, name: str) -> Preset | None:
        """The preset of that name; None: there is none."""
        found = await self._find(_named(guild_id, name))
        return found[0] if found else None

    async def of_guild(self, guild_id: int) -> list[Preset]:
        """Every preset of a server, by name."""
        return await self._find(presets.c.guild_id == guild_id)

    async def remove(self, guild_id: int, name: str) -> bool:
        """Delete the preset of that name; False: there was none."""
        async with self._database.write() as connection:
            removed = await connection.execute(delete(presets).where(_named(guild_id, name)))
        return removed.rowcount > 0

    async def _find(self, which: ColumnElement[bool]) -> list[Preset]:
        query = select(presets).where(which).order_by(presets.c.key)
        async with self._database.read() as connection:
            return read_mappings(await connection.execute(query), _value, "presets")


def _named(guild_id: int, name: str) -> ColumnElement[bool]:
    return and_(presets.c.guild_id == guild_id, presets.c.key == _key(name))


def _key(name: str) -> str:
    return " ".join(name.split()).casefold()


def _row(preset: Preset) -> dict[str, Any]:
    return {
        "guild_id": preset.guild_id,
        "key": _key(preset.name),
        "name": preset.name,
        "character_id": preset.character_id,
        "kind": preset.kind.value,
        "workflow_name": preset.workflow_name,
        "values": dict(preset.values),
        "author_id": preset.author_id,
        "created_at": preset.created_at,
    }


def _value(row: RowMapping) -> Preset:
    return Preset(
        guild_id=row["guild_id"],
        name=row["name"],
        character_id=row["character_id"],
        kind=JobKind(row["kind"]),
        workflow_name=row["workflow_name"],
        values=row["values"],
        author_id=row["author_id"],
        created_at=row["created_at"],
    )
