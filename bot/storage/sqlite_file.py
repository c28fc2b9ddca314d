"""Work on the file of an SQLite database: copying it while it is in use, and noticing damage. Blocking.

Statements here are SQLite's alone. Each function opens a connection of its own and closes it.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Generator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final, cast

from bot.errors import ConfigError

OPENED_SUFFIX: Final = ".opened"
"""Ends the name of an empty file beside a database that was opened once, by which a lost database is noticed."""
BUSY_SECONDS: Final = 10.0
"""How long a database is waited for that another program has locked."""
_CHECK_SECONDS: Final = 2.0
"""The start is not delayed longer by the check of a large database, which is then incomplete."""
_STEPS_PER_LOOK: Final = 100_000
"""Of SQLite's virtual machine, between two looks at the clock."""
_DAMAGED_ADVICE: Final = (
    "Nothing was changed. Restore a backup with `chorus restore FILE`; without one, keep a copy of the file and save "
    "what can still be read with `sqlite3 FILE .recover`."
)
_FILES: Final = (
    "SELECT filename, thumbnail_filename, deleted_at FROM images",
    "SELECT filename, thumbnail_filename, deleted_at FROM videos",
    "SELECT filename, original_filename, deleted_at FROM audio_messages",
    "SELECT filename, NULL, NULL FROM voice_samples",
)
_ARTIFACT_FILES: Final = ("path", "thumbnail", "original")
_REQUESTS: Final = ("jobs", "batches")
"""Tables whose `request` may name files that people gave."""


def copy_database(source: Path, target: Path) -> None:
    """Copy a database while other processes write it: one consistent state, with what its WAL holds.

    SQLite's online backup, in one step: a reader in WAL mode, which no writer waits for.

    Raises:
        sqlite3.Error: The source cannot be read, or the target not be written.

    """
    with _connected(source) as database, closing(sqlite3.connect(target)) as copy:
        database.backup(copy)
        # A copy in WAL mode could not be read where its folder is read-only, and would be three files.
        copy.execute("PRAGMA journal_mode=DELETE")


def find_damage(path: Path) -> str | None:
    """Check the whole of a database, with its indexes and references; what is wrong, or None.

    Raises:
        sqlite3.Error: The file is no database, or damaged so that it cannot be checked.

    """
    with _connected(path) as database:
        for (line,) in database.execute("PRAGMA integrity_check(1)"):
            if line != "ok":
                return str(line)
        if (row := database.execute("PRAGMA foreign_key_check").fetchone()) is not None:
            return f"a row of {row[0]} refers to none of {row[2]}"
        return None


def schema_revision(path: Path) -> str | None:
    """The revision of a database's tables; None: it has none."""
    with _connected(path) as database:
        if not database.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone():
            return None
        row = database.execute("SELECT version_num FROM alembic_version").fetchone()
        return None if row is None else str(row[0])


def referenced_files(path: Path) -> set[str]:
    """The files of results and voice samples that should be there by a database, relative to the data folder."""
    with _connected(path) as database:
        rows = (row for query in _FILES for row in database.execute(query))
        return {str(name) for *names, deleted in rows if deleted is None for name in names if name}


def known_files(path: Path) -> set[str]:
    """As `referenced_files`, with those of deleted results and those that are in no gallery."""
    with _connected(path) as database:
        found = {str(name) for query in _FILES for row in database.execute(query) for name in row[:2] if name}
        for (text,) in database.execute("SELECT artifacts FROM jobs WHERE artifacts != '[]'"):
            artifacts = cast("list[dict[str, Any]]", json.loads(text))
            found.update(
                str(one[key]) for one in artifacts for key in ("path", "thumbnail", "original") if one.get(key)
            )
        return found


def move_input_files(path: Path, folders: Mapping[str, str]) -> None:
    """Let stored requests name the files that people gave in other folders, as a restored data folder needs it.

    Args:
        path: The database.
        folders: The new absolute folder of each earlier one.

    """
    with _connected(path, mode="rw") as database, database:
        for table in _REQUESTS:
            # The names of tables are constants of this module.
            rows = database.execute(f"SELECT id, request FROM {table} WHERE request LIKE '%\"path\"%'").fetchall()  # noqa: S608
            for row_id, text in rows:
                request = cast("dict[str, Any]", json.loads(text))
                for given in request.get("inputs") or ():
                    given["path"] = _moved(str(given["path"]), folders)
                database.execute(f"UPDATE {table} SET request = ? WHERE id = ?", (json.dumps(request), row_id))  # noqa: S608


def _moved(path: str, folders: Mapping[str, str]) -> str:
    plain = path.replace("\\", "/")
    for before, now in folders.items():
        if plain.startswith(f"{before.rstrip('/')}/"):
            return str(Path(now) / plain[len(before.rstrip("/")) + 1 :])
    return path


# -- when the bot opens its database


def require_sound(path: Path) -> None:
    """Refuse a damaged database, and one that is gone or empty although it was opened before.

    A large database is checked for two seconds at most.

    Raises:
        ConfigError: As above; the advice says how to go on. The file is not touched.
        sqlite3.Error: The file cannot be opened, is locked, or is no database.

    """
    if _opened_before(path) and not _has_tables(path):
        raise ConfigError(
            f"The database {path} is gone or empty, and it was not when it was last opened.",
            advice="Put the file back, with the files ending in -wal and -shm that lay beside it, or restore a backup "
            f"with `chorus restore FILE`. To begin with an empty one, delete {path.name}{OPENED_SUFFIX}.",
        )
    if not path.exists():
        return
    try:
        with _connected(path) as database:
            damage = _quick_check(database) or _missing_end(path)
    except sqlite3.OperationalError:  # locked, or not to be opened: the caller tells
        raise
    except sqlite3.DatabaseError as error:
        if not _opened_before(path):  # perhaps never a database
            raise
        damage = str(error)
    if damage is not None:
        raise ConfigError(f"The database {path} is damaged ({damage}).", advice=_DAMAGED_ADVICE)


def mark_opened(path: Path) -> None:
    """Remember beside a database that it was opened; where that cannot be written, its loss would not be noticed."""
    marker = path.with_name(path.name + OPENED_SUFFIX)
    if not marker.exists():
        marker.touch()


def _opened_before(path: Path) -> bool:
    return path.with_name(path.name + OPENED_SUFFIX).exists()


def _has_tables(path: Path) -> bool:
    if not path.exists() or path.stat().st_size == 0:
        return False
    try:
        return schema_revision(path) is not None
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError:  # damaged, which is told in other words
        return True


def _quick_check(database: sqlite3.Connection) -> str | None:
    """What is wrong with the pages of the file; None also where the time was too short."""
    deadline = time.monotonic() + _CHECK_SECONDS
    database.set_progress_handler(lambda: time.monotonic() > deadline, _STEPS_PER_LOOK)
    try:
        (line,) = database.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:
            return None
        raise
    # Its first line may be a heading ("*** in database main ***"), and is followed by the finding.
    return None if line == "ok" else " ".join(str(line).replace("*** in database main ***", "").split())


def _missing_end(path: Path) -> str | None:
    """Where the file ends within its last page, SQLite reads zeros, which its own check takes for data.

    The header tells the size of a page at byte 16 and their number at byte 28 (https://sqlite.org/fileformat.html);
    pages in a WAL may not be in the file yet.
    """
    wal = path.with_name(f"{path.name}-wal")
    if wal.exists() and wal.stat().st_size:
        return None
    with path.open("rb") as file:
        header = file.read(100)
    page = int.from_bytes(header[16:18], "big")
    expected = int.from_bytes(header[28:32], "big") * (65536 if page == 1 else page)
    return f"{expected - path.stat().st_size} bytes are missing" if path.stat().st_size < expected else None


@contextmanager
def _connected(path: Path, *, mode: str = "ro") -> Generator[sqlite3.Connection]:
    """In both modes no file is made where there is none; read-only, a WAL is read and not written back."""
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    with closing(sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS)) as database:
        yield database
