"""Painting progress on a live message: the newest state only, when it changed, at most once per interval."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Self

import discord

from bot.discord_errors import Trouble, trouble_of
from bot.generation.jobs import JobUpdate, Progress, Waiting
from cogs.delivery._live import Face, LiveMessage, picture
from cogs.ui.job_buttons import progress_view
from cogs.ui.progress import ProgressCard, progress_card

if TYPE_CHECKING:
    from bot.generation.jobs import Job

log = logging.getLogger(__name__)


class Painter:
    """Shows the newest update of one job on its message. Use `async with`; `put` never waits.

    Between two edits lies at least `interval`, also before the result (`settle`). So that the result seldom has to
    wait for that, nothing is painted when the job will be over within the interval anyway.
    """

    def __init__(
        self, live: LiveMessage, job: Job, character: str, *, interval: float, shown: ProgressCard | None
    ) -> None:
        self._live = live
        self._job = job
        self._character = character
        self._interval = interval
        self._shown = shown.key if shown else None
        self._next_at = time.monotonic() + interval
        self._card: ProgressCard | None = None
        self._changed = asyncio.Event()
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._paint(), name=f"progress of {self._job.id}")
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def put(self, update: JobUpdate) -> None:
        """Remember the newest state."""
        if not _over_within(update, self._interval):
            self._card = progress_card(self._job, self._character, update)
            self._changed.set()

    async def stop(self) -> None:
        """End painting. An edit under way is waited for: cancelled, it might arrive after the result."""
        self._stopping.set()
        self._changed.set()
        if self._task is not None:
            await asyncio.shield(self._task)

    async def settle(self) -> None:
        """Wait until the message may be edited again."""
        await asyncio.sleep(max(0.0, self._next_at - time.monotonic()))

    async def _paint(self) -> None:
        while True:
            await self._changed.wait()
            await self._pause()
            if self._stopping.is_set():
                return
            self._changed.clear()
            card = self._card
            if card is None or card.key == self._shown:
                continue
            if not await self._edit(card):
                return
            self._shown = card.key

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(max(0.0, self._next_at - time.monotonic())):
                await self._stopping.wait()
        except TimeoutError:
            return

    async def _edit(self, card: ProgressCard) -> bool:
        """Whether it is worth painting on."""
        try:
            await self._live.edit(progress_face(self._job, card))
        except Exception as error:  # noqa: BLE001 - the task's boundary; `trouble_of` raises what is not Discord's
            trouble = trouble_of(error)
            log.info("job %s: progress not shown (%s)", self._job.id, trouble.name)
            return trouble is Trouble.AMBIGUOUS
        finally:
            self._next_at = time.monotonic() + self._interval
        return True


def progress_face(job: Job, card: ProgressCard) -> Face:
    """The progress message with its Cancel button."""

    def files() -> list[discord.File]:
        return list(picture(*card.preview)()) if card.preview else []

    return Face(card.embed, files=files, view=lambda: progress_view(job))


def _over_within(update: JobUpdate, interval: float) -> bool:
    match update:
        case Progress(fraction=float(fraction), elapsed_seconds=elapsed) if 0 < fraction < 1:
            return elapsed * (1 - fraction) / fraction < interval
        case Progress(fraction=1.0):
            return True
        case Waiting(position=1, expected_seconds=float(expected)):
            return expected < interval
        case _:
            return False
