"""Who may do what. Every command, button, reaction, menu, modal and listener asks `Policy`; no other code decides it.

Pure: decisions over values. `cogs.actors` makes an `Actor` of an interaction, a reaction or a message.
"""

from bot.policy.access import Feature, FeatureRule, Member, Rules, RuleSet
from bot.policy.actor import Actor, Permission, SeesChannel
from bot.policy.limits import SizeLimits
from bot.policy.members import KnownMembers
from bot.policy.policy import Policy
from bot.policy.quotas import (
    WINDOW,
    Cooldown,
    Demand,
    QuotaLimit,
    Quotas,
    QuotaUnit,
    Scope,
    UsedQuota,
    require_cooled_down,
    require_quota,
)

__all__ = [
    "WINDOW",
    "Actor",
    "Cooldown",
    "Demand",
    "Feature",
    "FeatureRule",
    "KnownMembers",
    "Member",
    "Permission",
    "Policy",
    "QuotaLimit",
    "QuotaUnit",
    "Quotas",
    "RuleSet",
    "Rules",
    "Scope",
    "SeesChannel",
    "SizeLimits",
    "UsedQuota",
    "require_cooled_down",
    "require_quota",
]
