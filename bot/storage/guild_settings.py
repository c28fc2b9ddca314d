"""Settings made in Discord: a value per guild, or per channel of a guild. They go before `config.yaml`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, and_, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.setting_changes import SettingChange
from bot.storage.database import Database
from bot.storage.reading import read_mappings
from bot.storage.retrying import retrying
from bot.storage.schema import guild_settings, setting_changes

WHOLE_GUILD = 0
"""The `channel_id` of a setting that holds in every channel."""


@retrying
class GuildSettings:
    """Reads go to memory: every row is loaded by `load`, and each change is written through.

    In direct messages the guild is 0.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._values: dict[tuple[int, int, str], Any] = {}

    async def load(self) -> None:
        """Read every row; call it once, at start."""
        async with self._database.read() as connection:
            result = await connection.execute(select(guild_settings))
            self._values = dict(read_mappings(result, _setting, "guild_settings"))

    def get(self, guild_id: int | None, key: str, *, channel_id: int | None = None, default: Any = None) -> Any:
        """The channel's value, else the guild's, else `default`."""
        guild = guild_id or 0
        if channel_id is not None and (guild, channel_id, key) in self._values:
            return self._values[guild, channel_id, key]
        return self._values.get((guild, WHOLE_GUILD, key), default)

    async def set(
        self,
        guild_id: int | None,
        key: str,
        value: Any,
        *,
        channel_id: int | None = None,
        set_by: int | None = None,
        audited: bool = False,
    ) -> None:
        """Commit a value (anything JSON holds).

        Args:
            guild_id: The guild; None: direct messages.
            key: The setting.
            value: Its new value.
            channel_id: Of which channel; None: of the whole guild.
            set_by: Who wants it.
            audited: A row tells who changed what, committed with the value.

        """
        place = (guild_id or 0, channel_id or WHOLE_GUILD, key)
        values = {"value": value, "set_by": set_by, "updated_at": datetime.now(UTC)}
        async with self._database.write() as connection:
            changed = await connection.execute(update(guild_settings).where(_at(place)).values(values))
            if not changed.rowcount:
                row = {"guild_id": place[0], "channel_id": place[1], "key": key, **values}
                await connection.execute(insert(guild_settings).values(row))
            if audited:
                await self._record_change(connection, place, value, set_by)
        self._values[place] = value

    def default_workflow(self, guild_id: int, character_id: str, kind: str) -> str | None:
        """The name of the workflow that the guild has chosen as a character's default for a kind; None: it has not."""
        return self.get(guild_id, default_workflow_key(character_id, kind))

    async def clear(
        self,
        guild_id: int | None,
        key: str,
        *,
        channel_id: int | None = None,
        set_by: int | None = None,
        audited: bool = False,
    ) -> bool:
        """Back to the next wider value; False if there was none. Arguments as of `set`."""
        place = (guild_id or 0, channel_id or WHOLE_GUILD, key)
        async with self._database.write() as connection:
            await connection.execute(delete(guild_settings).where(_at(place)))
            if audited and place in self._values:
                await self._record_change(connection, place, None, set_by)
        return self._values.pop(place, None) is not None

    async def changes(self, guild_id: int, limit: int) -> list[SettingChange]:
        """The newest audited changes of a guild's settings, newest first."""
        here = select(setting_changes).where(setting_changes.c.guild_id == guild_id)
        async with self._database.read() as connection:
            result = await connection.execute(here.order_by(setting_changes.c.id.desc()).limit(limit))
            return read_mappings(result, _change, "setting_changes")

    async def _record_change(
        self, connection: AsyncConnection, place: tuple[int, int, str], after: Any, changed_by: int | None
    ) -> None:
        guild_id, _, key = place
        row = {"guild_id": guild_id, "key": key, "before": self._values.get(place), "after": after}
        row |= {"changed_by": changed_by, "changed_at": datetime.now(UTC)}
        await connection.execute(insert(setting_changes).values(row))


def default_workflow_key(character_id: str, kind: str) -> str:
    """The key under which a guild's default workflow of a character is kept."""
    return f"workflow:{kind}:{character_id}"


def _change(row: RowMapping) -> SettingChange:
    return SettingChange(
        key=row["key"],
        before=row["before"],
        after=row["after"],
        changed_by=row["changed_by"],
        changed_at=row["changed_at"],
    )


def _setting(row: RowMapping) -> tuple[tuple[int, int, str], Any]:
    return (row["guild_id"], row["channel_id"], row["key"]), row["value"]


def _at(place: tuple[int, int, str]) -> ColumnElement[bool]:
    guild_id, channel_id, key = place
    return and_(
        guild_settings.c.guild_id == guild_id,
        guild_settings.c.channel_id == channel_id,
        guild_settings.c.key == key,
    )
