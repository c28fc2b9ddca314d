"""What a job counts for against quotas, and indexes to sum it up by person and by server."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("jobs", sa.Column("quota_pieces", sa.Integer(), nullable=False, server_default="1"))
    op.add_column("jobs", sa.Column("quota_seconds", sa.Float()))
    op.create_index("ix_jobs_requester_id_created_at", "jobs", ["requester_id", "created_at"])
    op.create_index("ix_jobs_guild_id_created_at", "jobs", ["guild_id", "created_at"])


def downgrade() -> None:
    op.drop_index("ix_jobs_guild_id_created_at", "jobs")
    op.drop_index("ix_jobs_requester_id_created_at", "jobs")
    for column in ("quota_seconds", "quota_pieces"):
        with op.batch_alter_table("jobs") as altered:
            altered.drop_column(column)
