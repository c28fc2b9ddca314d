"""The rules that people with Manage Server set for their server by `/admin`, as values of `bot.policy`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from bot.domain.setting_changes import SettingChange
from bot.policy import Feature, FeatureRule, Quotas, Rules, SizeLimits
from bot.storage.guild_settings import GuildSettings

BLOCKED_PEOPLE: Final = "access:blocked"
LOG_CHANNEL: Final = "log_channel_id"
"""The key of the channel that the bot reports to: a Discord id."""
BLOCKED_WORDS: Final = "blocked_words"
QUOTAS: Final = "quotas"
LIMITS: Final = "limits"
MOST_BLOCKED: Final = 1000


def feature_key(feature: Feature) -> str:
    """The key under which the rule of a feature is kept."""
    return f"access:{feature}"


class ServerRules:
    """Reads and changes them. Every change is recorded with who made it.

    Args:
        settings: The stored settings.

    """

    def __init__(self, settings: GuildSettings) -> None:
        self._settings = settings
        self._changing = asyncio.Lock()

    def rules_of(self, guild_id: int | None) -> Rules:
        """Who may use what; in direct messages everybody everything."""
        if guild_id is None:
            return Rules()
        features = {feature: self.rule(guild_id, feature) for feature in Feature}
        return Rules(
            features=features,
            blocked_user_ids=tuple(self._settings.get(guild_id, BLOCKED_PEOPLE) or ()),
            quotas=Quotas.model_validate(self._settings.get(guild_id, QUOTAS) or {}),
            blocked_words=tuple(self._settings.get(guild_id, BLOCKED_WORDS) or ()),
            limits=SizeLimits.model_validate(self._settings.get(guild_id, LIMITS) or {}),
        )

    def rule(self, guild_id: int, feature: Feature) -> FeatureRule:
        """The rule of one feature; without one everybody may."""
        return FeatureRule.model_validate(self._settings.get(guild_id, feature_key(feature)) or {})

    def log_channel_id(self, guild_id: int) -> int | None:
        """The channel that the bot reports to."""
        return self._settings.get(guild_id, LOG_CHANNEL)

    async def change_rule(
        self, guild_id: int, feature: Feature, change: Callable[[FeatureRule], FeatureRule], *, by: int
    ) -> None:
        """Replace the rule of a feature with what `change` makes of it."""
        async with self._changing:
            before = self.rule(guild_id, feature)
            after = change(before)
            if after != before:
                value = after.model_dump(mode="json", exclude_defaults=True)
                await self._settings.set(guild_id, feature_key(feature), value, set_by=by, audited=True)

    async def toggle_blocked(self, guild_id: int, user_ids: list[int], *, by: int) -> None:
        """Block those of the people who are not blocked, and let the others in again; the oldest go past 1000."""
        async with self._changing:
            before: list[int] = self._settings.get(guild_id, BLOCKED_PEOPLE) or []
            after = [each for each in before if each not in user_ids]
            after += [each for each in user_ids if each not in before]
            await self._settings.set(guild_id, BLOCKED_PEOPLE, after[-MOST_BLOCKED:], set_by=by, audited=True)

    async def set_log_channel(self, guild_id: int, channel_id: int | None, *, by: int) -> None:
        """Report to that channel; None: to none."""
        async with self._changing:
            if channel_id is None:
                await self._settings.clear(guild_id, LOG_CHANNEL, set_by=by, audited=True)
            elif channel_id != self.log_channel_id(guild_id):
                await self._settings.set(guild_id, LOG_CHANNEL, channel_id, set_by=by, audited=True)

    async def set_blocked_words(self, guild_id: int, entries: tuple[str, ...], *, by: int) -> None:
        """Replace the block list of prompts."""
        async with self._changing:
            if list(entries) != (self._settings.get(guild_id, BLOCKED_WORDS) or []):
                await self._settings.set(guild_id, BLOCKED_WORDS, list(entries), set_by=by, audited=True)

    async def set_numbers(self, guild_id: int, numbers: Quotas | SizeLimits, *, by: int) -> None:
        """Replace all quotas, or all limits."""
        key = QUOTAS if isinstance(numbers, Quotas) else LIMITS
        async with self._changing:
            before: dict[str, float] = self._settings.get(guild_id, key) or {}
            after = numbers.model_dump(mode="json", exclude_none=True)
            if after != before:
                await self._settings.set(guild_id, key, after, set_by=by, audited=True)

    async def changes(self, guild_id: int, limit: int) -> list[SettingChange]:
        """The newest changes, newest first."""
        return await self._settings.changes(guild_id, limit)
