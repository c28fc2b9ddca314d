"""What was made, a row for each file, and the pages of the gallery."""

from __future__ import annotations

import heapq
import uuid
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    CompoundSelect,
    RowMapping,
    Select,
    String,
    Table,
    cast,
    func,
    insert,
    literal,
    null,
    select,
    union_all,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.gallery import GalleryItem, GalleryPage, GalleryQuery
from bot.domain.jobs import Artifact, Job, JobKind
from bot.storage.database import Database
from bot.storage.reading import read_each_row, read_mappings
from bot.storage.retrying import retrying
from bot.storage.schema import audio_messages, gallery_filters, images, jobs, videos, voice_samples

_TABLES = {JobKind.IMAGE: images, JobKind.VIDEO: videos, JobKind.AUDIO: audio_messages}
_OPEN, _AGE_RESTRICTED, _DELETED = 0, 1, 2
_BEYOND = 2**62


async def insert_results(connection: AsyncConnection, job: Job) -> None:
    """A row for each artifact of a job, inside the caller's transaction; none for a trial of a workflow."""
    if job.request.trial:
        return
    last = 0
    for table in _TABLES.values():
        last = max(last, (await connection.execute(select(func.max(table.c.id)))).scalar() or 0)
    for n, artifact in enumerate(job.artifacts):
        row = _row(job, artifact, n) | {"id": last + 1 + n}
        await connection.execute(insert(_TABLES[artifact.kind]).values(row))


async def deleted_jobs(connection: AsyncConnection, job_ids: Iterable[str]) -> set[str]:
    """Those of the jobs whose pictures were deleted in Discord, inside the caller's transaction."""
    deleted = select(images.c.job_id).where(images.c.job_id.in_(list(job_ids)), images.c.shelf == _DELETED)
    return set((await connection.execute(deleted)).scalars())


def _row(job: Job, artifact: Artifact, n: int) -> dict[str, Any]:
    request = job.request
    origin = request.origin
    row: dict[str, Any] = {
        "job_id": str(job.id),
        "n": n,
        "conversation_id": request.conversation_id,
        "thread_id": request.thread_id,
        "character_id": request.character_id,
        "message_id": request.message_id,
        "guild_id": origin.guild_id,
        "channel_id": origin.channel_id,
        "requester_id": request.requester_id,
        "shelf": _AGE_RESTRICTED if origin.age_restricted else _OPEN,
        "age_restricted": origin.age_restricted,
        "workflow_name": job.workflow_name,
        "seed": str(job.seed),
        "filename": artifact.path,
        "size_bytes": artifact.size,
        "sha256": artifact.sha256,
        "generation_time_seconds": job.execution_seconds,
        "created_at": job.generated_at or job.created_at,
    }
    if artifact.kind is JobKind.AUDIO:
        return row | {
            "text": " ".join(request.text_parts) or request.positive,
            "original_filename": artifact.original,
            "duration_seconds": artifact.duration_seconds,
            "waveform": artifact.waveform,
            # A sample that was removed while the job waited is no longer there to be referred to.
            "voice_sample_id": select(voice_samples.c.id)
            .where(voice_samples.c.id == request.voice_sample_id)
            .scalar_subquery(),
        }
    row |= {
        "prompt": str(job.parameters.get("positive") or request.positive),
        "negative_prompt": job.parameters.get("negative"),
        "thumbnail_filename": artifact.thumbnail,
        "width": artifact.width,
        "height": artifact.height,
    }
    return row if artifact.kind is JobKind.IMAGE else row | {"duration_seconds": artifact.duration_seconds}


@retrying
class GalleryRepository:
    """Implements `GalleryRepository`.

    Each page is merged from a few index ranges: one per table and shelf, each read from the index in the order of ids
    and no further than the page needs. So its cost does not depend on the number of rows.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(self, query: GalleryQuery) -> GalleryPage:
        """One page; constant time in the number of rows (keyset paging on an index).

        Raises:
            ValueError: Not exactly one scope.
        """
        if (query.channel_id is None) == (query.guild_id is None):
            msg = "a gallery is of one channel or of one guild"
            raise ValueError(msg)
        upwards = query.newer_than is not None or query.from_oldest
        async with self._database.read() as connection:
            rows = read_each_row((await connection.execute(page_statement(query))).mappings(), _item, "a gallery")
        items = [item for item in rows if item is not None]
        chosen = (heapq.nsmallest if upwards else heapq.nlargest)(query.limit + 1, items, key=lambda item: item.id)
        more = len(rows) > query.limit
        chosen = chosen[: query.limit]
        if upwards:
            return GalleryPage(items=tuple(chosen[::-1]), has_newer=more, has_older=not query.from_oldest)
        return GalleryPage(items=tuple(chosen), has_newer=query.older_than is not None, has_older=more)

    async def item(self, item_id: int) -> GalleryItem | None:
        """One item, unless it was deleted."""
        async with self._database.read() as connection:
            for table in _TABLES.values():
                query = select(*_columns(table)).where(table.c.id == item_id, table.c.shelf != _DELETED)
                for item in read_mappings(await connection.execute(query), _item, table.name):
                    return item
        return None

    async def save_filters(self, key: str, content: Mapping[str, Any]) -> None:
        """Keep the filters of a gallery that do not fit into its buttons; the same key has the same content."""
        known = select(gallery_filters.c.id).where(gallery_filters.c.id == key)
        row = {"id": key, "filters": dict(content), "created_at": datetime.now(UTC)}
        async with self._database.write() as connection:
            if (await connection.execute(known)).first() is None:
                await connection.execute(insert(gallery_filters).values(row))

    async def saved_filters(self, key: str) -> dict[str, Any] | None:
        """What `save_filters` kept; None: nothing."""
        query = select(gallery_filters.c.filters).where(gallery_filters.c.id == key)
        async with self._database.read() as connection:
            return (await connection.execute(query)).scalar()

    async def is_deleted(self, job_id: uuid.UUID) -> bool:
        """Whether what a job made was deleted in Discord."""
        async with self._database.read() as connection:
            for table in _TABLES.values():
                deleted = select(table.c.id).where(table.c.job_id == str(job_id), table.c.shelf == _DELETED).limit(1)
                if (await connection.execute(deleted)).first() is not None:
                    return True
        return False

    async def remove_job(self, job_id: uuid.UUID) -> int:
        """Hide everything a job made (its Discord message was deleted); returns how many files that were."""
        removed = 0
        values = {"shelf": _DELETED, "deleted_at": datetime.now(UTC)}
        async with self._database.write() as connection:
            for table in _TABLES.values():
                mine = update(table).where(table.c.job_id == str(job_id), table.c.shelf != _DELETED)
                removed += (await connection.execute(mine.values(values))).rowcount
        return removed


def _tables(query: GalleryQuery) -> Iterable[Table]:
    return _TABLES.values() if query.kind is None else (_TABLES[query.kind],)


def page_statement(query: GalleryQuery) -> CompoundSelect[*tuple[Any, ...]]:
    """One statement for a page and one row more: each table and shelf gives its first rows off its own index."""
    upwards = query.newer_than is not None or query.from_oldest
    shelves = (_OPEN, _AGE_RESTRICTED) if query.include_age_restricted else (_OPEN,)
    ranges = [_range(table, query, shelf, upwards=upwards) for table in _tables(query) for shelf in shelves]
    return union_all(*(select(one.subquery()) for one in ranges))


def _range(table: Table, query: GalleryQuery, shelf: int, *, upwards: bool) -> Select[*tuple[Any, ...]]:
    scope = "channel_id" if query.channel_id is not None else "guild_id"
    found = select(*_columns(table)).where(table.c[scope] == getattr(query, scope), table.c.shelf == shelf)
    if query.character_id is not None:
        found = found.where(table.c.character_id == query.character_id)
    if query.requester_id is not None:
        found = found.where(table.c.requester_id == query.requester_id)
    if query.batch_id is not None:
        found = found.where(table.c.job_id.in_(select(jobs.c.id).where(jobs.c.batch_id == str(query.batch_id))))
    if query.workflow_name is not None:
        found = found.where(table.c.workflow_name == query.workflow_name)
    if query.text is not None:
        found = found.where(_words(table).icontains(query.text, autoescape=True))
    if query.since is not None:
        found = found.where(table.c.id >= _first_from(table, query.since))
    if query.until is not None:
        found = found.where(table.c.id < _first_from(table, query.until))
    if query.older_than is not None:
        found = found.where(table.c.id < query.older_than)
    if query.newer_than is not None:
        found = found.where(table.c.id > query.newer_than)
    order = table.c.id.asc() if upwards else table.c.id.desc()
    return found.order_by(order).limit(query.limit + 1)


def _first_from(table: Table, when: datetime) -> ColumnElement[int]:
    """A time as an id: ids rise with time, so a range of one is a range of the other."""
    first = select(table.c.id).where(table.c.created_at >= when).order_by(table.c.created_at, table.c.id).limit(1)
    return func.coalesce(first.scalar_subquery(), literal(_BEYOND, BigInteger))


def _columns(table: Table) -> list[Any]:
    kind = next(kind for kind, one in _TABLES.items() if one is table)
    names = ("id", "job_id", "n", "character_id", "requester_id", "guild_id", "channel_id", "workflow_name")
    columns: list[Any] = [table.c[name] for name in (*names, "seed", "filename", "age_restricted", "created_at")]
    return [
        *columns,
        literal(kind.value, String(8)).label("kind"),
        _words(table).label("prompt"),
        *(_optional(table, name) for name in ("thumbnail_filename", "width", "height", "duration_seconds")),
    ]


def _words(table: Table) -> Column[Any]:
    """The prompt, or the spoken text."""
    return table.c["text"] if table is audio_messages else table.c["prompt"]


def _optional(table: Table, name: str) -> Any:
    if name in table.c:
        return table.c[name]
    return cast(null(), videos.c[name].type).label(name)  # PostgreSQL wants the columns of a union of one type


def _item(row: RowMapping) -> GalleryItem:
    return GalleryItem(
        id=row["id"],
        kind=JobKind(row["kind"]),
        job_id=uuid.UUID(row["job_id"]),
        n=row["n"],
        character_id=row["character_id"],
        requester_id=row["requester_id"],
        guild_id=row["guild_id"],
        channel_id=row["channel_id"],
        prompt=row["prompt"],
        workflow_name=row["workflow_name"],
        seed=int(row["seed"]),
        filename=row["filename"],
        thumbnail=row["thumbnail_filename"],
        width=row["width"],
        height=row["height"],
        duration_seconds=row["duration_seconds"],
        age_restricted=row["age_restricted"],
        created_at=row["created_at"],
    )
