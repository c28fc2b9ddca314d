"""How much people and servers may have made in 24 hours, and how soon after each other. Pure: decisions over values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from bot.domain.value import Value
from bot.errors import QuotaReached, TooManyRequests

WINDOW: Final = timedelta(hours=24)


class QuotaUnit(StrEnum):
    """What is counted."""

    PIECES = "pieces"
    """Pictures, films and speeches."""
    SECONDS = "seconds"
    """Of a GPU: as executed; while the job waits or runs, as the workflow's earlier executions let expect."""


class Quotas(Value):
    """The quotas of a server, or those of `config.yaml` for all servers; None: no quota.

    Attributes:
        pieces_per_person: In 24 hours.
        gpu_seconds_per_person: In 24 hours.
        pieces_per_server: In 24 hours, of everybody there.
        gpu_seconds_per_server: In 24 hours, of everybody there.
        cooldown_seconds: Between two wishes of one person; a batch is one, speech of a conversation none.

    """

    pieces_per_person: int | None = None
    gpu_seconds_per_person: float | None = None
    pieces_per_server: int | None = None
    gpu_seconds_per_server: float | None = None
    cooldown_seconds: float | None = None


@dataclass(frozen=True, kw_only=True)
class Scope:
    """Whose jobs are counted together; None: of everybody, in every server and in direct messages."""

    requester_id: int | None = None
    guild_id: int | None = None


@dataclass(frozen=True, kw_only=True)
class QuotaLimit:
    """One number that may not be exceeded within `WINDOW`.

    Attributes:
        rule: What people read.
        scope: Whose jobs count.
        unit: What is counted.
        limit: The most.

    """

    rule: str
    scope: Scope
    unit: QuotaUnit
    limit: float


@dataclass(frozen=True, kw_only=True)
class Cooldown:
    """The shortest time between two wishes."""

    rule: str
    scope: Scope
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Demand:
    """What is to be accepted: one job, or all jobs of a batch.

    Attributes:
        pieces: How many pictures, films or speeches.
        seconds: Expected of a GPU.
        limits: Every quota that holds for it.
        cooldowns: Likewise.

    """

    pieces: int
    seconds: float
    limits: Sequence[QuotaLimit] = ()
    cooldowns: Sequence[Cooldown] = ()


@dataclass(frozen=True, kw_only=True)
class UsedQuota:
    """A job that counts: neither failed nor cancelled."""

    at: datetime
    pieces: int
    seconds: float


def limits_for(requester_id: int, guild_id: int | None, *, host: Quotas, server: Quotas) -> list[QuotaLimit]:
    """Every quota that holds for a request there.

    Args:
        requester_id: Who asks; 0: nobody in particular, so that quotas of people do not count.
        guild_id: Where; None: in direct messages.
        host: Of `config.yaml`: a person's count everywhere together, a server's for each server.
        server: Of the server, for what is asked for there.

    """
    found: list[QuotaLimit] = []
    for quotas, whose in ((host, "of this bot"), (server, "of this server")):
        here = None if quotas is host else guild_id
        if requester_id:
            person = Scope(requester_id=requester_id, guild_id=here)
            found += _pair(quotas.pieces_per_person, quotas.gpu_seconds_per_person, f"each person {whose}", person)
        if guild_id is not None:
            everybody = Scope(guild_id=guild_id)
            found += _pair(
                quotas.pieces_per_server, quotas.gpu_seconds_per_server, f"a whole server {whose}", everybody
            )
    return found


def cooldowns_for(requester_id: int, guild_id: int | None, *, host: Quotas, server: Quotas) -> list[Cooldown]:
    """Every cooldown that holds for a request there; arguments as of `limits_for`."""
    if not requester_id:
        return []
    found = [("of this bot", host.cooldown_seconds, None), ("of this server", server.cooldown_seconds, guild_id)]
    return [
        Cooldown(rule=f"cooldown {whose}", scope=Scope(requester_id=requester_id, guild_id=where), seconds=seconds)
        for whose, seconds, where in found
        if seconds
    ]


def require_quota(limit: QuotaLimit, demand: Demand, used: Sequence[UsedQuota], now: datetime) -> None:
    """What is demanded fits into what is left of a quota.

    Args:
        limit: The quota.
        demand: What is to be accepted.
        used: What counted since `now - WINDOW`, oldest first.
        now: The present.

    Raises:
        QuotaReached: It does not; says from when on it will.

    """
    wanted = _amount(limit.unit, demand.pieces, demand.seconds)
    amounts = [(each.at, _amount(limit.unit, each.pieces, each.seconds)) for each in used]
    total = sum(amount for _, amount in amounts)
    # GPU seconds that were never learned are expected as 0: something must be left to begin with.
    if total + wanted <= limit.limit and total < limit.limit:
        return
    shown = f"{limit.limit:g} {_WORDS[limit.unit]} in 24 hours for {limit.rule}"
    if wanted > limit.limit:
        raise QuotaReached(f"That is more than the quota allows at once: {shown}.", advice="Ask for less.")
    until = now + WINDOW
    for at, amount in amounts:
        total -= amount
        until = at + WINDOW
        if total + wanted <= limit.limit and total < limit.limit:
            break
    raise QuotaReached(f"The quota is used up: {shown}. There is room again {relative_time(until)}.")


def require_cooled_down(cooldown: Cooldown, last: datetime | None, now: datetime) -> None:
    """The person's last wish is long enough ago.

    Raises:
        TooManyRequests: It is not; says from when on it will be.

    """
    until = None if last is None else last + timedelta(seconds=cooldown.seconds)
    if until is not None and until > now:
        raise TooManyRequests(
            f"One wish in {cooldown.seconds:g} seconds ({cooldown.rule}): the next one {relative_time(until)}.",
            advice="Nothing was accepted; ask again then.",
        )


def relative_time(at: datetime) -> str:
    """A moment that Discord shows as "in 5 minutes", never too early."""
    return f"<t:{int(at.timestamp()) + 1}:R>"


_WORDS = {QuotaUnit.PIECES: "pieces", QuotaUnit.SECONDS: "GPU seconds"}


def _amount(unit: QuotaUnit, pieces: int, seconds: float) -> float:
    return pieces if unit is QuotaUnit.PIECES else seconds


def _pair(pieces: float | None, seconds: float | None, rule: str, scope: Scope) -> list[QuotaLimit]:
    units = ((QuotaUnit.PIECES, pieces), (QuotaUnit.SECONDS, seconds))
    return [QuotaLimit(rule=rule, scope=scope, unit=unit, limit=limit) for unit, limit in units if limit is not None]
