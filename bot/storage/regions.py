"""Regions that people choose on pictures, in the database."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import RowMapping, and_, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.jobs import Job
from bot.domain.regions import RegionSelection, cells_in_other_grid
from bot.errors import InputInvalid
from bot.storage.database import Database
from bot.storage.reading import read_mappings
from bot.storage.retrying import retrying
from bot.storage.schema import region_selections

SELECTION_DAYS: Final = 14
"""Selections that nobody has touched for so long are removed."""
MAX_SELECTIONS: Final = 50
"""Of one person; older ones are removed."""


@retrying
class RegionRepository:
    """Each method is one transaction. A job that is started from a selection is recorded with the job itself."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, selection: RegionSelection) -> None:
        """Keep a new selection, and forget old ones."""
        mine = region_selections.c.user_id == selection.user_id
        newest = select(region_selections.c.id).where(mine).order_by(region_selections.c.updated_at.desc())
        old = region_selections.c.updated_at < datetime.now(UTC) - timedelta(days=SELECTION_DAYS)
        async with self._database.write() as connection:
            await connection.execute(delete(region_selections).where(old))
            kept = (await connection.execute(newest.limit(MAX_SELECTIONS - 1))).scalars().all()
            await connection.execute(delete(region_selections).where(and_(mine, region_selections.c.id.not_in(kept))))
            await connection.execute(insert(region_selections).values(_row(selection)))

    async def get(self, selection_id: uuid.UUID) -> RegionSelection | None:
        """The selection; None: it was removed, or never existed."""
        query = select(region_selections).where(region_selections.c.id == str(selection_id))
        async with self._database.read() as connection:
            found = read_mappings(await connection.execute(query), _value, "region_selections")
        return found[0] if found else None

    async def choose(
        self, selection_id: uuid.UUID, grid: int, cells: Collection[int], *, chosen: bool
    ) -> RegionSelection | None:
        """Add cells or take them away; None: there is no such selection.

        Nothing changes if its grid is another one by now, because the numbers mean other cells there.

        Args:
            selection_id: Of the selection.
            grid: The grid that the person saw.
            cells: In that grid.
            chosen: Whether they are added.

        """

        def change(selection: RegionSelection) -> dict[str, Any]:
            if selection.grid != grid:
                return {}
            before = set(selection.cells)
            return {"cells": sorted(before | set(cells) if chosen else before - set(cells))}

        return await self._change(selection_id, change)

    async def set_grid(self, selection_id: uuid.UUID, grid: int) -> RegionSelection | None:
        """Lay another grid over the picture; the chosen part stays about the same. None: there is no such selection."""

        def change(selection: RegionSelection) -> dict[str, Any]:
            return {"grid": grid, "cells": list(cells_in_other_grid(selection.cells, selection.grid, grid))}

        return await self._change(selection_id, change)

    async def set_words(self, selection_id: uuid.UUID, words: str, strength: float | None) -> RegionSelection | None:
        """Keep what should be there; None: there is no such selection."""
        return await self._change(selection_id, lambda _: {"words": words, "strength": strength})

    async def _change(
        self, selection_id: uuid.UUID, change: Callable[[RegionSelection], dict[str, Any]]
    ) -> RegionSelection | None:
        this = region_selections.c.id == str(selection_id)
        async with self._database.write() as connection:
            row = (await connection.execute(select(region_selections).where(this))).mappings().first()
            if row is None:
                return None
            changed = {**change(_value(row)), "updated_at": datetime.now(UTC)}
            await connection.execute(update(region_selections).where(this).values(changed))
            return _value({**row, **changed})


async def record_region_start(connection: AsyncConnection, job: Job) -> None:
    """Record a job that is accepted now with the selection that it was started from, in the same transaction.

    Raises:
        InputInvalid: Another job was started from it since the person was asked, or the selection is gone.

    """
    start = job.request.region_start
    if start is None:
        return
    this = region_selections.c.id == str(start.selection_id)
    changed = {"starts": start.number + 1, "started_job_id": str(job.id), "updated_at": datetime.now(UTC)}
    recorded = update(region_selections).where(this, region_selections.c.starts == start.number).values(changed)
    if not (await connection.execute(recorded)).rowcount:
        raise InputInvalid("That was started already.", advice="Its message shows how far it is.")


def _row(selection: RegionSelection) -> dict[str, Any]:
    return {
        **selection.model_dump(),
        "id": str(selection.id),
        "job_id": str(selection.job_id),
        "cells": list(selection.cells),
        "started_job_id": str(selection.started_job_id) if selection.started_job_id is not None else None,
    }


def _value(row: RowMapping | dict[str, Any]) -> RegionSelection:
    return RegionSelection.model_validate(dict(row))
