"""Tables of settings that people keep: drafts of the configuration panel, presets, and what was used last."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Column, Index, String, Table

from bot.storage.schema.columns import id_column, metadata, time_column

setting_drafts = Table(
    "setting_drafts",
    metadata,
    id_column(),
    Column("user_id", BigInteger, nullable=False),
    Column("character_id", String(100), nullable=False),
    Column("kind", String(8), nullable=False),
    Column("workflow_name", String(200), nullable=False),
    Column("values", JSON, nullable=False),
    Column("source_job_id", String(36)),
    Column("started_job_id", String(36)),
    Column("notes", JSON, nullable=False),
    time_column("created_at", nullable=False),
    time_column("updated_at", nullable=False),
    Index(None, "user_id", "updated_at"),
    Index(None, "updated_at"),
)

presets = Table(
    "presets",
    metadata,
    Column("guild_id", BigInteger, primary_key=True, autoincrement=False),
    Column("key", String(100), primary_key=True),  # the name in lower case
    Column("name", String(100), nullable=False),
    Column("character_id", String(100), nullable=False),  # or _shared
    Column("kind", String(8), nullable=False),
    Column("workflow_name", String(200), nullable=False),
    Column("values", JSON, nullable=False),
    Column("author_id", BigInteger, nullable=False),
    time_column("created_at", nullable=False),
)

last_settings = Table(
    "last_settings",
    metadata,
    Column("user_id", BigInteger, primary_key=True, autoincrement=False),
    Column("character_id", String(100), primary_key=True),
    Column("kind", String(8), primary_key=True),
    Column("workflow_name", String(200), primary_key=True),
    Column("values", JSON, nullable=False),
    time_column("used_at", nullable=False),
)
