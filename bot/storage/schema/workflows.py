"""Tables of workflows and their versions."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Boolean, Column, ForeignKey, Index, Integer, String, Table, UniqueConstraint

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

workflow_history = Table(
    "workflow_history",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("guild_id", BigInteger, nullable=False),  # 0: the host's
    Column("character_id", String(100), nullable=False),
    Column("kind", String(8), nullable=False),
    Column("name", String(200), nullable=False),
    Column("number", Integer, nullable=False),  # from 1
    Column("content_hash", String(64), ForeignKey("workflow_versions.content_hash"), nullable=False),
    Column("origin", String(16), nullable=False),  # upload | hand | rollback | copy
    Column("author_id", BigInteger),  # None: a terminal, or a change by hand
    Column("source", String(200), nullable=False),  # the file that was brought, or the version that was restored
    Column("ui_workflow", JSON(none_as_null=True)),  # as it was brought, if it was in the UI format
    Column("is_written", Boolean, nullable=False),  # False: the files are still to be written
    time_column("created_at", nullable=False),
    time_column("removed_at"),  # set in all versions of a workflow that was removed
    UniqueConstraint("guild_id", "character_id", "kind", "name", "number"),
)

workflow_drafts = Table(
    "workflow_drafts",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("guild_id", BigInteger, nullable=False),
    Column("author_id", BigInteger, nullable=False),
    Column("character_id", String(100), nullable=False),
    Column("kind", String(8), nullable=False),
    Column("name", String(200), nullable=False),
    Column("content_hash", String(64), ForeignKey("workflow_versions.content_hash"), nullable=False),
    Column("source", String(200), nullable=False),  # the name of the file
    Column("notes", JSON, nullable=False),  # what the conversion changed
    Column("ui_workflow", JSON(none_as_null=True)),
    Column("base_hash", String(64)),  # what the name stood for when the draft was made or last confirmed
    Column("trial_job_id", String(36)),
    Column("presets", JSON(none_as_null=True)),  # values by name; of a shared workflow
    time_column("created_at", nullable=False),
    Index(None, "created_at"),
)

workflow_failures = Table(
    "workflow_failures",
    metadata,
    Column("content_hash", String(64), primary_key=True),
    Column("server", String(300), primary_key=True),
    Column("count", Integer, nullable=False),  # in a row
    Column("error", JSON, nullable=False),  # of the last one
    Column("installed", String(64), nullable=False),  # fingerprint of what the server had for the workflow then
    Column("comfyui_version", String(100), nullable=False),
    Column("inputs", JSON, nullable=False),
    Column("job_id", String(36), nullable=False),  # the last one
    time_column("failed_at", nullable=False),
)
