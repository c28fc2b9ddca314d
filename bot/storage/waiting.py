"""How long the current task waits for a database that cannot be used just now: another program locks it, a full disk.

Without a limit a task waits as long as it takes, which is right for work that exists already: a verified file, a posted
message, the text of a turn. Where a person waits for an answer the task gets a limit; after it the person is told.

A limit holds for one task and not for tasks that it starts, because those go on when the person has been answered.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import Any
from weakref import WeakKeyDictionary

INTERACTION_SECONDS = 1.5
"""Discord wants the first answer to an interaction within 3 seconds, and an error must be told in that time, too."""
ACCEPTANCE_SECONDS = 10.0
"""How long a new job waits to be stored where there is no interaction."""

_LOOK_SECONDS = 0.2
"""How often a task that waits for a lock looks whether the database is away, after its deadline."""

_deadlines: WeakKeyDictionary[asyncio.Task[Any], float] = WeakKeyDictionary()
"""Times of the event loop's clock."""


def store_deadline() -> float | None:
    """When the current task gives up waiting, in the event loop's time; None: never."""
    task = asyncio.current_task()
    return None if task is None else _deadlines.get(task)


@contextmanager
def waiting_for_store(*, until: float | None) -> Generator[None]:
    """Let the current task wait until that time of the event loop's clock within the block; None: without a limit."""
    task = asyncio.current_task()
    if task is None:
        raise RuntimeError("only a task can wait")
    before = _deadlines.get(task)
    _set(task, until)
    try:
        yield
    finally:
        _set(task, before)


def earliest_store_deadline(seconds: float) -> float:
    """In `seconds` from now, or earlier if the current task has an earlier deadline."""
    own = asyncio.get_running_loop().time() + seconds
    current = store_deadline()
    return own if current is None else min(own, current)


@asynccontextmanager
async def held_within_deadline(lock: asyncio.Lock, is_away: Callable[[], bool]) -> AsyncGenerator[None]:
    """Hold a lock whose owner may be waiting for the database.

    Args:
        lock: The lock.
        is_away: Whether the database cannot be used. While it can, others are merely slow, and they are waited for.

    Raises:
        TimeoutError: The current task may wait no longer.

    """
    deadline = store_deadline()
    while True:
        now = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout_at(None if deadline is None else max(deadline, now + _LOOK_SECONDS)):
                await lock.acquire()
        except TimeoutError:
            if is_away():
                raise
        else:
            break
    try:
        yield
    finally:
        lock.release()


def limit_interaction() -> None:
    """Let the current task, which handles one interaction of Discord, wait for `INTERACTION_SECONDS` at most."""
    task = asyncio.current_task()
    if task is not None:
        _set(task, earliest_store_deadline(INTERACTION_SECONDS))


def _set(task: asyncio.Task[Any], deadline: float | None) -> None:
    if deadline is None:
        _deadlines.pop(task, None)
    else:
        _deadlines[task] = deadline
