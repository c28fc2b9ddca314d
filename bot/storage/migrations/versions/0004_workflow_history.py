"""Workflows that people bring: drafts before they are saved, and every version of what was saved."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_CONTENT = "workflow_versions.content_hash"


def upgrade() -> None:
    op.create_table(
        "workflow_history",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("character_id", sa.String(100), nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("content_hash", sa.String(64), sa.ForeignKey(_CONTENT), nullable=False),
        sa.Column("origin", sa.String(16), nullable=False),
        sa.Column("author_id", sa.BigInteger()),
        sa.Column("source", sa.String(200), nullable=False),
        sa.Column("ui_workflow", sa.JSON()),
        sa.Column("is_written", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("removed_at", sa.DateTime()),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("guild_id", "character_id", "kind", "name", "number"),
    )
    op.create_table(
        "workflow_drafts",
        sa.Column("id", sa.String(16), nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("author_id", sa.BigInteger(), nullable=False),
        sa.Column("character_id", sa.String(100), nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("content_hash", sa.String(64), sa.ForeignKey(_CONTENT), nullable=False),
        sa.Column("source", sa.String(200), nullable=False),
        sa.Column("notes", sa.JSON(), nullable=False),
        sa.Column("ui_workflow", sa.JSON()),
        sa.Column("base_hash", sa.String(64)),
        sa.Column("trial_job_id", sa.String(36)),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.Index(None, "created_at"),
    )


def downgrade() -> None:
    op.drop_table("workflow_drafts")
    op.drop_table("workflow_history")
