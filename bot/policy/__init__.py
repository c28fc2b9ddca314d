"""Who may do what. Every command, button, reaction, menu, modal and listener asks `Policy`; no other code decides it.

Pure: decisions over values. `cogs.actors` makes an `Actor` of an interaction, a reaction or a message.
"""

from bot.policy.access import AccessRules, Feature, FeatureRule, Member, RuleSet
from bot.policy.actor import Actor, Permission, SeesChannel
from bot.policy.members import KnownMembers
from bot.policy.policy import Policy

__all__ = [
    "AccessRules",
    "Actor",
    "Feature",
    "FeatureRule",
    "KnownMembers",
    "Member",
    "Permission",
    "Policy",
    "RuleSet",
    "SeesChannel",
]
