"""Tables of settings made in Discord."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Column, Index, String, Table

from bot.storage.schema.columns import RowId, metadata, time_column

guild_settings = Table(
    "guild_settings",
    metadata,
    Column("guild_id", BigInteger, primary_key=True, autoincrement=False),
    Column("channel_id", BigInteger, primary_key=True, autoincrement=False),  # 0: the whole guild
    Column("key", String(100), primary_key=True),
    Column("value", JSON, nullable=False),
    Column("set_by", BigInteger),
    time_column("updated_at", nullable=False),
)

setting_changes = Table(
    "setting_changes",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("guild_id", BigInteger, nullable=False),
    Column("key", String(100), nullable=False),
    Column("before", JSON),  # null: there was none
    Column("after", JSON),  # null: it was cleared
    Column("changed_by", BigInteger),
    time_column("changed_at", nullable=False),
    Index(None, "guild_id", "id"),
)
