"""Only one process dispatches and recovers the jobs of a data folder; others make jobs of their own beside it.

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
        lock = FileLock(data_dir / LOCK_NAME)
        lock.acquire(timeout=0)
    except Timeout as error:
        message = f"Another Chorus is running with the data folder {data_dir}."
        raise ConfigError(
            message, advice="Stop that one first, or give this one its own `storage.data_dir`."
        ) from error
    except OSError as error:
        message = f"The data folder {data_dir} cannot be written."
        raise ConfigError(message, advice="Check the folder's rights, or set `storage.data_dir`.") from error
    try:
        yield
    finally:
        lock.release()


def new_command_name() -> str:
    """A name for the jobs of one run of a command; never used twice."""
    return f"terminal-{os.getpid()}-{uuid.uuid4().hex[:8]}"


@contextmanager
def hold_command_lock(data_dir: Path, name: str) -> Generator[None]:
    """Be known to live under `name` (a `new_command_name`).

    Raises:
        ConfigError: The folder cannot be written.

    """
    try:
        path = _terminal_lock(data_dir, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path)
        lock.acquire(timeout=0)
    except OSError as error:
        message = f"The data folder {data_dir} cannot be written."
        raise ConfigError(message, advice="Check the folder's rights, or set `storage.data_dir`.") from error
    try:
        yield
    finally:
        lock.release()
        with contextlib.suppress(OSError):
            path.unlink()


def command_has_ended(data_dir: Path, name: str) -> bool:
    """Whether the command of that name ended without telling; its lock file is removed then."""
    if not _TERMINAL.fullmatch(name):
        return False
    path = _terminal_lock(data_dir, name)
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


def _terminal_lock(data_dir: Path, name: str) -> Path:
    return data_dir / TERMINALS / f"{name}.lock"
