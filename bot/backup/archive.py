"""The archive of a backup: a ZIP file with the database, every file, and `backup.json` that describes them."""

from __future__ import annotations

import lzma
import os
import shutil
import sqlite3
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path, PurePosixPath
from typing import Final

from pydantic import BaseModel, ConfigDict, ValidationError

from bot.backup.paths import CHARACTERS, DATA, WORKFLOWS
from bot.errors import BackupFailed
from bot.media.atomic_write import TEMPORARY_PREFIX
from bot.storage.database import is_known_revision
from bot.storage.sqlite_file import find_damage, referenced_files, schema_revision

DATABASE: Final = "chorus.db"
_MANIFEST: Final = "backup.json"
_MAX_MANIFEST_BYTES: Final = 50_000_000
_FORMAT: Final = 1


class Manifest(BaseModel):
    """What `backup.json` says.

    Attributes:
        chorus_backup: The version of the format.
        created_at: When the backup was made.
        chorus: The version of Chorus that made it.
        revision: Of the database's tables.
        folders: The absolute folders that were backed up, by their name in the archive, with forward slashes.
        missing: Files that rows of the database name and that were not on the disk, by their name in the archive.

    """

    model_config = ConfigDict(frozen=True)

    chorus_backup: int
    created_at: datetime
    chorus: str
    revision: str
    folders: Mapping[str, str]
    missing: Sequence[str] = ()


def manifest_of(database: Path, folders: Mapping[str, Path], missing: Sequence[str]) -> Manifest:
    """Describe a backup that is made now of a copied database and these folders. Blocking."""
    return Manifest(
        chorus_backup=_FORMAT,
        created_at=datetime.now(UTC),
        chorus=version("chorus-discord"),
        revision=schema_revision(database) or "",
        folders={name: folder.absolute().as_posix() for name, folder in folders.items()},
        missing=missing,
    )


def write_archive(
    target: Path,
    database: Path,
    files: Mapping[str, Path],
    manifest: Manifest,
    before_each: Callable[[], None],
) -> list[str]:
    """Write the archive and wait until it is on the disk. Blocking.

    Args:
        target: Where; a file there is replaced.
        database: A copy of the database that nobody writes.
        files: Path by the name in the archive.
        manifest: What is written into `backup.json`.
        before_each: Called before each file; what it raises ends the work.

    Returns:
        Files that were left out because their names are no text.

    Raises:
        OSError: The disk is full, or a file cannot be read.

    """
    left_out: list[str] = []
    with target.open("wb") as file:
        # Pictures, sound and film are compressed already; a clock before 1980 is no reason to fail.
        with zipfile.ZipFile(file, "w", strict_timestamps=False) as archive:
            archive.writestr(_MANIFEST, manifest.model_dump_json(indent=1))
            archive.write(database, DATABASE, compress_type=zipfile.ZIP_DEFLATED)
            for name, path in sorted(files.items()):
                before_each()
                try:
                    name.encode()
                except UnicodeEncodeError:
                    left_out.append(name)
                else:
                    archive.write(path, name)
        file.flush()
        os.fsync(file.fileno())
    return left_out


def verify_archive(path: Path, work: Path, before_each: Callable[[], None] = lambda: None) -> Manifest:
    """Read every byte of an archive, and check its database. Blocking.

    Args:
        path: The archive.
        work: A folder with space for its database.
        before_each: Called before each file; what it raises ends the work.

    Raises:
        BackupFailed: It is no backup, damaged, of a newer version, or not complete.

    """
    try:
        with zipfile.ZipFile(path) as archive:
            manifest = _read_manifest(archive)
            names = set(archive.namelist())
            if (bad := next((name for name in names if not _is_safe(name)), None)) is not None:
                raise _unusable(path, f"it has a file of the name {bad!r}")
            for entry in archive.infolist():
                before_each()
                _read(archive, entry)
            with tempfile.TemporaryDirectory(prefix=TEMPORARY_PREFIX, dir=work) as folder:
                database = Path(folder) / DATABASE
                extract_file(archive, DATABASE, database)
                _verify_database(path, database, names | set(manifest.missing))
            return manifest
    except (zipfile.BadZipFile, KeyError, ValidationError, EOFError, NotImplementedError) as error:
        raise _unusable(path, "it is no backup of Chorus, or damaged") from error
    except OSError as error:
        raise _unusable(path, (error.strerror or "it cannot be read").lower()) from error


def extract_file(archive: zipfile.ZipFile, name: str, target: Path) -> None:
    """Write one file of an archive to a path of our own choice."""
    with archive.open(name) as source, target.open("wb") as out:
        shutil.copyfileobj(source, out, 1 << 20)


def _read(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> None:
    """Read a file to its end, where its checksum is compared.

    Raises:
        zipfile.BadZipFile: It is damaged.

    """
    try:
        with archive.open(entry) as file:
            while file.read(1 << 20):
                pass
    except (zlib.error, lzma.LZMAError, RuntimeError) as error:  # RuntimeError: it is encrypted
        raise zipfile.BadZipFile(f"{entry.filename} is damaged") from error


def _read_manifest(archive: zipfile.ZipFile) -> Manifest:
    if archive.getinfo(_MANIFEST).file_size > _MAX_MANIFEST_BYTES:
        raise zipfile.BadZipFile("the manifest is too large")
    manifest = Manifest.model_validate_json(archive.read(_MANIFEST))
    if manifest.chorus_backup > _FORMAT or not is_known_revision(manifest.revision):
        raise BackupFailed(
            f"The backup was made by a newer version of Chorus ({manifest.chorus}).",
            advice="Install that version, and restore with it.",
        )
    return manifest


def _verify_database(path: Path, database: Path, names: set[str]) -> None:
    try:
        damage = find_damage(database)
        missing = {f"{DATA}/{name}" for name in referenced_files(database)} - names
    except sqlite3.Error as error:
        raise _unusable(path, f"its database is damaged ({error})") from error
    if damage is not None:
        raise _unusable(path, f"its database is damaged ({damage})")
    if missing:
        raise _unusable(path, f"{len(missing)} files of its database are not in it, such as {min(missing)}")


def _is_safe(name: str) -> bool:
    parts = PurePosixPath(name).parts
    known = name in {_MANIFEST, DATABASE} or (len(parts) > 1 and parts[0] in {DATA, CHARACTERS, WORKFLOWS})
    # On Windows a colon begins a drive or a stream, and a backslash is a separator.
    return known and ".." not in parts and not (os.name == "nt" and any(letter in name for letter in "\\:"))


def _unusable(path: Path, reason: str) -> BackupFailed:
    return BackupFailed(f"{path.name} cannot be used as a backup: {reason}.", advice="Use another backup.")
