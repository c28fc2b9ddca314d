"""Shows progress on a job's message: the newest state only, when it changed, at most once per interval."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Self

import discord

from bot.discord_client.errors import FailureKind, failure_kind
from bot.domain.job_updates import JobUpdate, Progress, Waiting
from cogs.delivery.live_message import LiveMessage, MessagePayload, one_file
from cogs.ui.job_buttons import progress_view
from cogs.ui.progress import ProgressCard, progress_card

if TYPE_CHECKING:
    from bot.domain.jobs import Job

log = logging.getLogger(__name__)


class ProgressEditor:
    """Edits one job's message. Use it with `async with`; `put` never waits.

    At least `interval` seconds lie between two edits; the first one comes no sooner than one interval after the answer.
    The result waits for none of that. Progress is not shown if the job is expected to end within the interval, because
    the result replaces it so soon.

    Args:
        live: The message.
        job: Whose progress it is.
        character: The name to show.
        interval: Seconds.
        shown: What the message shows already, if known.

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
        self._newest: tuple[JobUpdate, float] | None = None
        self._changed = asyncio.Event()
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._keep_editing(), name=f"progress of {self._job.id}")
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def put(self, update: JobUpdate) -> None:
        """Remember the newest state."""
        self._newest = update, time.monotonic()
        self._changed.set()

    async def stop(self) -> None:
        """End. An edit under way is waited for: a cancelled one might arrive after the result."""
        self._stopping.set()
        self._changed.set()
        if self._task is not None:
            await asyncio.shield(self._task)

    async def _keep_editing(self) -> None:
        while True:
            await self._changed.wait()
            await self._pause()
            if self._stopping.is_set():
                return
            self._changed.clear()
            card = self._card()
            if card is None or card.key == self._shown:
                continue
            if not await self._edit(card):
                return
            self._shown = card.key

    def _card(self) -> ProgressCard | None:
        """The newest state; None if it is not worth an edit."""
        if self._newest is None:
            return None
        update, since = self._newest
        if ends_within(update, self._interval, time.monotonic() - since):
            return None
        return progress_card(self._job, self._character, update)

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(max(0.0, self._next_at - time.monotonic())):
                await self._stopping.wait()
        except TimeoutError:
            return

    async def _edit(self, card: ProgressCard) -> bool:
        """False: further progress cannot be shown."""
        try:
            await self._live.edit(progress_payload(self._job, card))
        except Exception as error:  # noqa: BLE001 - `failure_kind` raises what is neither Discord's nor the network's
            kind = failure_kind(error)
            log.info("job %s: progress not shown (%s)", self._job.id, kind.name)
            return kind is FailureKind.AMBIGUOUS
        finally:
            self._next_at = time.monotonic() + self._interval
        return True


def progress_payload(job: Job, card: ProgressCard) -> MessagePayload:
    """The progress message with its Cancel button."""

    def files() -> list[discord.File]:
        return list(one_file(*card.preview)()) if card.preview else []

    return MessagePayload(card.embed, files=files, view=lambda: progress_view(job))


def ends_within(update: JobUpdate, interval: float, age: float) -> bool:
    """Whether the job is expected to end within `interval` seconds, by what was known `age` seconds ago."""
    if isinstance(update, Waiting | Progress) and update.reason is not None:  # it does not go on
        return False
    left = _seconds_left(update)
    return left is not None and left - age < interval


def _seconds_left(update: JobUpdate) -> float | None:
    match update:
        # History and speed tell more than the share of nodes that are done, until the job takes longer than expected.
        case Progress(remaining_seconds=float(remaining)):
            return remaining
        case Progress(fraction=float(fraction), elapsed_seconds=elapsed) if fraction > 0:
            return elapsed * (1 - fraction) / fraction
        case Waiting(position=1, expected_seconds=float(expected)):
            return expected
        case _:
            return None
