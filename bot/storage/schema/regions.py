"""The table of regions that people choose on pictures."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Column, Float, Index, Integer, String, Table, Text

from bot.storage.schema.columns import id_column, metadata, time_column

region_selections = Table(
    "region_selections",
    metadata,
    id_column(),
    Column("user_id", BigInteger, nullable=False),
    Column("job_id", String(36), nullable=False),
    Column("picture", Integer, nullable=False),
    Column("grid", Integer, nullable=False),
    Column("cells", JSON, nullable=False),
    Column("words", Text, nullable=False),
    Column("strength", Float),
    Column("starts", Integer, nullable=False),
    Column("started_job_id", String(36)),
    time_column("created_at", nullable=False),
    time_column("updated_at", nullable=False),
    Index(None, "user_id", "updated_at"),
    Index(None, "updated_at"),
)
