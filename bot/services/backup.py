"""Backups as the configuration sets them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta

from bot.backup.paths import BackupPaths
from bot.backup.schedule import BackupSchedule, ScheduleOptions
from bot.errors import ConfigError
from bot.settings import Settings
from bot.storage.database import database_file


def backup_paths(settings: Settings) -> BackupPaths:
    """What is backed up and restored.

    Raises:
        ConfigError: The database is no SQLite file.

    """
    file = database_file(settings.storage.database_url)
    if file is None:
        raise ConfigError(
            "Only an SQLite database is backed up by Chorus.",
            advice="Back a PostgreSQL database up with `pg_dump`, and the data folder with a program of your choice.",
        )
    return BackupPaths(
        database=file,
        data_dir=settings.storage.data_dir,
        characters=settings.paths.characters,
        workflows=settings.paths.workflows,
        backups=settings.backup.folder,
    )


@asynccontextmanager
async def scheduled_backups_of(settings: Settings) -> AsyncGenerator[None]:
    """Make backups by the clock while the block runs, if `backup.every_hours` is set.

    Raises:
        ConfigError: It is set, and the database is no SQLite file.

    """
    if not settings.backup.every_hours:
        yield
        return
    options = ScheduleOptions(
        settings.backup.folder, timedelta(hours=settings.backup.every_hours), settings.backup.keep
    )
    schedule = BackupSchedule(backup_paths(settings), options)
    task = asyncio.create_task(schedule.run(), name="scheduled backups")
    try:
        yield
    finally:
        schedule.stop()
        await task
