"""Rows of workflows that failed in a row."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import ColumnElement, RowMapping, and_, delete, insert, select

from bot.domain.jobs import JobError
from bot.domain.workflow_failures import WorkflowFailures
from bot.storage.database import Database
from bot.storage.reading import read_mappings
from bot.storage.retrying import retrying
from bot.storage.schema import workflow_failures


@retrying
class WorkflowFailureRepository:
    """A row for each version of a workflow and each server, from its first failure until it makes something."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self, *, since: datetime) -> list[WorkflowFailures]:
        """Every row whose last failure is not older; the others are deleted."""
        async with self._database.write() as connection:
            await connection.execute(delete(workflow_failures).where(workflow_failures.c.failed_at < since))
            found = await connection.execute(select(workflow_failures))
            return read_mappings(found, _failures, "workflow_failures")

    async def put(self, failures: WorkflowFailures) -> None:
        """Write a row, in place of the one that is there."""
        row = {**failures.model_dump(mode="json"), "failed_at": failures.failed_at}
        async with self._database.write() as connection:
            await connection.execute(delete(workflow_failures).where(_of(failures.content_hash, failures.server)))
            await connection.execute(insert(workflow_failures).values(row))

    async def remove(self, content_hash: str, servers: Iterable[str]) -> None:
        """Delete the rows of a version on some servers."""
        async with self._database.write() as connection:
            for server in servers:
                await connection.execute(delete(workflow_failures).where(_of(content_hash, server)))


def _of(content_hash: str, server: str) -> ColumnElement[bool]:
    return and_(workflow_failures.c.content_hash == content_hash, workflow_failures.c.server == server)


def _failures(row: RowMapping) -> WorkflowFailures:
    return WorkflowFailures(
        content_hash=row["content_hash"],
        server=row["server"],
        count=row["count"],
        error=JobError.model_validate(row["error"]),
        installed=row["installed"],
        comfyui_version=row["comfyui_version"],
        inputs=tuple(row["inputs"]),
        job_id=uuid.UUID(row["job_id"]),
        failed_at=row["failed_at"],
    )
