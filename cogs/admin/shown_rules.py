"""Rules and their changes as lines of text."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import discord

from bot.policy import Feature, FeatureRule, Quotas, SizeLimits
from bot.storage.server_rules import BLOCKED_PEOPLE, BLOCKED_WORDS, LIMITS, LOG_CHANNEL, QUOTAS, feature_key
from cogs.admin.numbers import number_summary
from cogs.ui.text import clip, escaped, quote_prompt

if TYPE_CHECKING:
    from bot.domain.reports import Report
    from bot.domain.setting_changes import SettingChange

_SHOWN_IDS = 8


def rule_line(feature: Feature, rule: FeatureRule) -> str:
    """Who may use a feature, and where."""
    return f"**{feature.label}**: {_rule(feature, rule)}"


def change_line(change: SettingChange) -> str:
    """Who changed what, when, and what it was before."""
    when = discord.utils.format_dt(change.changed_at, "R")
    who = f"<@{change.changed_by}>" if change.changed_by else "somebody"
    name = _NAMES.get(change.key, change.key)
    return (
        f"{when} {who} · **{escaped(name)}**: {_value(change.key, change.before)} → {_value(change.key, change.after)}"
    )


def report_line(report: Report) -> str:
    """Who reported what, when, and why."""
    when = discord.utils.format_dt(report.created_at, "R")
    return f"{when} <@{report.reporter_id}>: {report.link} {quote_prompt(report.reason, 120)}"


_FEATURES = {feature_key(feature): feature for feature in Feature}
_NAMES = {
    BLOCKED_PEOPLE: "Blocked people",
    LOG_CHANNEL: "Log channel",
    BLOCKED_WORDS: "Blocked words",
    QUOTAS: "Quotas",
    LIMITS: "Limits",
    **{key: feature.label for key, feature in _FEATURES.items()},
}


def _rule(feature: Feature, rule: FeatureRule) -> str:
    if not rule.enabled:
        return "switched off"
    people = [f"<@&{role_id}>" for role_id in rule.role_ids] + [f"<@{user_id}>" for user_id in rule.user_ids]
    needs_manager = feature in {Feature.UPLOAD, Feature.FILES}
    words = "Manage Server" if needs_manager else "everybody"
    if people:
        words = f"{'Manage Server, ' if needs_manager else ''}{_few(people)}"
    return f"{words} in {_few([f'<#{each}>' for each in rule.channel_ids])}" if rule.channel_ids else words


def _few(mentions: list[str]) -> str:
    more = len(mentions) - _SHOWN_IDS
    return " ".join(mentions[:_SHOWN_IDS]) + (f" and {more} more" if more > 0 else "")


def _value(key: str, value: Any) -> str:
    if key in _FEATURES:
        return _rule(_FEATURES[key], FeatureRule.model_validate(value or {}))
    if key == BLOCKED_PEOPLE:
        return _few([f"<@{each}>" for each in value or ()]) or "nobody"
    if key == LOG_CHANNEL:
        return f"<#{value}>" if value else "none"
    if key == BLOCKED_WORDS:
        return f"{len(value)} entries" if value else "none"
    if key in {QUOTAS, LIMITS}:
        kind = Quotas if key == QUOTAS else SizeLimits
        return number_summary(kind.model_validate(value or {}))
    return clip(escaped(json.dumps(value)), 100)
