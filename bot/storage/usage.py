"""What counts against quotas, read from the rows of jobs inside the transaction that adds further ones.

There is no counter beside the jobs: a job that fails or is cancelled stops to count by that, and a crash can neither
lose a count nor leave one too many.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, and_, func, select, true
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.jobs import JobState
from bot.policy import WINDOW, Demand, QuotaLimit, QuotaUnit, Scope, UsedQuota, require_cooled_down, require_quota
from bot.storage.schema import jobs

_REFUNDED = (JobState.FAILED.value, JobState.CANCELLED.value)


async def require_room(connection: AsyncConnection, demand: Demand) -> None:
    """What is demanded fits into every quota, and the last wish is long enough ago.

    Args:
        connection: In a writing transaction, so that nothing is accepted between the count and the new rows.
        demand: What is to be accepted.

    Raises:
        QuotaReached: A quota is used up.
        TooManyRequests: A cooldown is not over.

    """
    if not demand.pieces:
        return
    now = datetime.now(UTC)
    for cooldown in demand.cooldowns:
        last = await _last_wish(connection, cooldown.scope, now - timedelta(seconds=cooldown.seconds))
        require_cooled_down(cooldown, last, now)
    for limit in demand.limits:
        if not await _fits(connection, limit, demand, now):
            require_quota(limit, demand, await _used(connection, limit.scope, now), now)


async def _fits(connection: AsyncConnection, limit: QuotaLimit, demand: Demand, now: datetime) -> bool:
    """Whether it surely fits, by the sum alone."""
    column = jobs.c.quota_pieces if limit.unit is QuotaUnit.PIECES else _SECONDS
    total = (await connection.execute(select(func.sum(column)).where(_counts(limit.scope, now)))).scalar() or 0
    wanted = demand.pieces if limit.unit is QuotaUnit.PIECES else demand.seconds
    return total < limit.limit and total + wanted <= limit.limit


async def _used(connection: AsyncConnection, scope: Scope, now: datetime) -> list[UsedQuota]:
    columns = (jobs.c.created_at, jobs.c.quota_pieces, _SECONDS)
    rows = await connection.execute(select(*columns).where(_counts(scope, now)).order_by(jobs.c.number))
    return [UsedQuota(at=at, pieces=pieces, seconds=seconds) for at, pieces, seconds in rows]


async def _last_wish(connection: AsyncConnection, scope: Scope, since: datetime) -> datetime | None:
    """When the newest wish was accepted. What failed or belongs to a turn does not count, what was cancelled does."""
    counts = and_(jobs.c.created_at > since, jobs.c.state != JobState.FAILED.value, jobs.c.quota_pieces > 0)
    query = select(func.max(jobs.c.created_at)).where(counts, jobs.c.message_id.is_(None), _in(scope))
    return (await connection.execute(query)).scalar()


_SECONDS = func.coalesce(jobs.c.execution_seconds, jobs.c.quota_seconds, 0.0)


def _counts(scope: Scope, now: datetime) -> ColumnElement[bool]:
    return and_(jobs.c.created_at > now - WINDOW, jobs.c.state.not_in(_REFUNDED), _in(scope))


def _in(scope: Scope) -> ColumnElement[bool]:
    person = jobs.c.requester_id == scope.requester_id if scope.requester_id is not None else true()
    guild = jobs.c.guild_id == scope.guild_id if scope.guild_id is not None else true()
    return and_(person, guild)
