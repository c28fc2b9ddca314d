"""Backups by the clock, of which the newest are kept."""

from __future__ import annotations

import asyncio
import logging
import re
import threading
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from bot.backup.making import Backup, make_backup
from bot.backup.paths import BackupPaths
from bot.errors import ChorusError

log = logging.getLogger(__name__)

RETRY: Final = timedelta(minutes=10)
"""After this a backup that failed is tried again."""
_LOOK_SECONDS: Final = 60.0
"""How often the clock is looked at, which may be set while the bot runs."""
_NAME: Final = re.compile(r"chorus-(\d{8}T\d{6})Z\.zip")


@dataclass(frozen=True)
class ScheduleOptions:
    """When and where.

    Attributes:
        folder: Of the archives.
        every: The time between two backups.
        keep: So many archives are kept; older ones are deleted after a new one was verified.

    """

    folder: Path
    every: timedelta
    keep: int


class _StoppedError(Exception):
    """The bot stops while a backup is made."""


class BackupSchedule:
    """Makes backups until it is stopped."""

    def __init__(self, paths: BackupPaths, options: ScheduleOptions) -> None:
        self._paths = paths
        self._options = options
        self._failed_at: datetime | None = None
        self._stopping = threading.Event()
        self._stopped = asyncio.Event()

    def stop(self) -> None:
        """End `run`, also in the middle of a backup, of which nothing is left then."""
        self._stopping.set()
        self._stopped.set()

    async def run(self) -> None:
        """Make a backup whenever the newest one is older than `every`; returns when it was stopped."""
        while not self._stopping.is_set():
            if (wait := await asyncio.to_thread(self._time_left)) <= timedelta():
                await asyncio.to_thread(self._make)
            else:
                with suppress(TimeoutError):
                    async with asyncio.timeout(min(wait.total_seconds(), _LOOK_SECONDS)):
                        await self._stopped.wait()

    def _time_left(self) -> timedelta:
        now = datetime.now(UTC)
        times = [time for time in scheduled_backups(self._options.folder) if time <= now]
        left = times[-1] + self._options.every - now if times else timedelta()
        if self._failed_at is not None and timedelta() <= now - self._failed_at < RETRY:
            return max(left, self._failed_at + RETRY - now)
        return left

    def _make(self) -> None:
        folder = self._options.folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
            target = folder / f"chorus-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.zip"
            _log_backup(make_backup(self._paths, target, self._require_running))
            self._failed_at = None
            for time in list(scheduled_backups(folder))[: -self._options.keep]:
                (folder / f"chorus-{time:%Y%m%dT%H%M%SZ}.zip").unlink()
        except _StoppedError:
            log.info("the scheduled backup was stopped; it will be made after the next start")
        except (ChorusError, OSError) as error:
            self._failed_at = datetime.now(UTC)
            log.error(  # noqa: TRY400 - a full disk is told in a sentence
                "the scheduled backup failed: %s Trying again in %.0f minutes. %s",
                error,
                RETRY.total_seconds() / 60,
                error.advice if isinstance(error, ChorusError) else "",
            )

    def _require_running(self) -> None:
        if self._stopping.is_set():
            raise _StoppedError


def scheduled_backups(folder: Path) -> list[datetime]:
    """When the scheduled backups in a folder were made, oldest first; other files are no such backups. Blocking."""
    if not folder.is_dir():
        return []
    found = (_NAME.fullmatch(path.name) for path in folder.iterdir())
    return sorted(datetime.strptime(match[1], "%Y%m%dT%H%M%S").replace(tzinfo=UTC) for match in found if match)


def _log_backup(backup: Backup) -> None:
    log.info("backup %s: the database and %d files, %.1f MB", backup.path.name, backup.files, backup.size / 1e6)
    if backup.missing:
        log.warning("backup %s: %d files of results were not on the disk", backup.path.name, len(backup.missing))
    if backup.left_out:
        log.warning("backup %s: %d files with unusable names were left out", backup.path.name, len(backup.left_out))
