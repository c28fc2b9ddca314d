"""The contact sheet of a batch, drawn anew when a picture has come."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from bot.batches.layout import layout_of
from bot.domain.jobs import JobState
from bot.media.images import SheetCell, labelled_sheet
from cogs.ui.batch_view import number_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bot.domain.batches import Batch
    from bot.domain.jobs import Job
    from bot.settings import Settings


def sheet_name(batch: Batch) -> str:
    """The name of the finished sheet, by which the message that bears it is recognised after a crash."""
    return f"batch_{batch.digest}.jpg"


PROGRESS_SHEET = "progress.jpg"
"""The name while pictures are being made; it does not hold the batch's digest."""


class BatchSheet:
    """Draws in a thread, and only when other jobs have ended than at the last time."""

    def __init__(self, batch: Batch, settings: Settings) -> None:
        self._layout = layout_of(batch.plan)
        self._data_dir = settings.storage.data_dir
        self._max_pixels = settings.media.max_pixels
        self._drawn: tuple[tuple[JobState, ...], bytes | None] | None = None

    async def draw(self, jobs: Sequence[Job]) -> bytes | None:
        """A JPEG; None while there is no picture."""
        states = tuple(job.state for job in jobs)
        if self._drawn is None or self._drawn[0] != states:
            has_pictures = any(job.artifacts for job in jobs)
            self._drawn = states, await asyncio.to_thread(self._draw, jobs) if has_pictures else None
        return self._drawn[1]

    def _draw(self, jobs: Sequence[Job]) -> bytes:
        return labelled_sheet(
            [SheetCell(str(number_of(job)), self._picture(job), _caption(job)) for job in jobs],
            columns=self._layout.columns,
            rows=self._layout.rows,
            max_pixels=self._max_pixels,
        )

    def _picture(self, job: Job) -> Path | None:
        """The thumbnail of the job's first picture."""
        found = next((artifact.thumbnail or artifact.path for artifact in job.artifacts), None)
        return self._data_dir / found if found else None


def _caption(job: Job) -> str:
    if job.state is JobState.FAILED:
        return job.error.code if job.error is not None else "failed"
    if job.state is JobState.DELIVERED and not job.artifacts:
        return "deleted"
    return "stopped" if job.state is JobState.CANCELLED else ""
