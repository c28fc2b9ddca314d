"""How often each workflow failed in a row."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "workflow_failures",
        sa.Column("content_hash", sa.String(64), nullable=False),
        sa.Column("server", sa.String(300), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("error", sa.JSON(), nullable=False),
        sa.Column("installed", sa.String(64), nullable=False),
        sa.Column("comfyui_version", sa.String(100), nullable=False),
        sa.Column("inputs", sa.JSON(), nullable=False),
        sa.Column("job_id", sa.String(36), nullable=False),
        sa.Column("failed_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("content_hash", "server"),
    )


def downgrade() -> None:
    op.drop_table("workflow_failures")
