"""A process that does jobs until it kills itself.

`point` is `<when>:<method>:<n>`: kill -9 `before` or `after` the n-th call of a store's or the client's method has done
its work. `none` lets it finish.
"""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from bot.comfyui.client import ComfyClient
from bot.domain.jobs import JobKind
from bot.storage.jobs import JobRepository
from tests.generation.harness import Files, Harness, open_harness, picture, picture_graph, speech

PARTS = ("One sentence.", "And another one.")


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class Killer:
    def __init__(self, point: str) -> None:
        self.when, self.method, number = ([*point.split(":"), "", ""])[:3]
        self.number = int(number or 1)
        self.calls = Counter[str]()

    def wrapped(self, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        if name != self.method:
            return method

        async def call(*arguments: Any, **named: Any) -> Any:
            self.calls[name] += 1
            fatal = self.calls[name] == self.number
            if fatal and self.when == "before":
                die()
            result = await method(*arguments, **named)
            if fatal and self.when == "after":
                die()
            return result

        return call


class KillingStore:
    """A store that dies at one of its commits."""

    def __init__(self, store: JobRepository, killer: Killer) -> None:
        self._store = store
        self._killer = killer

    def __getattr__(self, name: str) -> Any:
        return self._killer.wrapped(name, getattr(self._store, name))


def files() -> Files:
    """A picture in two files, so that a download can be cut off between them."""
    files = Files()
    files.graphs[JobKind.IMAGE, "default"] = picture_graph(batch_size=2)
    return files


async def work(harness: Harness) -> None:
    """Recover, accept three jobs if there are none, see them to their end, deliver them."""
    for job in await harness.orchestrator.recover():
        await harness.orchestrator.mark_delivered(job.id)
    jobs = await harness.store.unfinished("run")
    if not jobs:
        requests = [picture("one"), picture("two"), speech(*PARTS)]
        jobs = [await harness.orchestrator.submit(request) for request in requests]
    for job in jobs:
        done = await harness.ended(job)
        await harness.orchestrator.mark_delivered(done.id)


async def _work_until_killed(folder: Path, url: str, point: str) -> None:
    killer = Killer(point)
    for name in ("submit", "download"):
        setattr(ComfyClient, name, killer.wrapped(name, getattr(ComfyClient, name)))

    def wrap(store: JobRepository) -> JobRepository:
        return cast("JobRepository", KillingStore(store, killer))

    async with open_harness(folder, url, files=files(), wrap=wrap) as harness:
        await work(harness)


def run_until_killed(folder: Path, url: str, point: str) -> None:
    """The process."""
    asyncio.run(_work_until_killed(folder, url, point))
