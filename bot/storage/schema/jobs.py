"""Tables of jobs, their attempts, and batches."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from bot.storage.schema.columns import RowId, id_column, metadata, time_column

jobs = Table(
    "jobs",
    metadata,
    id_column(),
    Column("number", RowId, nullable=False, unique=True),  # order of acceptance
    Column("owner", String(64), nullable=False),  # which process family dispatches it: recovery takes up its own
    Column("kind", String(8), nullable=False),
    Column("state", String(16), nullable=False),
    Column("request", JSON, nullable=False),
    Column("character_id", String(100), nullable=False),
    Column("character_version", String(64), nullable=False),
    Column("workflow_name", String(200), nullable=False),
    Column("workflow_hash", String(64), nullable=False),
    Column("seed", String(20), nullable=False),
    Column("parameters", JSON, nullable=False),
    Column("fingerprint", String(64)),  # equal jobs make equal files: speech is reused by it
    Column("requester_id", BigInteger, nullable=False),
    Column("guild_id", BigInteger),
    Column("channel_id", BigInteger),
    Column("interaction_id", BigInteger),
    Column("source_message_id", BigInteger),
    Column("parent_job_id", String(36)),
    Column("conversation_id", String(36)),
    Column("message_id", String(36)),
    Column("artifacts", JSON, nullable=False),
    Column("error", JSON),
    Column("note", Text),
    time_column("created_at", nullable=False),
    time_column("started_at"),
    time_column("generated_at"),
    time_column("ended_at"),
    time_column("delivered_at"),  # the result or the error was shown
    Column("execution_seconds", Float),
    Column("batch_id", String(36)),
    Column("batch_index", Integer),  # from 0, in reading order of the contact sheet
    Column("quota_pieces", Integer, nullable=False, server_default="1"),  # what it counts for, unless it failed
    Column("quota_seconds", Float),  # expected of a GPU when it was accepted
    Index(None, "state", "number"),
    Index(None, "guild_id", "number"),
    Index(None, "requester_id", "number"),
    Index(None, "fingerprint"),
    Index(None, "requester_id", "state"),
    Index(None, "requester_id", "created_at"),
    Index(None, "guild_id", "created_at"),
    Index(None, "channel_id", "number"),
    Index(None, "workflow_hash", "state", "number"),
    Index(None, "source_message_id"),
    Index(None, "parent_job_id"),
    Index(None, "batch_id", "batch_index"),
)

batches = Table(
    "batches",
    metadata,
    id_column(),
    Column("owner", String(64), nullable=False),
    Column("state", String(16), nullable=False),  # proposed | running | stopped | delivered
    Column("requester_id", BigInteger, nullable=False),
    Column("guild_id", BigInteger),
    Column("channel_id", BigInteger),
    Column("request", JSON, nullable=False),
    Column("plan", JSON, nullable=False),
    Column("total", Integer, nullable=False),
    time_column("created_at", nullable=False),
    time_column("delivered_at"),
    Index(None, "channel_id", "created_at"),
    Index(None, "guild_id", "created_at"),
    Index(None, "state"),
)

batch_votes = Table(
    "batch_votes",
    metadata,
    Column("batch_id", String(36), ForeignKey("batches.id", ondelete="CASCADE"), primary_key=True),
    Column("user_id", BigInteger, primary_key=True, autoincrement=False),
    Column("workflow", Integer, nullable=False),  # its place in the plan, from 0
    time_column("voted_at", nullable=False),
)

attempts = Table(
    "attempts",
    metadata,
    Column("prompt_id", String(36), primary_key=True),
    Column("job_id", String(36), ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False),
    Column("part", Integer, nullable=False),
    Column("n", Integer, nullable=False),
    Column("server", String(300), nullable=False),
    Column("client_id", String(64)),
    Column("state", String(16), nullable=False),
    # Files of a finished part that are on our disk already (long speech has several parts).
    Column("collected", JSON),
    Column("execution_seconds", Float),
    time_column("created_at", nullable=False),
    UniqueConstraint("job_id", "part", "n"),
    Index(None, "state"),
)
