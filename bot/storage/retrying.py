"""Repeats a repository's transactions while the database cannot be used: locked by another program, or a full disk."""

from __future__ import annotations

import asyncio
import inspect
import logging
import sqlite3
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar

from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from bot.errors import StorageUnavailable
from bot.storage.cancellation import run_uncancelled
from bot.storage.waiting import store_deadline

log = logging.getLogger(__name__)

T = TypeVar("T")
Repository = TypeVar("Repository", bound=type[Any])

_PASSING = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_PROTOCOL,  # another process holds the locks of the WAL index
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_READONLY,  # how the kernel mounts a file system after an error of its disk
        sqlite3.SQLITE_NOMEM,
    }
)
"""Primary result codes of SQLite that say nothing about the statement: it succeeds when the cause is gone."""
_LOG_SECONDS = 60.0


@dataclass(frozen=True)
class RetryTimes:
    """Times of waiting, in seconds.

    Attributes:
        busy: How long SQLite itself polls for the lock of another process in each try.
        first_pause: After the first try; each further pause is twice as long.
        longest_pause: No pause is longer.

    """

    busy: float = 0.5
    first_pause: float = 0.05
    longest_pause: float = 3.0


RETRY_TIMES = RetryTimes()


class Retrier:
    """Runs transactions of one database until they succeed. It logs the beginning and the end of an outage."""

    def __init__(self, times: RetryTimes) -> None:
        self._times = times
        self._logged_at: float | None = None
        self._failing = 0

    @property
    def is_failing(self) -> bool:
        """Whether a transaction failed and is going to be repeated."""
        return self._failing > 0

    async def run(self, transaction: Callable[[], Awaitable[T]]) -> T:
        """Run a transaction, and again after each failure that passes, as long as the current task may wait.

        Raises:
            StorageUnavailable: The current task may wait no longer; nothing was written.

        """
        pause, failed = self._times.first_pause, False
        try:
            while True:
                try:
                    result = await run_uncancelled(transaction)
                except (DBAPIError, PoolTimeoutError, sqlite3.Error, WriterBusy) as error:
                    if not is_passing(error):
                        raise
                    deadline = store_deadline()
                    if deadline is not None and asyncio.get_running_loop().time() + pause > deadline:
                        raise StorageUnavailable from error
                    self._log_failure(error)
                    self._failing += not failed
                    failed = True
                    await asyncio.sleep(pause)
                    pause = min(pause * 2, self._times.longest_pause)
                else:
                    if failed:  # others, which only read, may have succeeded all the time
                        self._log_recovery()
                    return result
        finally:
            self._failing -= failed

    def _log_failure(self, error: Exception) -> None:
        now = asyncio.get_running_loop().time()
        if self._logged_at is None or now - self._logged_at >= _LOG_SECONDS:
            self._logged_at = now
            cause = error.orig if isinstance(error, DBAPIError) else error
            log.warning("the database cannot be used now (%s); what is to be stored waits", cause)

    def _log_recovery(self) -> None:
        if self._logged_at is not None:
            self._logged_at = None
            log.warning("the database can be used again")


class WriterBusy(Exception):
    """Another task of this process was writing, or waiting for another process, until the deadline."""


def is_passing(error: BaseException) -> bool:
    """Whether the same transaction can succeed later."""
    if isinstance(error, PoolTimeoutError | WriterBusy):
        return True
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(cause, sqlite3.Error):
        # Errors of the driver itself have no code; the lowest byte of an extended code is the primary one.
        code: int | None = getattr(cause, "sqlite_errorcode", None)
        return code is not None and code & 0xFF in _PASSING
    return isinstance(error, OperationalError)


def retrying(repository: Repository) -> Repository:
    """Repeat each public coroutine method of a repository as `Retrier.run` does.

    Each method must be a transaction, or some of which only the last one writes: it is called again from its beginning.
    """
    for name, method in list(vars(repository).items()):
        if inspect.iscoroutinefunction(method) and not name.startswith("_"):
            setattr(repository, name, _retrying_method(method))
    return repository


def _retrying_method(method: Callable[..., Awaitable[T]]) -> Callable[..., Awaitable[T]]:
    @wraps(method)
    async def call(self: Any, *args: Any, **kwargs: Any) -> T:
        database = self._database
        return await database.retrier.run(lambda: method(self, *args, **kwargs))

    return call
