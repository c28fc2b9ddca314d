"""Batches and their votes in the database; the jobs of a batch are accepted and delivered in one transaction each."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import RowMapping, Select, and_, delete, exists, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.batches import Batch, BatchPlan, BatchState, Vote
from bot.domain.jobs import GenerationRequest, Job, JobState
from bot.policy import Demand
from bot.storage.database import Database
from bot.storage.gallery import deleted_jobs, insert_results
from bot.storage.last_settings import remember_settings
from bot.storage.reading import read_mappings
from bot.storage.retrying import retrying
from bot.storage.rows import job_row, job_value
from bot.storage.schema import batch_votes, batches, jobs
from bot.storage.usage import require_room

PROPOSAL_DAYS: Final = 7
"""Older proposals that nobody confirmed are removed."""
_OPEN = (BatchState.RUNNING.value, BatchState.STOPPED.value)


@retrying
class BatchRepository:
    """Each method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # -- accepting

    async def propose(self, batch: Batch, *, owner: str) -> None:
        """Keep a batch that is to be confirmed, and forget proposals that nobody will confirm any more."""
        old = datetime.now(UTC) - timedelta(days=PROPOSAL_DAYS)
        forgotten = and_(batches.c.state == BatchState.PROPOSED.value, batches.c.created_at < old)
        async with self._database.write() as connection:
            await connection.execute(delete(batches).where(forgotten))
            await connection.execute(insert(batches).values(_row(batch, owner)))

    async def start(
        self, batch: Batch, accepted: Sequence[tuple[Job, str | None]], demand: Demand | None = None, *, owner: str
    ) -> bool:
        """Commit the batch as RUNNING together with all of its jobs; False if it was started before.

        Args:
            batch: As it is to be stored; the row of its proposal is replaced.
            accepted: Its jobs with their fingerprints, in the order in which they are to be made.
            demand: What they need of quotas together, checked in the same transaction; None: nothing.
            owner: Who dispatches them.

        Raises:
            QuotaReached: A quota is used up; nothing was stored.
            TooManyRequests: A cooldown is not over; nothing was stored.

        """
        key = str(batch.id)
        async with self._database.write() as connection:
            known = (await connection.execute(select(batches.c.state).where(batches.c.id == key))).scalar()
            if known not in {None, BatchState.PROPOSED.value}:
                return False
            if demand is not None:
                await require_room(connection, demand)
            await connection.execute(delete(batches).where(batches.c.id == key))
            await connection.execute(insert(batches).values(_row(batch, owner)))
            last = (await connection.execute(select(func.max(jobs.c.number)))).scalar() or 0
            rows = [
                job_row(job, owner=owner, number=last + 1 + place, fingerprint=fingerprint)
                for place, (job, fingerprint) in enumerate(accepted)
            ]
            await connection.execute(insert(jobs), rows)
            if batch.request.overrides and not (batch.plan.is_comparison or batch.plan.sweeps):
                await remember_settings(connection, accepted[0][0])
            for job, _ in accepted:
                if job.artifacts:
                    await insert_results(connection, job)
        return True

    # -- reading

    async def get(self, batch_id: uuid.UUID) -> Batch | None:
        """The batch as stored."""
        found = await self._batches(select(batches).where(batches.c.id == str(batch_id)))
        return found[0] if found else None

    async def by_digest(self, digest: str) -> Batch | None:
        """The batch that messages name with these 12 hex characters (`Batch.digest`)."""
        if not digest.isalnum():
            return None
        found = await self._batches(select(batches).where(batches.c.id.like(f"%-{digest.lower()}")).limit(2))
        return found[0] if len(found) == 1 and found[0].digest == digest.lower() else None

    async def recent(self, channel_id: int, limit: int) -> list[Batch]:
        """The newest batches of a channel that were started."""
        here = and_(batches.c.channel_id == channel_id, batches.c.state != BatchState.PROPOSED.value)
        return await self._batches(select(batches).where(here).order_by(batches.c.created_at.desc()).limit(limit))

    async def undelivered(self, owner: str) -> list[Batch]:
        """Started, and their end was not shown yet; oldest first."""
        mine = and_(batches.c.state.in_(_OPEN), batches.c.owner == owner)
        return await self._batches(select(batches).where(mine).order_by(batches.c.created_at, batches.c.id))

    async def jobs(self, batch_id: uuid.UUID) -> list[Job]:
        """Its jobs in reading order of the contact sheet; one that was deleted in Discord has no artifacts here."""
        query = select(jobs).where(jobs.c.batch_id == str(batch_id)).order_by(jobs.c.batch_index)
        async with self._database.read() as connection:
            found = read_mappings(await connection.execute(query), job_value, "jobs")
            deleted = await deleted_jobs(connection, [str(job.id) for job in found])
        return [job.model_copy(update={"artifacts": ()}) if str(job.id) in deleted else job for job in found]

    # -- ends

    async def stop(self, batch_id: uuid.UUID) -> bool:
        """RUNNING -> STOPPED; False if it does not run."""
        running = and_(batches.c.id == str(batch_id), batches.c.state == BatchState.RUNNING.value)
        async with self._database.write() as connection:
            change = update(batches).where(running).values(state=BatchState.STOPPED.value)
            return bool((await connection.execute(change)).rowcount)

    async def mark_delivered(self, batch_id: uuid.UUID, at: datetime) -> None:
        """The end was shown: the batch and its GENERATED jobs are DELIVERED, failed ones count as shown."""
        mine = jobs.c.batch_id == str(batch_id)
        done = {"state": JobState.DELIVERED.value, "ended_at": at}
        async with self._database.write() as connection:
            await _update(connection, jobs, and_(mine, jobs.c.state == JobState.GENERATED.value), done)
            await _update(connection, jobs, and_(mine, jobs.c.delivered_at.is_(None)), {"delivered_at": at})
            ended = {"state": BatchState.DELIVERED.value, "delivered_at": at}
            await _update(connection, batches, batches.c.id == str(batch_id), ended)

    # -- votes

    async def vote(self, batch_id: uuid.UUID, user_id: int, workflow: int) -> None:
        """One vote of each person; a later one replaces it."""
        key = {"batch_id": str(batch_id), "user_id": user_id}
        values = {"workflow": workflow, "voted_at": datetime.now(UTC)}
        mine = and_(batch_votes.c.batch_id == str(batch_id), batch_votes.c.user_id == user_id)
        async with self._database.write() as connection:
            if not (await connection.execute(update(batch_votes).where(mine).values(values))).rowcount:
                await connection.execute(insert(batch_votes).values(key | values))

    async def votes(self, batch_id: uuid.UUID) -> dict[int, int]:
        """How many people voted for each workflow of the comparison, by its place in the plan."""
        counted = select(batch_votes.c.workflow, func.count()).where(batch_votes.c.batch_id == str(batch_id))
        async with self._database.read() as connection:
            rows = (await connection.execute(counted.group_by(batch_votes.c.workflow))).all()
        return {int(workflow): int(count) for workflow, count in rows}

    async def vote_totals(self, *, guild_id: int | None, channel_id: int | None) -> list[Vote]:
        """Votes by workflow, most first, of a whole server; without a server, of a channel."""
        scope = batches.c.guild_id == guild_id if guild_id is not None else batches.c.channel_id == channel_id
        voted = exists().where(batch_votes.c.batch_id == batches.c.id)
        # Only the names: the prompts of a plan may be long, and thousands of comparisons are counted at once.
        names_of = select(batches.c.id, batches.c.plan["workflows"]).where(scope, voted)
        counted = (
            select(batch_votes.c.batch_id, batch_votes.c.workflow, func.count())
            .join(batches, batches.c.id == batch_votes.c.batch_id)
            .where(scope)
            .group_by(batch_votes.c.batch_id, batch_votes.c.workflow)
        )
        async with self._database.read() as connection:
            compared_names = {
                batch_id: [name or "default" for name in names]
                for batch_id, names in (await connection.execute(names_of)).all()
            }
            rows = (await connection.execute(counted)).all()
        compared = Counter(name for names in compared_names.values() for name in set(names))
        votes = Counter[str]()
        for batch_id, chosen, count in rows:
            votes[compared_names[batch_id][int(chosen)]] += int(count)
        found = [
            Vote(workflow_name=name, votes=votes[name], comparisons=comparisons)
            for name, comparisons in compared.items()
        ]
        return sorted(found, key=lambda vote: (-vote.votes, vote.workflow_name))

    async def _batches(self, query: Select[Any]) -> list[Batch]:
        async with self._database.read() as connection:
            return read_mappings(await connection.execute(query), _value, "batches")


async def _update(connection: AsyncConnection, table: Any, which: Any, values: dict[str, Any]) -> None:
    await connection.execute(update(table).where(which).values(values))


def _row(batch: Batch, owner: str) -> dict[str, Any]:
    request = batch.request
    return {
        "id": str(batch.id),
        "owner": owner,
        "state": batch.state.value,
        "requester_id": request.requester_id,
        "guild_id": request.origin.guild_id,
        "channel_id": request.origin.channel_id,
        "request": request.model_dump(mode="json"),
        "plan": batch.plan.model_dump(mode="json"),
        "total": batch.total,
        "created_at": batch.created_at,
        "delivered_at": batch.delivered_at,
    }


def _value(row: RowMapping) -> Batch:
    return Batch(
        id=uuid.UUID(row["id"]),
        request=GenerationRequest.model_validate(row["request"]),
        plan=BatchPlan.model_validate(row["plan"]),
        total=row["total"],
        state=BatchState(row["state"]),
        created_at=row["created_at"],
        delivered_at=row["delivered_at"],
    )
