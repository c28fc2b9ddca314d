"""Only one process dispatches and recovers the jobs of a data folder."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from bot.errors import ConfigError

LOCK_NAME = "owner.lock"


@contextmanager
def own(data_dir: Path) -> Generator[None]:
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
