"""Tables of workflows and their versions."""

from __future__ import annotations

from sqlalchemy import JSON, Column, ForeignKey, String, Table, UniqueConstraint

from bot.storage.schema.columns import RowId, metadata, time_column

workflow_versions = Table(
    "workflow_versions",
    metadata,
    Column("content_hash", String(64), primary_key=True),
    Column("graph", JSON, nullable=False),
    Column("bindings", JSON, nullable=False),
    time_column("created_at", nullable=False),
)

workflows = Table(
    "workflows",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("character_id", String(100), nullable=False),  # `_shared` for everybody's
    Column("kind", String(8), nullable=False),
    Column("name", String(200), nullable=False),
    Column("current_hash", String(64), ForeignKey("workflow_versions.content_hash"), nullable=False),
    time_column("updated_at", nullable=False),
    UniqueConstraint("character_id", "kind", "name"),
)
