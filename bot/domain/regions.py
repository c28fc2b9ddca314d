"""Regions of pictures: which cells of a grid over a picture a person has chosen to have drawn anew."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from datetime import datetime

from bot.domain.value import Value

GRIDS = (3, 4)
"""How many cells stand beside each other, and below each other."""


class RegionSelection(Value):
    """What a person has chosen on the panel of one picture. The panel's buttons hold the id alone."""

    id: uuid.UUID
    user_id: int
    """The Discord user who opened the panel, and who alone may use it."""
    job_id: uuid.UUID
    """The job that made the picture."""
    picture: int
    """Which of its artifacts, from 0."""
    grid: int = GRIDS[0]
    cells: tuple[int, ...] = ()
    """The chosen cells, rising, from 0 in reading order."""
    words: str = ""
    """What should be there, as written last."""
    strength: float | None = None
    """As chosen last; None: the workflow's own."""
    starts: int = 0
    """How many jobs were started from it."""
    started_job_id: uuid.UUID | None = None
    """The job that was started last."""
    created_at: datetime
    updated_at: datetime


def cells_in_other_grid(cells: Collection[int], before: int, after: int) -> tuple[int, ...]:
    """Return the cells of another grid over the same picture whose middle lies in one of these cells.

    Args:
        cells: In the grid before.
        before: Its cells beside each other.
        after: Of the other grid.

    """
    return tuple(
        row * after + column
        for row in range(after)
        for column in range(after)
        if _containing(row, after, before) * before + _containing(column, after, before) in cells
    )


def _containing(place: int, after: int, before: int) -> int:
    """Which of `before` equal parts has the middle of the part `place` of `after` equal ones."""
    return (2 * place + 1) * before // (2 * after)
