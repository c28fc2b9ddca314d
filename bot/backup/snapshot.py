"""A state of database and files that belong together, while the bot goes on writing and deleting."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path
from typing import Final

from bot.backup.paths import DATA, BackupPaths
from bot.storage.sqlite_file import copy_database, known_files, referenced_files

_ROUNDS: Final = 3
"""How often the database is copied, where files of its rows are deleted while it is."""
_RESULTS: Final = (f"{DATA}/images/", f"{DATA}/audio/", f"{DATA}/video/")
"""Files of these folders have rows."""
_UNFINISHED_SECONDS: Final = 3600
"""A younger file of these folders without a row belongs to a job that is not finished."""
_Signature = tuple[int, int, int]


class Snapshot:
    """Files of a backup as hard links (copies on another file system), and a copy of the database.

    The bot writes a file before its row, and deletes it after its row. So all files are linked, then the database is
    copied, then files are linked that came meanwhile; a file that was deleted in between is still linked. Files are
    replaced and never changed, so a link keeps the content.

    Args:
        paths: What is backed up.
        folder: An empty folder for links and copy, on the file system of the data folder.

    Attributes:
        database: The copy of the database.
        files: Path by the name in the archive.
        missing: Files that rows name and that are not on the disk.

    """

    def __init__(self, paths: BackupPaths, folder: Path) -> None:
        self.database = folder / "chorus.db"
        self.files: dict[str, Path] = {}
        self.missing: list[str] = []
        self._paths = paths
        self._folder = folder
        self._signatures: dict[str, _Signature] = {}
        self._number = 0
        self._started = time.time()

    def take(self) -> None:
        """Link and copy. Blocking.

        Raises:
            OSError: A file cannot be read, or the disk is full.
            sqlite3.Error: The database cannot be copied.

        """
        for name, path in self._paths.files():
            self._keep(name, path)
        for _ in range(_ROUNDS):
            self.database.unlink(missing_ok=True)
            copy_database(self._paths.database, self.database)
            named = {f"{DATA}/{name}" for name in referenced_files(self.database)}
            self._follow(named, {f"{DATA}/{name}" for name in known_files(self.database)})
            self.missing = sorted(named - self.files.keys())
            if not self.missing:
                return

    def _follow(self, named: set[str], known: set[str]) -> None:
        """Bring the links to the state of the copied database.

        Args:
            named: Files that are there by the database.
            known: With those of deleted results and of trials, which may still be on the disk.

        """
        stems = {name.rpartition(".")[0] for name in known}  # sidecars lie beside the files that rows name
        current = dict(self._paths.files())
        for name, path in current.items():
            self._keep(name, path)
        for name, link in list(self.files.items()):
            has_row = name in known or name.rpartition(".")[0] in stems
            unfinished = not has_row and name.startswith(_RESULTS) and self._is_young(link)
            if unfinished or (name not in current and name not in named):
                link.unlink()
                del self.files[name], self._signatures[name]

    def _is_young(self, link: Path) -> bool:
        return link.stat().st_mtime > self._started - _UNFINISHED_SECONDS

    def _keep(self, name: str, path: Path) -> None:
        try:
            status = path.stat()
            signature = (status.st_ino, status.st_size, status.st_mtime_ns)
            if self._signatures.get(name) == signature:
                return
            target = self._folder / f"{self._number}"
            self._number += 1
            _link_or_copy(path, target)
        except FileNotFoundError:  # deleted meanwhile
            return
        if name in self.files:
            self.files[name].unlink()
        self.files[name] = target
        self._signatures[name] = signature


def _link_or_copy(path: Path, target: Path) -> None:
    try:
        os.link(os.path.realpath(path), target)
    except FileNotFoundError:
        raise
    except OSError:  # another file system, or one without hard links
        shutil.copy2(path, target)
