"""The settings that each person used last with each workflow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.jobs import Derivation, Job, JobKind
from bot.domain.saved_settings import SettingValue
from bot.storage.database import Database
from bot.storage.retrying import retrying
from bot.storage.schema import last_settings

_ROLES = ("width", "height", "steps", "cfg")
"""Settings that stand beside `overrides` in `Job.parameters`."""


@retrying
class LastSettingsRepository:
    """Reads them. They are written with the job that has them (`remember_settings`)."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(
        self, user_id: int, character_id: str, kind: JobKind, workflow_name: str
    ) -> dict[str, SettingValue] | None:
        """What the person set last, by parameter; None: nothing yet."""
        which = _of(user_id, character_id, kind, workflow_name)
        async with self._database.read() as connection:
            found = (await connection.execute(select(last_settings.c["values"]).where(which))).scalar()
        return dict(found) if found else None


async def remember_settings(connection: AsyncConnection, job: Job) -> None:
    """Write the settings of a job that is accepted now, as its requester's last ones.

    Only what a person chose for a request of their own counts: no derived job, and nothing from a terminal.
    """
    request = job.request
    values = _chosen(job.parameters)
    if not values or not request.requester_id or not request.overrides or _repeats(job):
        return
    which = _of(request.requester_id, request.character_id, request.kind, job.workflow_name)
    await connection.execute(delete(last_settings).where(which))
    row: dict[str, Any] = {
        "user_id": request.requester_id,
        "character_id": request.character_id,
        "kind": request.kind.value,
        "workflow_name": job.workflow_name,
        "values": values,
        "used_at": job.created_at,
    }
    await connection.execute(insert(last_settings).values(row))


def _repeats(job: Job) -> bool:
    """Settings of the earlier job, which may be another person's."""
    return job.request.derivation is not None and job.request.derivation is not Derivation.REMIX


def _chosen(parameters: Mapping[str, Any]) -> dict[str, SettingValue]:
    roles = {name: parameters[name] for name in _ROLES if name in parameters}
    return roles | dict(parameters.get("overrides", {}))


def _of(user_id: int, character_id: str, kind: JobKind, workflow_name: str) -> ColumnElement[bool]:
    return and_(
        last_settings.c.user_id == user_id,
        last_settings.c.character_id == character_id,
        last_settings.c.kind == kind.value,
        last_settings.c.workflow_name == workflow_name,
    )
