"""The table of reports about what the bot posted."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, String, Table, Text, UniqueConstraint

from bot.storage.schema.columns import RowId, metadata, time_column

reports = Table(
    "reports",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("guild_id", BigInteger, nullable=False),
    Column("channel_id", BigInteger, nullable=False),
    Column("message_id", BigInteger, nullable=False),
    Column("job_id", String(36)),
    Column("turn_id", String(36)),
    Column("reporter_id", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    time_column("created_at", nullable=False),
    UniqueConstraint("message_id", "reporter_id"),
    Index(None, "guild_id", "id"),
)
