"""Workflow versions: what every job used, by hash, and which version a name stands for now."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row, and_, insert, select, update

from bot.domain.workflow_versions import StoredWorkflow
from bot.storage.database import Database
from bot.storage.reading import read_first_row
from bot.storage.retrying import retrying
from bot.storage.schema import workflow_versions, workflows


@retrying
class WorkflowRepository:
    """Implements `WorkflowRepository`. Versions are kept for good, so the ones known to be stored are remembered."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._stored = set[str]()
        self._current: dict[tuple[str, str, str], str] = {}

    async def put(self, workflow: StoredWorkflow) -> None:
        """Keep a version; one that is there stays as it is."""
        if workflow.content_hash in self._stored:
            return
        known = select(workflow_versions.c.content_hash).where(
            workflow_versions.c.content_hash == workflow.content_hash
        )
        row = {
            "content_hash": workflow.content_hash,
            "graph": dict(workflow.graph),
            "bindings": dict(workflow.bindings),
            "created_at": datetime.now(UTC),
        }
        async with self._database.write() as connection:
            if (await connection.execute(known)).first() is None:
                await connection.execute(insert(workflow_versions).values(row))
        self._stored.add(workflow.content_hash)

    async def get(self, content_hash: str) -> StoredWorkflow | None:
        """A version by its hash."""
        query = select(workflow_versions).where(workflow_versions.c.content_hash == content_hash)
        async with self._database.read() as connection:
            return read_first_row(await connection.execute(query), _workflow, "workflow_versions")

    async def set_current(self, character_id: str, kind: str, name: str, content_hash: str) -> None:
        """Record which version a name stands for now."""
        key = (character_id, kind, name)
        if self._current.get(key) == content_hash:
            return
        mine = and_(workflows.c.character_id == character_id, workflows.c.kind == kind, workflows.c.name == name)
        values = {"current_hash": content_hash, "updated_at": datetime.now(UTC)}
        async with self._database.write() as connection:
            if not (await connection.execute(update(workflows).where(mine).values(values))).rowcount:
                row = {"character_id": character_id, "kind": kind, "name": name, **values}
                await connection.execute(insert(workflows).values(row))
        self._current[key] = content_hash


def _workflow(row: Row[Any]) -> StoredWorkflow:
    return StoredWorkflow(content_hash=row.content_hash, graph=row.graph, bindings=row.bindings)
