"""Puts a backup in the place of what is there; what is there is moved aside and kept."""

from __future__ import annotations

import os
import shutil
import tempfile
import zipfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from bot.backup.archive import DATABASE, Manifest, extract_file, verify_archive
from bot.backup.paths import CHARACTERS, DATA, KEPT_PREFIX, WORK_PREFIX, WORKFLOWS, BackupPaths
from bot.errors import BackupFailed, ConfigError
from bot.file_hash import sha256_of_file
from bot.storage.sqlite_file import move_input_files

UNFINISHED: Final = "restore.unfinished"
"""A file in the data folder while one state of it takes the place of another."""


@dataclass(frozen=True)
class Restored:
    """What a restore did.

    Attributes:
        manifest: Of the backup.
        files: How many files were restored, beside the database.
        kept: The folder with what was there before; None: there was nothing.

    """

    manifest: Manifest
    files: int
    kept: Path | None


def require_finished_restore(data_dir: Path) -> None:
    """Refuse a data folder in which a restore was interrupted.

    Raises:
        ConfigError: Half of a backup may be in place.

    """
    if (data_dir / UNFINISHED).exists():
        raise ConfigError(
            f"A restore into {data_dir} was interrupted, so it may hold half of a backup.",
            advice=f"Run `chorus restore FILE` again. What was there before is in the folders {KEPT_PREFIX}*.",
        )


def restore_backup(paths: BackupPaths, archive: Path) -> Restored:
    """Verify a backup, then put it in place. Blocking.

    The data folder and the database become those of the backup. Of the host's characters and workflows, files of the
    backup replace those of the same name; others stay. Whatever is replaced is moved to `before-restore-...` in the
    data folder first.

    Args:
        paths: Where to. Nothing may use the data folder or the database: the caller holds their locks.
        archive: A file of `make_backup`.

    Raises:
        BackupFailed: It is no backup, or damaged (nothing was changed then), or the disk is full.

    """
    try:
        paths.data_dir.mkdir(parents=True, exist_ok=True)
        for left in paths.data_dir.glob(f"{WORK_PREFIX}*"):
            shutil.rmtree(left, ignore_errors=True)
        with tempfile.TemporaryDirectory(prefix=WORK_PREFIX, dir=paths.data_dir, ignore_cleanup_errors=True) as work:
            new = Path(work) / "new"
            new.mkdir()
            manifest = verify_archive(archive, Path(work))
            files = _extract(archive, new)
            folders = {before: str(paths.folders[name].absolute()) for name, before in manifest.folders.items()}
            move_input_files(new / DATABASE, folders)
            _sync()
            kept = _replace(paths, new)
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise BackupFailed(f"The backup could not be restored ({reason}).") from error
    return Restored(manifest, files, kept)


def _extract(archive: Path, target: Path) -> int:
    with zipfile.ZipFile(archive) as opened:
        names = [name for name in opened.namelist() if name.startswith((f"{DATA}/", f"{CHARACTERS}/", f"{WORKFLOWS}/"))]
        for name in [DATABASE, *names]:
            path = target / name
            path.parent.mkdir(parents=True, exist_ok=True)
            extract_file(opened, name, path)
    return len(names)


def _replace(paths: BackupPaths, new: Path) -> Path | None:
    kept = _kept_folder(paths.data_dir)
    marker = paths.data_dir / UNFINISHED
    marker.touch()
    for entry in paths.data_entries():
        _move(entry, kept / DATA / entry.name)
    for file in reversed(paths.database_files()):  # the WAL first: with another database it would do harm
        _move(file, kept / file.name)
    for entry in sorted((new / DATA).iterdir()) if (new / DATA).is_dir() else []:
        _move(entry, paths.data_dir / entry.name)
    _move(new / DATABASE, paths.database)
    for name in (CHARACTERS, WORKFLOWS):
        for file in sorted(path for path in (new / name).rglob("*") if path.is_file()):
            _replace_file(file, paths.folders[name] / file.relative_to(new / name), kept / file.relative_to(new))
    _sync()
    marker.unlink()
    return kept if kept.exists() else None


def _replace_file(new: Path, target: Path, kept: Path) -> None:
    if target.exists():
        if target.is_file() and sha256_of_file(target) == sha256_of_file(new):
            return
        _move(target, kept)
    _move(new, target)


def _move(source: Path, target: Path) -> None:
    """Rename; between file systems, copy and delete."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(source, target)


def _kept_folder(data_dir: Path) -> Path:
    """A folder that does not exist yet."""
    stem = f"{KEPT_PREFIX}{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    names = (stem, *(f"{stem}-{number}" for number in range(2, 1000)))
    return next(path for name in names if not (path := data_dir / name).exists())


def _sync() -> None:
    """Wait until what was written is on the disk, where the system can be asked for that (not on Windows)."""
    if hasattr(os, "sync"):
        os.sync()
