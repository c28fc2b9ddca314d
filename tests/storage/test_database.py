import asyncio
import json
from functools import partial
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, create_engine, inspect, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import IntegrityError
from sqlalchemy.schema import CreateTable

from bot.errors import ConfigError
from bot.storage.database import Database, migration_config
from bot.storage.jobs import JobRepository
from bot.storage.rows import job_row
from bot.storage.schema import metadata
from tests.storage.factories import make_job


async def test_the_migrations_make_exactly_the_tables_of_the_schema(database: Database) -> None:
    def differences(connection: Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, metadata))

    async with database.read() as connection:
        assert await connection.run_sync(differences) == []


async def test_index_and_constraint_names_are_those_of_the_schema(database: Database) -> None:
    def names(connection: Connection) -> set[str | None]:
        found = inspect(connection)
        tables = [name for name in found.get_table_names() if name != "alembic_version"]
        return {index["name"] for table in tables for index in found.get_indexes(table)}

    async with database.read() as connection:
        assert await connection.run_sync(names) == {
            index.name for table in metadata.tables.values() for index in table.indexes
        }


async def test_opening_twice_keeps_what_was_written(url: str) -> None:
    insert = text("INSERT INTO guild_settings VALUES (1, 0, 'k', '1', NULL, '2026-01-01 00:00:00.000000')")
    async with Database.open(url) as database, database.write() as connection:
        await connection.execute(insert)
    async with Database.open(url) as database, database.read() as connection:
        assert (await connection.execute(text("SELECT key FROM guild_settings"))).scalar() == "k"


async def test_a_database_of_a_newer_version_is_refused(url: str) -> None:
    async with Database.open(url) as database, database.write() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(ConfigError, match=r"newer version.*9999"):
        async with Database.open(url):
            pass


async def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    path.write_text("This is a letter, not a database. " * 200)
    with pytest.raises(ConfigError, match="not a database"):
        async with Database.open(f"sqlite+aiosqlite:///{path}"):
            pass


async def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be opened"):
        async with Database.open(f"sqlite+aiosqlite:///{tmp_path}/absent/x.db"):
            pass


@pytest.mark.parametrize("url", ["", "what", "nosuch+driver:///x", "sqlite+nosuch:///x", "mongodb://x"])
async def test_a_url_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="database_url"):
        async with Database.open(url):
            pass


async def test_sqlite_is_durable_and_keeps_its_references(database: Database) -> None:
    async with database.read() as connection:
        assert (await connection.execute(text("PRAGMA journal_mode"))).scalar() == "wal"
        assert (await connection.execute(text("PRAGMA synchronous"))).scalar() == 2  # FULL
        assert (await connection.execute(text("PRAGMA foreign_keys"))).scalar() == 1
    orphan = text("INSERT INTO message_alternatives VALUES ('none', 0, '', NULL, '2026-01-01 00:00:00.000000')")
    with pytest.raises(IntegrityError):
        async with database.write() as connection:
            await connection.execute(orphan)


async def test_a_failed_write_leaves_nothing(database: Database) -> None:
    insert = text("INSERT INTO guild_settings VALUES (1, 0, 'k', '1', NULL, '2026-01-01 00:00:00.000000')")

    async def fail() -> None:
        async with database.write() as connection:
            await connection.execute(insert)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    async with database.read() as connection:
        assert (await connection.execute(text("SELECT count(*) FROM guild_settings"))).scalar() == 0


async def test_writers_of_two_processes_do_not_lose_updates(url: str) -> None:
    """Two engines on one file, as `chorus run` and `chorus imagine` are: read, then write, one after the other."""
    insert = text("INSERT INTO guild_settings VALUES (1, 0, 'k', '0', NULL, '2026-01-01 00:00:00.000000')")

    async def increment(database: Database) -> None:
        async with database.write() as connection:
            value = (await connection.execute(text("SELECT value FROM guild_settings"))).scalar_one()
            await connection.execute(text("UPDATE guild_settings SET value = :v"), {"v": str(int(value) + 1)})

    async def count_up(database: Database) -> None:
        # As every repository writes: SQLite gives the lock to whoever looks first, so one of them may wait too long.
        for _ in range(20):
            await database.retrier.run(partial(increment, database))

    async with Database.open(url) as one, Database.open(url) as two:
        async with one.write() as connection:
            await connection.execute(insert)
        await asyncio.gather(*(count_up(database) for database in (one, two) for _ in range(3)))
        async with one.read() as connection:
            assert (await connection.execute(text("SELECT value FROM guild_settings"))).scalar() == 120


async def test_a_reader_does_not_wait_for_a_writer(database: Database) -> None:
    async with database.write() as writer:
        await writer.execute(text("DELETE FROM guild_settings"))
        async with database.read() as reader:
            assert (await reader.execute(text("SELECT count(*) FROM guild_settings"))).scalar() == 0


def test_the_first_migration_can_be_taken_back(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'x.db'}")
    with engine.begin() as connection:
        config = migration_config(connection)
        command.upgrade(config, "head")
        command.downgrade(config, "base")
        assert set(inspect(connection).get_table_names()) <= {"alembic_version"}
    engine.dispose()


def test_the_tables_and_the_gallery_can_be_written_for_postgresql() -> None:
    """Nothing in the schema or in the widest query is SQLite's alone."""
    dialect = postgresql.dialect()
    for table in metadata.sorted_tables:
        assert "CREATE TABLE" in str(CreateTable(table).compile(dialect=dialect))
    for index in (index for table in metadata.sorted_tables for index in table.indexes):
        name = index.name or ""
        assert len(name) <= dialect.max_identifier_length, f"{name} would be cut"


async def test_a_database_of_before_batches_opens_with_its_jobs(url: str) -> None:
    old = make_job()
    engine = create_engine(url.replace("+aiosqlite", ""))
    with engine.begin() as connection:
        command.upgrade(migration_config(connection), "0001")
        row = job_row(old, owner="run", number=1, fingerprint=None)
        row["request"] = {name: value for name, value in row["request"].items() if name not in _NEWER}
        stored = {name: value for name, value in row.items() if not name.startswith(("batch_", "quota_"))}
        names = ", ".join(stored)
        values = {
            name: json.dumps(value) if isinstance(value, dict | list) else value for name, value in stored.items()
        }
        values["created_at"] = old.created_at.replace(tzinfo=None).isoformat(" ")
        holders = ", ".join(f":{name}" for name in stored)
        connection.execute(text(f"INSERT INTO jobs ({names}) VALUES ({holders})"), values)
    engine.dispose()
    async with Database.open(url) as database:
        assert await JobRepository(database).get(old.id) == old


async def test_passwords_that_earlier_versions_stored_are_removed(url: str) -> None:
    engine = create_engine(url.replace("+aiosqlite", ""))
    with engine.begin() as connection:
        command.upgrade(migration_config(connection), "0004")
        connection.execute(text("PRAGMA foreign_keys=OFF"))
        for n, server in enumerate(("http://me:secret@box:8188/comfy", "http://box:8188")):
            values = f"('{n}', 'job', 0, {n}, '{server}', 'succeeded', '2026-01-01 00:00:00')"
            columns = "prompt_id, job_id, part, n, server, state, created_at"
            connection.execute(text(f"INSERT INTO attempts ({columns}) VALUES {values}"))
    engine.dispose()
    async with Database.open(url) as database, database.read() as connection:
        found = await connection.execute(text("SELECT server FROM attempts ORDER BY prompt_id"))
        assert found.scalars().all() == ["http://box:8188/comfy", "http://box:8188"]


_NEWER = {"batch_id", "batch_index", "fresh"}
"""Keys of requests that databases of revision 0001 do not have."""
