"""Run by Alembic for each command: uses the connection it was handed, inside that connection's transaction."""

from __future__ import annotations

from alembic import context

from bot.storage.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    # SQLite cannot alter a column or drop a constraint in place: later revisions copy the table.
    render_as_batch=True,
    compare_type=True,
)
context.run_migrations()
