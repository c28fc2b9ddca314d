"""Tables of settings made in Discord."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Column, String, Table

from bot.storage.schema.columns import metadata, time_column

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
