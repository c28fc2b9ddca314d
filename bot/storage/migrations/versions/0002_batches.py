"""Batches: several jobs of one wish, their deliveries, the votes of comparisons, and longer filters of the gallery."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "batches",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("requester_id", sa.BigInteger(), nullable=False),
        sa.Column("guild_id", sa.BigInteger()),
        sa.Column("channel_id", sa.BigInteger()),
        sa.Column("request", sa.JSON(), nullable=False),
        sa.Column("plan", sa.JSON(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("delivered_at", sa.DateTime()),
        sa.PrimaryKeyConstraint("id"),
        sa.Index(None, "channel_id", "created_at"),
        sa.Index(None, "guild_id", "created_at"),
        sa.Index(None, "state"),
    )
    op.create_table(
        "batch_votes",
        sa.Column("batch_id", sa.String(36), sa.ForeignKey("batches.id", ondelete="CASCADE"), nullable=False),
        sa.Column("user_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("workflow", sa.Integer(), nullable=False),
        sa.Column("voted_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("batch_id", "user_id"),
    )
    op.create_table(
        "gallery_filters",
        sa.Column("id", sa.String(16), nullable=False),
        sa.Column("filters", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.add_column("jobs", sa.Column("batch_id", sa.String(36)))
    op.add_column("jobs", sa.Column("batch_index", sa.Integer()))
    op.create_index("ix_jobs_batch_id_batch_index", "jobs", ["batch_id", "batch_index"])
    op.add_column("deliveries", sa.Column("batch_id", sa.String(36)))
    op.create_index("ix_deliveries_batch_id_kind_part", "deliveries", ["batch_id", "kind", "part"], unique=True)


def downgrade() -> None:
    op.drop_index("ix_deliveries_batch_id_kind_part", "deliveries")
    op.drop_index("ix_jobs_batch_id_batch_index", "jobs")
    for table, column in (("deliveries", "batch_id"), ("jobs", "batch_index"), ("jobs", "batch_id")):
        with op.batch_alter_table(table) as altered:
            altered.drop_column(column)
    op.drop_table("gallery_filters")
    op.drop_table("batch_votes")
    op.drop_table("batches")
