"""Transactions that have begun come to their end although the task that wants them is cancelled.

SQLAlchemy 2.0 closes a connection whose statement was cancelled, and with aiosqlite 0.22 that closing can wait for ever
for a thread that has ended, so that the process does not end either.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar
from weakref import WeakSet

from bot.storage.waiting import store_deadline, waiting_for_store

T = TypeVar("T")

_begun: WeakSet[asyncio.Task[Any]] = WeakSet()
"""Tasks whose transaction has a connection, or is getting one."""


_running: WeakSet[asyncio.Task[Any]] = WeakSet()
"""Tasks of `run_uncancelled`."""


async def run_uncancelled(transaction: Callable[[], Awaitable[T]]) -> T:
    """Run a transaction in a task of its own, with the current task's deadline.

    Where the current task is cancelled, a transaction that has begun is waited for; one that waits for its turn to
    write is cancelled. The cancellation is raised in both cases.
    """
    task = asyncio.create_task(_with_deadline(transaction, store_deadline()), name="database transaction")
    _running.add(task)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        while not task.done():
            if task not in _begun:
                task.cancel()
            with contextlib.suppress(asyncio.CancelledError):  # cancelled again, which changes nothing
                await asyncio.wait({task})
        if not task.cancelled():
            task.exception()  # nobody is there to be told
        raise


def transaction_begins() -> None:
    """Called before the current task takes a connection: from here on its transaction is not cancelled."""
    task = asyncio.current_task()
    if task is not None:
        _begun.add(task)


async def wait_for_begun_transactions() -> None:
    """Wait until no transaction of `run_uncancelled` that has begun is left; called before the database closes."""
    while begun := [task for task in _running if task in _begun and not task.done()]:
        await asyncio.wait(begun)


async def _with_deadline(transaction: Callable[[], Awaitable[T]], deadline: float | None) -> T:
    with waiting_for_store(until=deadline):
        return await transaction()
