"""Addresses of servers without user names and passwords, which earlier versions stored with attempts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    attempts = sa.table("attempts", sa.column("server", sa.String(300)))
    connection = op.get_bind()
    for (server,) in connection.execute(sa.select(attempts.c.server).where(attempts.c.server.like("%@%")).distinct()):
        scheme, separator, rest = server.rpartition("://")
        authority, slash, path = rest.partition("/")
        shown = f"{scheme}{separator}{authority.rpartition('@')[2]}{slash}{path}"
        connection.execute(attempts.update().where(attempts.c.server == server).values(server=shown))


def downgrade() -> None:
    """What is gone cannot come back; the addresses stay usable."""
