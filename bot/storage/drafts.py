"""Drafts of the configuration panel in the database."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import RowMapping, and_, delete, insert, select, update

from bot.domain.jobs import JobKind
from bot.domain.saved_settings import Draft, SettingValue
from bot.storage.database import Database
from bot.storage.reading import read_mappings
from bot.storage.retrying import retrying
from bot.storage.schema import setting_drafts

DRAFT_DAYS: Final = 14
"""Drafts that nobody has touched for so long are removed."""
MAX_DRAFTS: Final = 50
"""Of one person; older ones are removed."""


@retrying
class DraftRepository:
    """Each method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, draft: Draft) -> None:
        """Keep a new draft, and forget old ones."""
        mine = setting_drafts.c.user_id == draft.user_id
        newest = select(setting_drafts.c.id).where(mine).order_by(setting_drafts.c.updated_at.desc())
        old = setting_drafts.c.updated_at < datetime.now(UTC) - timedelta(days=DRAFT_DAYS)
        async with self._database.write() as connection:
            await connection.execute(delete(setting_drafts).where(old))
            kept = (await connection.execute(newest.limit(MAX_DRAFTS - 1))).scalars().all()
            await connection.execute(delete(setting_drafts).where(and_(mine, setting_drafts.c.id.not_in(kept))))
            await connection.execute(insert(setting_drafts).values(_row(draft)))

    async def get(self, draft_id: uuid.UUID) -> Draft | None:
        """The draft; None: it was removed, or never existed."""
        query = select(setting_drafts).where(setting_drafts.c.id == str(draft_id))
        async with self._database.read() as connection:
            found = read_mappings(await connection.execute(query), _value, "setting_drafts")
        return found[0] if found else None

    async def change(
        self, draft_id: uuid.UUID, values: Mapping[str, SettingValue], *, unset: Collection[str] = ()
    ) -> Draft | None:
        """Set some values and take others back to the workflow's own; None: there is no such draft.

        Args:
            draft_id: Of the draft.
            values: Parameter name -> value.
            unset: Names of parameters.

        """
        this = setting_drafts.c.id == str(draft_id)
        async with self._database.write() as connection:
            row = (await connection.execute(select(setting_drafts).where(this))).mappings().first()
            if row is None:
                return None
            kept = {name: value for name, value in row["values"].items() if name not in unset}
            changed = {"values": {**kept, **values}, "updated_at": datetime.now(UTC)}
            await connection.execute(update(setting_drafts).where(this).values(changed))
            return _value({**row, **changed})

    async def replace(
        self, draft_id: uuid.UUID, values: Mapping[str, SettingValue], notes: Sequence[str] = ()
    ) -> Draft | None:
        """Replace all values and notes; None: there is no such draft."""
        return await self._update(draft_id, {"values": dict(values), "notes": list(notes)})

    async def set_started(self, draft_id: uuid.UUID, job_id: uuid.UUID) -> Draft | None:
        """Record the job that was started from the draft; None: there is no such draft."""
        return await self._update(draft_id, {"started_job_id": str(job_id)})

    async def _update(self, draft_id: uuid.UUID, changed: dict[str, Any]) -> Draft | None:
        this = setting_drafts.c.id == str(draft_id)
        async with self._database.write() as connection:
            await connection.execute(
                update(setting_drafts).where(this).values(changed | {"updated_at": datetime.now(UTC)})
            )
            row = (await connection.execute(select(setting_drafts).where(this))).mappings().first()
        return None if row is None else _value(row)


def _row(draft: Draft) -> dict[str, Any]:
    return {
        "id": str(draft.id),
        "user_id": draft.user_id,
        "character_id": draft.character_id,
        "kind": draft.kind.value,
        "workflow_name": draft.workflow_name,
        "values": dict(draft.values),
        "source_job_id": str(draft.source_job_id) if draft.source_job_id is not None else None,
        "started_job_id": str(draft.started_job_id) if draft.started_job_id is not None else None,
        "notes": list(draft.notes),
        "created_at": draft.created_at,
        "updated_at": draft.updated_at,
    }


def _value(row: RowMapping | Mapping[str, Any]) -> Draft:
    return Draft(
        id=uuid.UUID(row["id"]),
        user_id=row["user_id"],
        character_id=row["character_id"],
        kind=JobKind(row["kind"]),
        workflow_name=row["workflow_name"],
        values=row["values"],
        source_job_id=_optional_id(row["source_job_id"]),
        started_job_id=_optional_id(row["started_job_id"]),
        notes=tuple(row["notes"]),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )


def _optional_id(text: str | None) -> uuid.UUID | None:
    return uuid.UUID(text) if text is not None else None
