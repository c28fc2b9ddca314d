"""Makes a backup while the bot runs, and checks it before it counts as one."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from bot.backup.archive import manifest_of, verify_archive, write_archive
from bot.backup.paths import WORK_PREFIX, BackupPaths
from bot.backup.snapshot import Snapshot
from bot.errors import BackupFailed
from bot.media.atomic_write import replace_atomically

_LOCK: Final = "backup.lock"


@dataclass(frozen=True)
class Backup:
    """A backup that was made and verified.

    Attributes:
        path: The archive.
        files: How many files are in it, beside the database.
        size: Bytes.
        missing: Files that the database names and that were not on the disk.
        left_out: Files whose names are no text.

    """

    path: Path
    files: int
    size: int
    missing: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()


def make_backup(paths: BackupPaths, target: Path, before_each: Callable[[], None] = lambda: None) -> Backup:
    """Write an archive of everything to `target`. Blocking.

    Args:
        paths: What is backed up.
        target: A file that does not exist.
        before_each: Called before each file; what it raises ends the work, and nothing is left of the archive.

    Raises:
        BackupFailed: There is a file of that name, another backup is being made, or a file cannot be read or written.
            Nothing is left of the archive then.

    """
    if target.exists():
        raise BackupFailed(f"{target} exists already.", advice="Choose another name; no file is replaced.")
    if not paths.database.is_file():
        raise BackupFailed(f"There is no database {paths.database}.", advice="Check `storage` in config.yaml.")
    try:
        with _work_folder(paths.data_dir) as work:
            snapshot = Snapshot(paths, work)
            snapshot.take()
            with replace_atomically(target) as temporary:
                manifest = manifest_of(snapshot.database, paths.folders, snapshot.missing)
                left_out = write_archive(temporary, snapshot.database, snapshot.files, manifest, before_each)
                verify_archive(temporary, work, before_each)
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise BackupFailed(f"The backup {target.name} could not be written ({reason}).") from error
    except sqlite3.Error as error:
        advice = "Run `chorus doctor`; a damaged database also stops the next start, with advice."
        raise BackupFailed(f"The database could not be copied ({error}).", advice=advice) from error
    return Backup(
        path=target,
        files=len(snapshot.files) - len(left_out),
        size=target.stat().st_size,
        missing=tuple(snapshot.missing),
        left_out=tuple(left_out),
    )


@contextmanager
def _work_folder(data_dir: Path) -> Generator[Path]:
    """A folder of this backup alone; those that killed processes left behind are removed."""
    lock = FileLock(data_dir / _LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise BackupFailed("Another backup is being made.", advice="Wait until it is finished.") from error
    try:
        for left in data_dir.glob(f"{WORK_PREFIX}*"):
            shutil.rmtree(left, ignore_errors=True)
        with tempfile.TemporaryDirectory(prefix=WORK_PREFIX, dir=data_dir, ignore_cleanup_errors=True) as folder:
            yield Path(folder)
    finally:
        lock.release()
