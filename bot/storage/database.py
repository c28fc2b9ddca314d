"""The engine: opening, migrating, reading, writing. Every statement that is SQLite's alone is in this file.

SQLite runs in WAL mode (readers never wait for the writer) with `synchronous=FULL` (a commit that returned is on the
disk, also after a power cut) and writers begin with `BEGIN IMMEDIATE`, so that no transaction fails halfway because
another one wrote between its read and its write.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, event, make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from bot.errors import ConfigError

_WRITES = "chorus_writes"
_BUSY_SECONDS = 10

# One writer at a time is SQLite's own rule; its busy handler polls, a lock wakes at once. WAL survives kill -9.
_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
    f"PRAGMA busy_timeout={_BUSY_SECONDS * 1000}",
)


class Database:
    """A migrated database. Use `async with Database.open(url) as database`.

    `read()` and `write()` each yield a connection in a transaction of its own; `write()` commits when the block ends
    well and rolls back otherwise.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._writer = asyncio.Lock() if _is_sqlite(engine.url) else None

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str) -> AsyncGenerator[Database, None]:
        """Connect, create or migrate the tables, and close at the end of the block.

        Args:
            url: An SQLAlchemy URL with an async driver, `sqlite+aiosqlite:////absolute/path.db` for instance. The
                folder of an SQLite file must exist.

        Raises:
            ConfigError: The URL cannot be used, the file is no database, or a newer version of Chorus wrote it.

        """
        engine = _engine(url)
        try:
            await _migrate(engine)
            yield cls(engine)
        finally:
            await engine.dispose()

    @asynccontextmanager
    async def read(self) -> AsyncGenerator[AsyncConnection, None]:
        """A connection for reading: one consistent snapshot for the whole block."""
        async with self._engine.connect() as connection, connection.begin():
            yield connection

    @asynccontextmanager
    async def write(self) -> AsyncGenerator[AsyncConnection, None]:
        """A connection in a writing transaction, committed (on the disk) when the block ends without an error."""
        if self._writer is None:
            async with self._engine.begin() as connection:
                yield connection
            return
        async with self._writer, self._engine.connect() as connection:
            await connection.execution_options(**{_WRITES: True})
            async with connection.begin():
                yield connection


def _is_sqlite(url: URL) -> bool:
    return url.get_backend_name() == "sqlite"


def _engine(url: str) -> AsyncEngine:
    try:
        parsed = make_url(url)
        engine = create_async_engine(parsed, hide_parameters=True)  # they hold what people wrote
    except (ArgumentError, NoSuchModuleError, ImportError) as error:
        message = "`storage.database_url` is not a database URL this installation can use."
        raise ConfigError(message, advice="Use `sqlite+aiosqlite:///data/chorus.db`.") from error
    if _is_sqlite(parsed):
        event.listen(engine.sync_engine, "connect", _prepare_sqlite)
        event.listen(engine.sync_engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    # The driver would begin a (deferred) transaction by itself, at the first write only: we begin ours.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in _PRAGMAS:
        cursor.execute(pragma)
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


# -- migrations


def migration_config(connection: Connection) -> Config:
    """Alembic's configuration without an alembic.ini: the scripts are part of the package."""
    config = Config()
    config.set_main_option("script_location", "bot.storage:migrations")
    config.attributes["connection"] = connection
    return config


async def _migrate(engine: AsyncEngine) -> None:
    try:
        if _is_sqlite(engine.url):
            await asyncio.to_thread(_look_at_file, engine.url.database or ":memory:")
        async with engine.connect() as connection:
            await connection.execution_options(**{_WRITES: True})
            async with connection.begin():
                await connection.run_sync(_upgrade)
    except (OperationalError, sqlite3.OperationalError) as error:
        message = "The database cannot be opened."
        raise ConfigError(message, advice="Check `storage.database_url` and the rights of its folder.") from error
    except (DBAPIError, sqlite3.DatabaseError) as error:
        message = "The file `storage.database_url` names is not a database of Chorus."
        raise ConfigError(message, advice="Move the file away, or name another one.") from error


def _look_at_file(path: str) -> None:
    """Open and read the file once: aiosqlite leaves a thread behind when opening fails."""
    connection = sqlite3.connect(path, timeout=_BUSY_SECONDS)
    try:
        connection.execute("PRAGMA schema_version").fetchone()
    finally:
        connection.close()


def _upgrade(connection: Connection) -> None:
    config = migration_config(connection)
    script = ScriptDirectory.from_config(config)
    current = MigrationContext.configure(connection).get_current_revision()
    if current == script.get_current_head():
        return
    if current is not None:
        try:
            script.get_revision(current)
        except CommandError as error:
            message = f"The database was written by a newer version of Chorus (its revision is {current})."
            raise ConfigError(message, advice="Install that version again, or use another database.") from error
    command.upgrade(config, "head")
