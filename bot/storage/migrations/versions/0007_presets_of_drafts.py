"""Presets that a shared workflow brings."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("workflow_drafts", sa.Column("presets", sa.JSON()))


def downgrade() -> None:
    op.drop_column("workflow_drafts", "presets")
