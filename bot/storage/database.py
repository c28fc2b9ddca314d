"""The engine: opening, migrating, reading, writing. Statements of SQLite's alone are here and in `sqlite_file.py`.

SQLite runs in WAL mode (readers never wait for the writer) with `synchronous=FULL` (a commit that returned is on the
disk, also after a power cut) and writers begin with `BEGIN IMMEDIATE`, so that no transaction fails halfway because
another one wrote between its read and its write.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial
from pathlib import Path
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

from bot.errors import ConfigError, StorageUnavailable
from bot.storage import retrying
from bot.storage.cancellation import transaction_begins, wait_for_begun_transactions
from bot.storage.retrying import Retrier, RetryTimes, WriterBusy
from bot.storage.sqlite_file import mark_opened, require_sound
from bot.storage.waiting import held_within_deadline, waiting_for_store

_WRITES = "chorus_writes"
_MIGRATIONS = "bot.storage:migrations"
_OPEN_SECONDS = 10.0
"""How long the start waits for a database that must be migrated and cannot be written."""

# One writer at a time is SQLite's own rule; its busy handler polls, a lock wakes at once. WAL survives kill -9.
_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
)


class Database:
    """A migrated database. Use `async with Database.open(url) as database`.

    `read()` and `write()` each yield a connection in a transaction of its own; `write()` commits when the block ends
    well and rolls back otherwise. Neither is repeated when it fails: a repository has its methods repeated by
    `@retrying`.

    Attributes:
        retrier: Repeats the transactions of the repositories.

    """

    def __init__(self, engine: AsyncEngine, times: RetryTimes) -> None:
        self.retrier = Retrier(times)
        self._engine = engine
        self._writer = asyncio.Lock() if _is_sqlite(engine.url) else None
        self._closed = False

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str, times: RetryTimes | None = None) -> AsyncGenerator[Database, None]:
        """Connect, create or migrate the tables, and close at the end of the block.

        Args:
            url: An SQLAlchemy URL with an async driver, `sqlite+aiosqlite:////absolute/path.db` for instance. The
                folder of an SQLite file must exist.
            times: How long is waited while the database cannot be used; None: `RETRY_TIMES`.

        Raises:
            ConfigError: The URL cannot be used, the file is no database, damaged, or gone although it was there once,
                or a newer version of Chorus wrote it.

        """
        times = times or retrying.RETRY_TIMES
        engine = _engine(url, times.busy)
        database = cls(engine, times)
        try:
            await _migrate(engine, database.retrier)
            yield database
        finally:
            database._closed = True
            try:
                # Their tasks may have been given up: the event loop would cancel them in the middle of a statement.
                await wait_for_begun_transactions()
            finally:
                await engine.dispose()

    @asynccontextmanager
    async def read(self) -> AsyncGenerator[AsyncConnection, None]:
        """A connection for reading: one consistent snapshot for the whole block."""
        self._require_open()
        transaction_begins()
        async with self._engine.connect() as connection, connection.begin():
            yield connection

    @asynccontextmanager
    async def write(self) -> AsyncGenerator[AsyncConnection, None]:
        """A connection in a writing transaction, committed (on the disk) when the block ends without an error.

        Raises:
            WriterBusy: The current task may wait no longer for other tasks that write.

        """
        self._require_open()
        if self._writer is None:
            transaction_begins()
            async with self._engine.begin() as connection:
                yield connection
            return
        async with self._turn_of(self._writer):
            transaction_begins()
            async with self._engine.connect() as connection:
                await connection.execution_options(**{_WRITES: True})
                async with connection.begin():
                    yield connection

    @asynccontextmanager
    async def _turn_of(self, writer: asyncio.Lock) -> AsyncGenerator[None]:
        async with AsyncExitStack() as stack:
            try:
                await stack.enter_async_context(held_within_deadline(writer, lambda: self.retrier.is_failing))
            except TimeoutError as error:
                raise WriterBusy from error
            yield

    def _require_open(self) -> None:
        # A closed engine would connect anew, for a task that still waits for a full disk.
        if self._closed:
            raise RuntimeError("the database is closed")


def database_file(url: str) -> Path | None:
    """Return the file of an SQLite database without symbolic links; None: it is in memory, or no SQLite database."""
    try:
        parsed = make_url(url)
    except ArgumentError:  # `Database.open` tells
        return None
    if not _is_sqlite(parsed) or parsed.database in {None, "", ":memory:"}:
        return None
    return Path(os.path.realpath(parsed.database or ""))


def _is_sqlite(url: URL) -> bool:
    return url.get_backend_name() == "sqlite"


def _engine(url: str, busy_seconds: float) -> AsyncEngine:
    try:
        parsed = make_url(url)
        engine = create_async_engine(parsed, hide_parameters=True)  # they hold what people wrote
    except (ArgumentError, NoSuchModuleError, ImportError) as error:
        message = "`storage.database_url` is not a database URL this installation can use."
        raise ConfigError(message, advice="Use `sqlite+aiosqlite:///data/chorus.db`.") from error
    if _is_sqlite(parsed):
        event.listen(engine.sync_engine, "connect", partial(_prepare_sqlite, busy_seconds))
        event.listen(engine.sync_engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(busy_seconds: float, connection: Any, _record: Any) -> None:
    # The driver would begin a (deferred) transaction by itself, at the first write only: we begin ours.
    connection.isolation_level = None
    try:
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout={round(busy_seconds * 1000)}")
        for pragma in _PRAGMAS:
            cursor.execute(pragma)
        cursor.close()
    except BaseException:  # the pool does not know the connection yet, so nobody else would end its thread
        connection.close()
        raise


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


# -- migrations


def migration_config(connection: Connection) -> Config:
    """Alembic's configuration without an alembic.ini: the scripts are part of the package."""
    config = Config()
    config.set_main_option("script_location", _MIGRATIONS)
    config.attributes["connection"] = connection
    return config


def is_known_revision(revision: str) -> bool:
    """Whether tables of that revision can be migrated to today's."""
    config = Config()
    config.set_main_option("script_location", _MIGRATIONS)
    try:
        ScriptDirectory.from_config(config).get_revision(revision)
    except CommandError:
        return False
    return bool(revision)


async def _migrate(engine: AsyncEngine, retrier: Retrier) -> None:
    deadline = asyncio.get_running_loop().time() + _OPEN_SECONDS
    try:
        file = database_file(engine.url.render_as_string(hide_password=False))
        if file is not None:
            await asyncio.to_thread(require_sound, file)
        if _is_sqlite(engine.url):
            await asyncio.to_thread(_look_at_file, engine.url.database or ":memory:")
        with waiting_for_store(until=deadline):
            await retrier.run(lambda: _migrate_once(engine))
        if file is not None:
            with suppress(OSError):  # a full disk; the next start tries again
                await asyncio.to_thread(mark_opened, file)
    except StorageUnavailable as error:
        message = f"The database cannot be opened ({_reason(error)})."
        advice = "Close what else uses the database, free space on its disk, or check the rights of its folder."
        raise ConfigError(message, advice=advice) from error
    except (OperationalError, sqlite3.OperationalError) as error:
        message = "The database cannot be opened."
        raise ConfigError(message, advice="Check `storage.database_url` and the rights of its folder.") from error
    except (DBAPIError, sqlite3.DatabaseError) as error:
        message = "The file `storage.database_url` names is not a database of Chorus."
        raise ConfigError(message, advice="Move the file away, or name another one.") from error


def _reason(error: StorageUnavailable) -> str:
    cause = error.__cause__
    return str(cause.orig if isinstance(cause, DBAPIError) else cause)


async def _migrate_once(engine: AsyncEngine) -> None:
    async with engine.connect() as connection, connection.begin():
        if await connection.run_sync(_is_current):  # nothing to write, so a locked database can be opened
            return
    async with engine.connect() as connection:
        await connection.execution_options(**{_WRITES: True})
        async with connection.begin():
            await connection.run_sync(_upgrade)


def _look_at_file(path: str) -> None:
    """Open and read the file once: aiosqlite leaves a thread behind when opening fails."""
    connection = sqlite3.connect(path, timeout=_OPEN_SECONDS)
    try:
        connection.execute("PRAGMA schema_version").fetchone()
    finally:
        connection.close()


def _is_current(connection: Connection) -> bool:
    script = ScriptDirectory.from_config(migration_config(connection))
    return MigrationContext.configure(connection).get_current_revision() == script.get_current_head()


def _upgrade(connection: Connection) -> None:
    config = migration_config(connection)
    script = ScriptDirectory.from_config(config)
    current = MigrationContext.configure(connection).get_current_revision()
    if current is not None:
        try:
            script.get_revision(current)
        except CommandError as error:
            message = f"The database was written by a newer version of Chorus (its revision is {current})."
            raise ConfigError(message, advice="Install that version again, or use another database.") from error
    command.upgrade(config, "head")
