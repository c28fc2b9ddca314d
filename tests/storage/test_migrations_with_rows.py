"""Each earlier schema, with rows in every table, becomes today's without losing a value."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    DateTime,
    Float,
    Integer,
    MetaData,
    String,
    Table,
    create_engine,
    insert,
    select,
)

from bot.storage.database import Database, migration_config
from bot.storage.sqlite_file import find_damage

ROWS = 3


def revisions() -> list[str]:
    """Every revision, oldest first."""
    config = Config()
    config.set_main_option("script_location", "bot.storage:migrations")
    scripts = list(ScriptDirectory.from_config(config).walk_revisions())
    return [script.revision for script in reversed(scripts)]


@pytest.mark.parametrize("revision", revisions())
async def test_every_value_of_every_table_is_kept(tmp_path: Path, revision: str) -> None:
    path = tmp_path / "chorus.db"
    before = write_rows(path, revision)
    assert len(before) >= 15
    assert all(len(rows) == ROWS for rows in before.values())
    async with Database.open(f"sqlite+aiosqlite:///{path}"):
        pass
    after = rows_of(path)
    for name, rows in before.items():
        for old, new in zip(rows, after[name], strict=True):
            assert {key: new[key] for key in old if key in new} == {key: old[key] for key in old if key in new}
            assert set(old) - set(new) == set(), name
    assert find_damage(path) is None


def write_rows(path: Path, revision: str) -> dict[str, list[dict[str, Any]]]:
    """Make a database of that revision, put rows into each table, and return them."""
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        command.upgrade(migration_config(connection), revision)
        metadata = MetaData()
        metadata.reflect(connection)
        for table in data_tables(metadata):
            connection.execute(insert(table), [{c.name: value_of(c, n) for c in table.columns} for n in range(ROWS)])
    engine.dispose()
    return rows_of(path)


def rows_of(path: Path) -> dict[str, list[dict[str, Any]]]:
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        metadata = MetaData()
        metadata.reflect(connection)
        found = {
            table.name: [dict(row) for row in connection.execute(select(table).order_by(*table.primary_key)).mappings()]
            for table in data_tables(metadata)
        }
    engine.dispose()
    return found


def data_tables(metadata: MetaData) -> Iterator[Table]:
    """All tables but Alembic's own, those that others refer to first."""
    yield from (table for table in metadata.sorted_tables if table.name != "alembic_version")


def value_of(column: Column[Any], n: int) -> Any:
    """A value for a row's column, other than that of other rows; a reference's is that of the row referred to."""
    for key in column.foreign_keys:
        return value_of(key.column, n)
    length = getattr(column.type, "length", None) or 1000
    values: tuple[tuple[type[Any], Any], ...] = (
        (Boolean, n % 2 == 0),
        (Integer, 100 + n),  # BigInteger too
        (Float, 1.5 + n),
        (DateTime, datetime(2026, 1, 1, n, tzinfo=UTC).replace(tzinfo=None)),
        (JSON, {"text": f"a lighthouse {n}", "list": [n]}),
        (String, f"{n}-{column.name} ✓"[:length]),  # Text too
    )
    return next(value for kind, value in values if isinstance(column.type, kind))


def test_a_lost_value_would_be_noticed(tmp_path: Path) -> None:
    path = tmp_path / "chorus.db"
    before = write_rows(path, "0001")
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE jobs SET note = NULL WHERE number = 101")
    assert rows_of(path)["jobs"] != before["jobs"]
