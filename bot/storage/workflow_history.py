"""Versions of saved workflows, and drafts that are not saved yet."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, RowMapping, Select, Table, and_, delete, func, insert, select, update

from bot.domain.jobs import JobKind, JobState
from bot.domain.workflow_history import VersionOrigin, WorkflowDraft, WorkflowPlace, WorkflowUse, WorkflowVersion
from bot.storage.database import Database
from bot.storage.reading import read_mappings
from bot.storage.retrying import retrying
from bot.storage.schema import jobs, workflow_drafts, workflow_history

KEPT_DAYS: Final = 30
"""A removed workflow and a draft that nobody saves are kept this long."""
_MAX_RUNS: Final = 20_000
"""Newest jobs of a server that its statistics are made of."""
_MEDIAN_OF: Final = 50
_BROUGHT: Final = (VersionOrigin.UPLOAD.value, VersionOrigin.COPY.value, VersionOrigin.HAND.value)
_VERSION_COLUMNS = [column for column in workflow_history.c if column.name != "ui_workflow"]
_DRAFT_COLUMNS = [column for column in workflow_drafts.c if column.name != "ui_workflow"]


@retrying
class WorkflowHistory:
    """Each method is one transaction. The content of versions and drafts is kept by `WorkflowRepository`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # -- versions

    async def add_version(self, version: WorkflowVersion, ui_workflow: Mapping[str, Any] | None = None) -> int:
        """Add a version and return its number: one more than the last one of that place. A removal is undone."""
        here = _at(workflow_history, version.place)
        async with self._database.write() as connection:
            last = (await connection.execute(select(func.max(workflow_history.c.number)).where(here))).scalar() or 0
            await connection.execute(update(workflow_history).where(here).values(removed_at=None))
            row = _place_row(version.place) | {
                "number": last + 1,
                "content_hash": version.content_hash,
                "origin": version.origin.value,
                "author_id": version.author_id,
                "source": version.source[:200],
                "ui_workflow": None if ui_workflow is None else dict(ui_workflow),
                "is_written": version.is_written,
                "created_at": version.created_at,
                "removed_at": None,
            }
            await connection.execute(insert(workflow_history).values(row))
        return last + 1

    async def mark_written(self, place: WorkflowPlace, number: int) -> None:
        """The files of a version are on the disk."""
        this = and_(_at(workflow_history, place), workflow_history.c.number == number)
        async with self._database.write() as connection:
            await connection.execute(update(workflow_history).where(this).values(is_written=True))

    async def drop_version(self, place: WorkflowPlace, number: int) -> None:
        """Forget a version whose files could not be written."""
        this = and_(_at(workflow_history, place), workflow_history.c.number == number)
        async with self._database.write() as connection:
            await connection.execute(delete(workflow_history).where(this))

    async def unwritten(self) -> list[WorkflowVersion]:
        """The versions whose files may not be on the disk, because a process ended before."""
        return await self._versions(_version_query().where(workflow_history.c.is_written.is_(False)))

    async def versions(self, place: WorkflowPlace) -> list[WorkflowVersion]:
        """All versions of a workflow, newest first, those of a removed one too."""
        query = _version_query().where(_at(workflow_history, place)).order_by(workflow_history.c.number.desc())
        return await self._versions(query)

    async def newest(self, guild_id: int | None = None) -> dict[WorkflowPlace, WorkflowVersion]:
        """The newest version of each workflow, also of removed ones; None: of every server and of the host."""
        largest = select(func.max(workflow_history.c.id).label("id")).group_by(
            workflow_history.c.guild_id,
            workflow_history.c.character_id,
            workflow_history.c.kind,
            workflow_history.c.name,
        )
        if guild_id is not None:
            largest = largest.where(workflow_history.c.guild_id == guild_id)
        query = _version_query().where(workflow_history.c.id.in_(largest))
        return {version.place: version for version in await self._versions(query)}

    async def ui_workflow(self, place: WorkflowPlace, content_hash: str) -> Mapping[str, Any] | None:
        """The workflow in the UI format that a version with that content was brought as; None: there is none."""
        query = select(workflow_history.c.ui_workflow).where(
            _at(workflow_history, place),
            workflow_history.c.content_hash == content_hash,
            workflow_history.c.origin.in_(_BROUGHT),
        )
        async with self._database.read() as connection:
            found = (await connection.execute(query.order_by(workflow_history.c.number.desc()))).scalars()
            return next((one for one in found if one is not None), None)

    async def move(self, place: WorkflowPlace, name: str) -> None:
        """All versions belong to another name of the same place."""
        async with self._database.write() as connection:
            await connection.execute(update(workflow_history).where(_at(workflow_history, place)).values(name=name))

    async def mark_removed(self, place: WorkflowPlace, at: datetime) -> bool:
        """The workflow is no longer there; False: it had no version, or was removed before."""
        live = and_(_at(workflow_history, place), workflow_history.c.removed_at.is_(None))
        async with self._database.write() as connection:
            return bool((await connection.execute(update(workflow_history).where(live).values(removed_at=at))).rowcount)

    async def forget_old(self, now: datetime) -> None:
        """Delete the versions of workflows removed more than `KEPT_DAYS` ago, and drafts as old as that."""
        old = now - timedelta(days=KEPT_DAYS)
        async with self._database.write() as connection:
            await connection.execute(delete(workflow_history).where(workflow_history.c.removed_at < old))
            await connection.execute(delete(workflow_drafts).where(workflow_drafts.c.created_at < old))

    # -- drafts

    async def add_draft(self, draft: WorkflowDraft, ui_workflow: Mapping[str, Any] | None) -> None:
        """Keep a draft."""
        row = _place_row(draft.place) | {
            "id": draft.id,
            "author_id": draft.author_id,
            "content_hash": draft.content_hash,
            "source": draft.source[:200],
            "notes": list(draft.notes),
            "ui_workflow": None if ui_workflow is None else dict(ui_workflow),
            "base_hash": draft.base_hash,
            "trial_job_id": None,
            "presets": {name: dict(values) for name, values in draft.presets.items()} or None,
            "created_at": draft.created_at,
        }
        async with self._database.write() as connection:
            await connection.execute(insert(workflow_drafts).values(row))

    async def draft(self, draft_id: str) -> WorkflowDraft | None:
        """The draft; None: it was saved, discarded, or forgotten."""
        query = select(*_DRAFT_COLUMNS).where(workflow_drafts.c.id == draft_id)
        async with self._database.read() as connection:
            found = read_mappings(await connection.execute(query), _draft, "workflow_drafts")
        return found[0] if found else None

    async def draft_ui_workflow(self, draft_id: str) -> Mapping[str, Any] | None:
        """What the draft was brought as, if that was in the UI format."""
        query = select(workflow_drafts.c.ui_workflow).where(workflow_drafts.c.id == draft_id)
        async with self._database.read() as connection:
            return (await connection.execute(query)).scalar()

    async def update_draft(self, draft: WorkflowDraft) -> None:
        """Store place, content, base and trial of a draft."""
        values = _place_row(draft.place) | {
            "content_hash": draft.content_hash,
            "base_hash": draft.base_hash,
            "trial_job_id": None if draft.trial_job_id is None else str(draft.trial_job_id),
        }
        async with self._database.write() as connection:
            await connection.execute(update(workflow_drafts).where(workflow_drafts.c.id == draft.id).values(values))

    async def remove_draft(self, draft_id: str) -> bool:
        """Forget a draft; False: it was gone."""
        async with self._database.write() as connection:
            gone = await connection.execute(delete(workflow_drafts).where(workflow_drafts.c.id == draft_id))
            return bool(gone.rowcount)

    # -- statistics

    async def uses(self, guild_id: int) -> list[WorkflowUse]:
        """How often and how well each workflow ran in a server, of its newest jobs."""
        ended = (JobState.DELIVERED.value, JobState.GENERATED.value, JobState.FAILED.value)
        query = (
            select(
                jobs.c.character_id,
                jobs.c.kind,
                jobs.c.workflow_name,
                jobs.c.state,
                jobs.c.execution_seconds,
                jobs.c.created_at,
            )
            .where(jobs.c.guild_id == guild_id, jobs.c.state.in_(ended))
            .order_by(jobs.c.number.desc())
            .limit(_MAX_RUNS)
        )
        async with self._database.read() as connection:
            rows = (await connection.execute(query)).all()
        found: dict[tuple[str, str, str], list[Any]] = {}
        for row in rows:
            found.setdefault((row.character_id, row.kind, row.workflow_name), []).append(row)
        return [_use(key, each) for key, each in found.items()]

    async def _versions(self, query: Select[Any]) -> list[WorkflowVersion]:
        async with self._database.read() as connection:
            return read_mappings(await connection.execute(query), _version, "workflow_history")


def _use(key: tuple[str, str, str], rows: list[Any]) -> WorkflowUse:
    times = [row.execution_seconds for row in rows if row.state != JobState.FAILED.value and row.execution_seconds]
    newest = sorted(times[:_MEDIAN_OF])
    return WorkflowUse(
        character_id=key[0],
        kind=JobKind(key[1]),
        name=key[2],
        runs=len(rows),
        failures=sum(row.state == JobState.FAILED.value for row in rows),
        median_seconds=newest[len(newest) // 2] if newest else None,
        last_used=rows[0].created_at,
    )


def _version_query() -> Select[Any]:
    has_ui = workflow_history.c.ui_workflow.is_not(None).label("has_ui_workflow")
    return select(*_VERSION_COLUMNS, has_ui)


def _at(table: Table, place: WorkflowPlace) -> ColumnElement[bool]:
    return and_(*(table.c[name] == value for name, value in _place_row(place).items()))


def _place_row(place: WorkflowPlace) -> dict[str, Any]:
    return {
        "guild_id": place.guild_id,
        "character_id": place.character_id,
        "kind": place.kind.value,
        "name": place.name,
    }


def _place(row: RowMapping) -> WorkflowPlace:
    return WorkflowPlace(
        guild_id=row["guild_id"], character_id=row["character_id"], kind=JobKind(row["kind"]), name=row["name"]
    )


def _version(row: RowMapping) -> WorkflowVersion:
    return WorkflowVersion(
        place=_place(row),
        number=row["number"],
        content_hash=row["content_hash"],
        origin=VersionOrigin(row["origin"]),
        author_id=row["author_id"],
        source=row["source"],
        has_ui_workflow=bool(row["has_ui_workflow"]),
        is_written=row["is_written"],
        created_at=row["created_at"],
        removed_at=row["removed_at"],
    )


def _draft(row: RowMapping) -> WorkflowDraft:
    return WorkflowDraft(
        id=row["id"],
        place=_place(row),
        author_id=row["author_id"],
        content_hash=row["content_hash"],
        source=row["source"],
        notes=tuple(row["notes"]),
        presets=row["presets"] or {},
        base_hash=row["base_hash"],
        trial_job_id=None if row["trial_job_id"] is None else uuid.UUID(row["trial_job_id"]),
        created_at=row["created_at"],
    )


def utc_now() -> datetime:
    """The time of a version or a draft that is made now."""
    return datetime.now(UTC)
