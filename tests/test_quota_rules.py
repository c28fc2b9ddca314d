"""Quotas, cooldowns and access rules as pure decisions."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.channels import Channel
from bot.errors import QuotaReached, TooManyRequests
from bot.policy import (
    WINDOW,
    Cooldown,
    Demand,
    Feature,
    FeatureRule,
    Member,
    QuotaLimit,
    Quotas,
    QuotaUnit,
    Rules,
    RuleSet,
    Scope,
    UsedQuota,
    require_cooled_down,
    require_quota,
)
from bot.policy.quotas import cooldowns_for, limits_for

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
ROOM = Channel(guild_id=1, channel_id=10)


def pieces(limit: float) -> QuotaLimit:
    return QuotaLimit(rule="each person", scope=Scope(requester_id=1), unit=QuotaUnit.PIECES, limit=limit)


used_jobs = st.lists(
    st.tuples(st.integers(0, 86_399), st.integers(0, 5)).map(
        lambda each: UsedQuota(at=NOW - timedelta(seconds=each[0]), pieces=each[1], seconds=0.0)
    ),
    max_size=30,
).map(lambda jobs: sorted(jobs, key=lambda job: job.at))


@given(used=used_jobs, limit=st.integers(1, 40), wanted=st.integers(1, 40))
def test_a_quota_is_never_exceeded_and_tells_the_moment_from_which_there_is_room(
    used: list[UsedQuota], limit: int, wanted: int
) -> None:
    demand, total = Demand(pieces=wanted, seconds=0.0), sum(each.pieces for each in used)
    if total + wanted <= limit:
        require_quota(pieces(limit), demand, used, NOW)
        return
    with pytest.raises(QuotaReached) as refusal:
        require_quota(pieces(limit), demand, used, NOW)
    moment = re.search(r"<t:(\d+):R>", refusal.value.message)
    if wanted > limit:
        assert moment is None, "it will never fit"
        return
    assert moment is not None
    then = datetime.fromtimestamp(int(moment[1]), UTC)
    left = [each for each in used if each.at > then - WINDOW]
    require_quota(pieces(limit), demand, left, then)
    # Not more than two seconds earlier: the moment is exact.
    earlier = then - timedelta(seconds=2)
    still = [each for each in used if each.at > earlier - WINDOW]
    with pytest.raises(QuotaReached):
        require_quota(pieces(limit), demand, still, earlier)


def test_unknown_seconds_need_something_left() -> None:
    limit = QuotaLimit(rule="x", scope=Scope(), unit=QuotaUnit.SECONDS, limit=10)
    require_quota(limit, Demand(pieces=1, seconds=0.0), [UsedQuota(at=NOW, pieces=1, seconds=9.9)], NOW)
    with pytest.raises(QuotaReached):
        require_quota(limit, Demand(pieces=1, seconds=0.0), [UsedQuota(at=NOW, pieces=1, seconds=10.0)], NOW)


def test_a_cooldown_says_when_the_next_wish_is_taken() -> None:
    cooldown = Cooldown(rule="cooldown", scope=Scope(), seconds=30)
    require_cooled_down(cooldown, None, NOW)
    require_cooled_down(cooldown, NOW - timedelta(seconds=30), NOW)
    with pytest.raises(TooManyRequests) as refusal:
        require_cooled_down(cooldown, NOW - timedelta(seconds=29), NOW)
    assert f"<t:{int(NOW.timestamp()) + 2}:R>" in refusal.value.message


def test_which_quotas_hold() -> None:
    host = Quotas(pieces_per_person=5, pieces_per_server=50, cooldown_seconds=2)
    server = Quotas(pieces_per_person=3, gpu_seconds_per_server=600, cooldown_seconds=9)
    found = {(each.scope.requester_id, each.scope.guild_id, each.unit.value, each.limit) for each in
             limits_for(7, 1, host=host, server=server)}  # fmt: skip
    assert found == {(7, None, "pieces", 5), (None, 1, "pieces", 50), (7, 1, "pieces", 3), (None, 1, "seconds", 600)}
    assert {each.scope.guild_id for each in cooldowns_for(7, 1, host=host, server=server)} == {None, 1}
    # Nobody in particular: what is of people does not count. In direct messages nothing is of a server.
    assert {each.scope.requester_id for each in limits_for(0, 1, host=host, server=server)} == {None}
    assert cooldowns_for(0, 1, host=host, server=server) == []
    assert [each.scope for each in limits_for(7, None, host=host, server=Quotas())] == [Scope(requester_id=7)]


@given(
    enabled=st.booleans(),
    roles=st.sets(st.integers(1, 4)),
    users=st.sets(st.integers(1, 4)),
    channels=st.sets(st.integers(10, 12)),
    own_roles=st.sets(st.integers(1, 4)),
    parent=st.sampled_from([None, 10, 11]),
    manages=st.booleans(),
    by_host=st.booleans(),
)
def test_a_feature_is_open_exactly_to_whom_its_rule_names(  # noqa: PLR0917 - what Hypothesis draws
    enabled: bool,
    roles: set[int],
    users: set[int],
    channels: set[int],
    own_roles: set[int],
    parent: int | None,
    manages: bool,
    by_host: bool,
) -> None:
    rule = FeatureRule(enabled=enabled, role_ids=tuple(roles), user_ids=tuple(users), channel_ids=tuple(channels))
    rules = Rules(features={Feature.DRAW: rule})
    member = Member(user_id=3, role_ids=frozenset(own_roles), manages_guild=manages)
    where = Channel(guild_id=1, channel_id=12, parent_id=parent)
    refusal = RuleSet(host=rules if by_host else Rules(), server=Rules() if by_host else rules).refusal(
        Feature.DRAW, member, where
    )
    named = not (roles or users) or 3 in users or bool(roles & own_roles)
    placed = not channels or 12 in channels or parent in channels
    bypasses = manages and not by_host
    assert (refusal is None) == (enabled and (bypasses or (named and placed)))
    if refusal is not None:
        assert "Rule: Pictures" in refusal.advice
