"""The first tables."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TABLES = (
    "conversations",
    "threads",
    "messages",
    "message_alternatives",
    "channel_bindings",
    "jobs",
    "attempts",
    "deliveries",
    "voice_samples",
    "images",
    "videos",
    "audio_messages",
    "workflow_versions",
    "workflows",
    "guild_settings",
)


def upgrade() -> None:
    _conversations()
    _jobs()
    _results()
    _owners()


def downgrade() -> None:
    for name in reversed(_TABLES):
        op.drop_table(name)


def _conversations() -> None:
    op.create_table(
        "conversations",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("character_id", sa.String(100), nullable=False),
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("guild_id", sa.BigInteger()),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.Index(None, "channel_id", "updated_at"),
    )
    op.create_table(
        "threads",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column(
            "conversation_id", sa.String(36), sa.ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False
        ),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("parent_thread_id", sa.String(36), sa.ForeignKey("threads.id")),
        sa.Column("forked_at_position", sa.Integer()),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("conversation_id", "channel_id"),
    )
    op.create_table(
        "messages",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column(
            "conversation_id", sa.String(36), sa.ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False
        ),
        sa.Column("thread_id", sa.String(36), sa.ForeignKey("threads.id", ondelete="CASCADE"), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("character_id", sa.String(100)),
        sa.Column("author_id", sa.BigInteger()),
        sa.Column("author_name", sa.String(100)),
        sa.Column("author_is_bot", sa.Boolean(), nullable=False),
        sa.Column("discord_message_id", sa.BigInteger()),
        sa.Column("reply_to_id", sa.String(36)),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("shown_alternative", sa.Integer(), nullable=False),
        sa.Column("job_id", sa.String(36)),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("edited_at", sa.DateTime()),
        sa.Column("deleted_at", sa.DateTime()),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("thread_id", "position"),
        sa.Index(None, "discord_message_id"),
        sa.Index(None, "state"),
    )
    op.create_table(
        "message_alternatives",
        sa.Column("message_id", sa.String(36), sa.ForeignKey("messages.id", ondelete="CASCADE"), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("model", sa.String(200)),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("message_id", "n"),
    )
    op.create_table(
        "channel_bindings",
        sa.Column("channel_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("guild_id", sa.BigInteger()),
        sa.Column("character_id", sa.String(100), nullable=False),
        sa.Column("conversation_id", sa.String(36), sa.ForeignKey("conversations.id", ondelete="SET NULL")),
        sa.Column("mode", sa.String(16), nullable=False),
        sa.Column("bound_by", sa.BigInteger()),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("channel_id"),
    )


def _jobs() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("number", _ROW_ID, nullable=False),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("request", sa.JSON(), nullable=False),
        sa.Column("character_id", sa.String(100), nullable=False),
        sa.Column("character_version", sa.String(64), nullable=False),
        sa.Column("workflow_name", sa.String(200), nullable=False),
        sa.Column("workflow_hash", sa.String(64), nullable=False),
        sa.Column("seed", sa.String(20), nullable=False),
        sa.Column("parameters", sa.JSON(), nullable=False),
        sa.Column("fingerprint", sa.String(64)),
        sa.Column("requester_id", sa.BigInteger(), nullable=False),
        sa.Column("guild_id", sa.BigInteger()),
        sa.Column("channel_id", sa.BigInteger()),
        sa.Column("interaction_id", sa.BigInteger()),
        sa.Column("source_message_id", sa.BigInteger()),
        sa.Column("parent_job_id", sa.String(36)),
        sa.Column("conversation_id", sa.String(36)),
        sa.Column("message_id", sa.String(36)),
        sa.Column("artifacts", sa.JSON(), nullable=False),
        sa.Column("error", sa.JSON()),
        sa.Column("note", sa.Text()),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("started_at", sa.DateTime()),
        sa.Column("generated_at", sa.DateTime()),
        sa.Column("ended_at", sa.DateTime()),
        sa.Column("delivered_at", sa.DateTime()),
        sa.Column("execution_seconds", sa.Float()),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("number"),
        sa.Index(None, "channel_id", "number"),
        sa.Index(None, "fingerprint"),
        sa.Index(None, "guild_id", "number"),
        sa.Index(None, "parent_job_id"),
        sa.Index(None, "requester_id", "number"),
        sa.Index(None, "requester_id", "state"),
        sa.Index(None, "source_message_id"),
        sa.Index(None, "state", "number"),
        sa.Index(None, "workflow_hash", "state", "number"),
    )
    op.create_table(
        "attempts",
        sa.Column("prompt_id", sa.String(36), nullable=False),
        sa.Column("job_id", sa.String(36), sa.ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("server", sa.String(300), nullable=False),
        sa.Column("client_id", sa.String(64)),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("collected", sa.JSON()),
        sa.Column("execution_seconds", sa.Float()),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("prompt_id"),
        sa.UniqueConstraint("job_id", "part", "n"),
        sa.Index(None, "state"),
    )
    op.create_table(
        "deliveries",
        sa.Column("id", _ROW_ID, nullable=False),
        sa.Column("job_id", sa.String(36)),
        sa.Column("message_id", sa.String(36), sa.ForeignKey("messages.id", ondelete="CASCADE")),
        sa.Column("alternative", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("guild_id", sa.BigInteger()),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("after_message_id", sa.BigInteger()),
        sa.Column("interaction_id", sa.BigInteger()),
        sa.Column("webhook_id", sa.BigInteger()),
        sa.Column("nonce", sa.String(25)),
        sa.Column("content", sa.Text()),
        sa.Column("discord_message_id", sa.BigInteger()),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("sent_at", sa.DateTime()),
        sa.PrimaryKeyConstraint("id"),
        sa.Index(None, "discord_message_id"),
        sa.Index(None, "job_id", "kind", "part", unique=True),
        sa.Index(None, "message_id"),
        sa.Index(None, "state"),
    )


def _media_columns() -> list[Any]:
    return [
        sa.Column("id", _ROW_ID, autoincrement=False, nullable=False),
        sa.Column("job_id", sa.String(36), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("conversation_id", sa.String(36)),
        sa.Column("thread_id", sa.String(36)),
        sa.Column("character_id", sa.String(100), nullable=False),
        sa.Column("message_id", sa.String(36)),
        sa.Column("guild_id", sa.BigInteger()),
        sa.Column("channel_id", sa.BigInteger()),
        sa.Column("requester_id", sa.BigInteger(), nullable=False),
        sa.Column("shelf", sa.Integer(), nullable=False),
        sa.Column("age_restricted", sa.Boolean(), nullable=False),
        sa.Column("workflow_name", sa.String(200), nullable=False),
        sa.Column("seed", sa.String(20), nullable=False),
        sa.Column("filename", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("generation_time_seconds", sa.Float()),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("deleted_at", sa.DateTime()),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("job_id", "n"),
        sa.Index(None, "created_at"),
        *(
            sa.Index(None, scope, "shelf", *columns, "id")
            for scope in ("channel_id", "guild_id")
            for columns in ((), ("character_id",), ("requester_id",), ("character_id", "requester_id"))
        ),
    ]


def _results() -> None:
    op.create_table(
        "voice_samples",
        sa.Column("id", _ROW_ID, nullable=False),
        sa.Column("character_id", sa.String(100), nullable=False),
        sa.Column("guild_id", sa.BigInteger()),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("filename", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("transcript", sa.Text(), nullable=False),
        sa.Column("duration_seconds", sa.Float(), nullable=False),
        sa.Column("is_default", sa.Boolean(), nullable=False),
        sa.Column("added_by", sa.BigInteger()),
        sa.Column("consented_at", sa.DateTime()),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("character_id", "guild_id", "name"),
    )
    op.create_table(
        "images",
        *_media_columns(),
        sa.Column("prompt", sa.Text(), nullable=False),
        sa.Column("negative_prompt", sa.Text()),
        sa.Column("thumbnail_filename", sa.Text()),
        sa.Column("width", sa.Integer()),
        sa.Column("height", sa.Integer()),
    )
    op.create_table(
        "videos",
        *_media_columns(),
        sa.Column("prompt", sa.Text(), nullable=False),
        sa.Column("negative_prompt", sa.Text()),
        sa.Column("thumbnail_filename", sa.Text()),
        sa.Column("width", sa.Integer()),
        sa.Column("height", sa.Integer()),
        sa.Column("duration_seconds", sa.Float()),
    )
    op.create_table(
        "audio_messages",
        *_media_columns(),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("original_filename", sa.Text()),
        sa.Column("duration_seconds", sa.Float()),
        sa.Column("waveform", sa.Text()),
        sa.Column("voice_sample_id", _ROW_ID, sa.ForeignKey("voice_samples.id", ondelete="SET NULL")),
    )


def _owners() -> None:
    op.create_table(
        "workflow_versions",
        sa.Column("content_hash", sa.String(64), nullable=False),
        sa.Column("graph", sa.JSON(), nullable=False),
        sa.Column("bindings", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("content_hash"),
    )
    op.create_table(
        "workflows",
        sa.Column("id", _ROW_ID, nullable=False),
        sa.Column("character_id", sa.String(100), nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("current_hash", sa.String(64), sa.ForeignKey("workflow_versions.content_hash"), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("character_id", "kind", "name"),
    )
    op.create_table(
        "guild_settings",
        sa.Column("guild_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("channel_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("key", sa.String(100), nullable=False),
        sa.Column("value", sa.JSON(), nullable=False),
        sa.Column("set_by", sa.BigInteger()),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("guild_id", "channel_id", "key"),
    )
