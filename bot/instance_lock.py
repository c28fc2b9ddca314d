"""Only one process owns a data folder and a database: it dispatches and recovers the bot's jobs.

Commands make jobs of their own beside it.

Who lives is known by the operating system's locks: they go with their process, however that ends.
"""

from __future__ import annotations

import contextlib
import os
import re
import uuid
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from bot.errors import ConfigError

LOCK_NAME = "owner.lock"
TERMINALS = "terminals"
"""Folder of the locks of commands at work."""
_TERMINAL = re.compile(r"terminal-[0-9a-f-]+")


@contextmanager
def lock_data_folder(data_dir: Path) -> Generator[None]:
    """Hold the operating system's lock on the data folder; it goes with the process, however that ends.

    Raises:
        ConfigError: Another process holds it, or the folder cannot be written.

    """
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _not_writable(data_dir) from error
    with _owner_lock(data_dir / LOCK_NAME, f"the data folder {data_dir}", "storage.data_dir"):
        yield


@contextmanager
def lock_database(file: Path) -> Generator[None]:
    """Hold a lock beside an SQLite file, so that two data folders never own one database.

    Args:
        file: Without symbolic links. Its folder must exist.

    Raises:
        ConfigError: Another process holds it, or the folder cannot be written.

    """
    with _owner_lock(file.with_name(f"{file.name}.{LOCK_NAME}"), f"the database {file}", "storage.database_url"):
        yield


@contextmanager
def _owner_lock(path: Path, owned: str, setting: str) -> Generator[None]:
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        message = f"Another Chorus is running with {owned}."
        raise ConfigError(message, advice=f"Stop that one first, or give this one its own `{setting}`.") from error
    except OSError as error:
        raise _not_writable(path.parent) from error
    try:
        yield
    finally:
        lock.release()


def _not_writable(folder: Path) -> ConfigError:
    advice = "Check the folder's rights, or set `storage.data_dir`."
    return ConfigError(f"The data folder {folder} cannot be written.", advice=advice)


def new_command_name() -> str:
    """A name for the jobs of one run of a command; never used twice."""
    return f"terminal-{os.getpid()}-{uuid.uuid4().hex[:8]}"


@contextmanager
def hold_command_lock(folder: Path, name: str) -> Generator[None]:
    """Be known to live under `name` (a `new_command_name`).

    Args:
        folder: Of the database, which this process may share with one that has another data folder.
        name: Of this command.

    Raises:
        ConfigError: The folder cannot be written.

    """
    try:
        path = _terminal_lock(folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path)
        lock.acquire(timeout=0)
    except OSError as error:
        raise _not_writable(folder) from error
    try:
        yield
    finally:
        lock.release()
        with contextlib.suppress(OSError):
            path.unlink()


def command_has_ended(folder: Path, name: str) -> bool:
    """Whether the command of that name ended without telling; its lock file is removed then.

    Args:
        folder: Of the database.
        name: Of the command.

    """
    if not _TERMINAL.fullmatch(name):
        return False
    path = _terminal_lock(folder, name)
    if not path.exists():
        return True
    try:
        with FileLock(path, timeout=0):
            pass
    except (Timeout, OSError):
        return False
    with contextlib.suppress(OSError):
        path.unlink()
    return True


def any_command_lives(folder: Path) -> bool:
    """Whether a terminal command is at work with the database in that folder."""
    names = [path.stem for path in (folder / TERMINALS).glob("terminal-*.lock")]
    return any(_TERMINAL.fullmatch(name) and not command_has_ended(folder, name) for name in names)


def _terminal_lock(folder: Path, name: str) -> Path:
    return folder / TERMINALS / f"{name}.lock"
