"""What belongs to a backup, and where it lies."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bot.media.atomic_write import TEMPORARY_PREFIX

DATA: Final = "data"
CHARACTERS: Final = "characters"
WORKFLOWS: Final = "workflows"
WORK_PREFIX: Final = ".backup-"
"""Begins the names of folders in the data folder that backup and restore work in."""
KEPT_PREFIX: Final = "before-restore-"
"""Begins the names of folders in the data folder with what a restore has replaced."""
_SKIPPED_FOLDERS: Final = frozenset({"logs", "terminals", "demo"})
"""Directly in the data folder: of no use elsewhere, or of processes that run."""
_SKIPPED_SUFFIXES: Final = (".lock", ".zip", ".opened", ".unfinished")
"""Of files directly in the data folder."""


@dataclass(frozen=True)
class BackupPaths:
    """Where everything lies that is backed up.

    Attributes:
        database: The SQLite file.
        data_dir: The data folder: results, sidecars, files that people gave, what Discord servers brought.
        characters: The host's characters, with pictures and voice samples.
        workflows: The host's workflows.
        backups: The folder of scheduled backups, which is in none.

    """

    database: Path
    data_dir: Path
    characters: Path
    workflows: Path
    backups: Path

    @property
    def folders(self) -> dict[str, Path]:
        """Folder by the name that it has in the archive."""
        return {DATA: self.data_dir, CHARACTERS: self.characters, WORKFLOWS: self.workflows}

    def data_entries(self) -> list[Path]:
        """What of the data folder belongs to a backup, without the database."""
        if not self.data_dir.is_dir():
            return []
        return sorted(entry for entry in self.data_dir.iterdir() if self._belongs(entry))

    def database_files(self) -> list[Path]:
        """The database, and what SQLite keeps beside it; only files that are there."""
        names = (self.database.with_name(self.database.name + end) for end in ("", "-wal", "-shm", "-journal"))
        return [path for path in names if path.exists()]

    def files(self) -> Iterator[tuple[str, Path]]:
        """Every file of a backup but the database: its name in the archive (`data/images/...`), and its path."""
        for entry in self.data_entries():
            yield from _files_below(entry, f"{DATA}/{entry.name}", self._skipped)
        for name in (CHARACTERS, WORKFLOWS):
            folder = self.folders[name]
            # A folder that lies in the data folder is in the archive already.
            if folder.is_dir() and not folder.resolve().is_relative_to(self.data_dir.resolve()):
                yield from _files_below(folder, name, self._skipped)

    @property
    def _skipped(self) -> set[str]:
        return {os.path.realpath(self.backups)}

    def _belongs(self, entry: Path) -> bool:
        if entry.is_dir():
            ours = entry.name.startswith((WORK_PREFIX, KEPT_PREFIX))
            return not ours and entry.name not in _SKIPPED_FOLDERS and os.path.realpath(entry) not in self._skipped
        return not entry.name.endswith(_SKIPPED_SUFFIXES) and not self._is_database(entry)

    def _is_database(self, entry: Path) -> bool:
        same_folder = os.path.realpath(entry.parent) == os.path.realpath(self.database.parent)
        return same_folder and entry.name.startswith(self.database.name)


def _files_below(path: Path, name: str, skipped: set[str]) -> Iterator[tuple[str, Path]]:
    """The files of a folder and of folders that it links to; a folder that contains itself is entered once."""
    if path.is_file():
        yield name, path
        return
    seen = set(skipped)
    for folder, subfolders, files in os.walk(path, followlinks=True):
        if os.path.realpath(folder) in seen:
            subfolders.clear()
            continue
        seen.add(os.path.realpath(folder))
        below = Path(folder).relative_to(path).as_posix()
        prefix = name if below == "." else f"{name}/{below}"
        for file in files:
            if not file.startswith(TEMPORARY_PREFIX) and (Path(folder) / file).is_file():
                yield f"{prefix}/{file}", Path(folder) / file
