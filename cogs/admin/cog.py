"""`/admin` and what its buttons and menus do."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, cast

import discord
from discord import app_commands
from discord.ext import commands

from bot.errors import InputInvalid
from bot.policy import Feature, FeatureRule, Quotas, SizeLimits
from bot.policy.blocked_words import clean_entries
from cogs.actors import interaction_actor
from cogs.admin.numbers import number_fields, read_numbers
from cogs.admin.panel import (
    BLOCK,
    CHANGE_NUMBERS,
    CHANGE_WORDS,
    CHANGES_SHOWN,
    CHOOSE,
    CHOOSE_LOG,
    HOME,
    LOG,
    NUMBERS_FORM,
    OPEN_PAGE,
    PAGES,
    PEOPLE,
    QUOTAS,
    SWITCH,
    WORDS,
    WORDS_FORM,
    PanelContent,
    panel_view,
)
from cogs.component_router import router_of
from cogs.ui.modals import Field, stateless_modal, submitted_values

if TYPE_CHECKING:
    from bot.discord_client.bot import ChorusBot

Interaction = discord.Interaction["ChorusBot"]
_FIELDS = {"roles": "role_ids", "users": "user_ids", "channels": "channel_ids"}


class AdminCog(commands.Cog, name="Admin"):
    """The panel keeps nothing in memory; every press asks anew whether the person may."""

    def __init__(self, bot: ChorusBot) -> None:
        self.bot = bot
        self._rules = bot.services.server_rules

    async def cog_load(self) -> None:
        """Register what the buttons and menus do."""
        router = router_of(self.bot)
        router.add(OPEN_PAGE, self._open_page)
        router.add(SWITCH, self._switch)
        router.add(CHOOSE, self._choose)
        router.add(CHANGE_NUMBERS, self._change_numbers)
        router.add(NUMBERS_FORM, self._set_numbers)
        router.add(CHANGE_WORDS, self._change_words)
        router.add(WORDS_FORM, self._set_words)
        router.add(BLOCK, self._block)
        router.add(CHOOSE_LOG, self._choose_log)

    @app_commands.command(name="admin", description="Who may do what in this server")
    @app_commands.guild_only()
    @app_commands.default_permissions(manage_guild=True)
    async def admin(self, interaction: Interaction) -> None:
        """Answers with the panel, for the person alone."""
        guild_id = self._guild_id(interaction)
        view = panel_view(await self._content(interaction, guild_id), HOME)
        await interaction.response.send_message(view=view, ephemeral=True)

    # -- menus and buttons

    async def _open_page(self, interaction: Interaction, _: re.Match[str]) -> None:
        page = next(iter(_chosen(interaction)), HOME)
        if page not in PAGES:
            raise InputInvalid("There is no such page.", advice="Open a new panel with `/admin`.")
        await self._show(interaction, self._guild_id(interaction), page)

    async def _switch(self, interaction: Interaction, match: re.Match[str]) -> None:
        """On or off."""
        guild_id, feature = self._guild_id(interaction), Feature(match["feature"])

        def change(rule: FeatureRule) -> FeatureRule:
            return rule.model_copy(update={"enabled": not rule.enabled})

        await self._rules.change_rule(guild_id, feature, change, by=interaction.user.id)
        await self._show(interaction, guild_id, feature.value)

    async def _choose(self, interaction: Interaction, match: re.Match[str]) -> None:
        """Roles, people or channels of a feature: those that are chosen now, and no others."""
        guild_id, feature, field = self._guild_id(interaction), Feature(match["feature"]), _FIELDS[match["what"]]
        ids = tuple(_chosen_ids(interaction))

        def change(rule: FeatureRule) -> FeatureRule:
            return rule.model_copy(update={field: ids})

        await self._rules.change_rule(guild_id, feature, change, by=interaction.user.id)
        await self._show(interaction, guild_id, feature.value)

    async def _change_numbers(self, interaction: Interaction, match: re.Match[str]) -> None:
        """The form with all quotas, or with all limits."""
        rules = self._rules.rules_of(self._guild_id(interaction))
        numbers = rules.quotas if match["page"] == QUOTAS else rules.limits
        custom_id = f"chorus:admin:form:{match['page']}"
        await interaction.response.send_modal(stateless_modal(PAGES[match["page"]], custom_id, number_fields(numbers)))

    async def _set_numbers(self, interaction: Interaction, match: re.Match[str]) -> None:
        guild_id = self._guild_id(interaction)
        numbers = read_numbers(Quotas if match["page"] == QUOTAS else SizeLimits, submitted_values(interaction))
        await self._rules.set_numbers(guild_id, numbers, by=interaction.user.id)
        await self._show(interaction, guild_id, match["page"])

    async def _change_words(self, interaction: Interaction, _: re.Match[str]) -> None:
        """The form with the block list."""
        words = self._rules.rules_of(self._guild_id(interaction)).blocked_words
        note = "A word or phrase in each line; * at an end stands for further letters"
        field = Field("words", "Blocked words", "\n".join(words), note=note, long=True)
        await interaction.response.send_modal(stateless_modal(PAGES[WORDS], WORDS_FORM, [field]))

    async def _set_words(self, interaction: Interaction, _: re.Match[str]) -> None:
        guild_id = self._guild_id(interaction)
        entries = clean_entries(submitted_values(interaction).get("words", "").splitlines())
        await self._rules.set_blocked_words(guild_id, entries, by=interaction.user.id)
        await self._show(interaction, guild_id, WORDS)

    async def _block(self, interaction: Interaction, _: re.Match[str]) -> None:
        """Block people, or let them in again. Nobody blocks themselves out."""
        guild_id, chosen = self._guild_id(interaction), _chosen_ids(interaction)
        if interaction.user.id in chosen:
            raise InputInvalid("You cannot block yourself.", advice="Choose other people.")
        await self._rules.toggle_blocked(guild_id, chosen, by=interaction.user.id)
        await self._show(interaction, guild_id, PEOPLE)

    async def _choose_log(self, interaction: Interaction, _: re.Match[str]) -> None:
        """The channel that the bot reports to; nothing chosen: none."""
        guild_id = self._guild_id(interaction)
        channel_id = next(iter(_chosen_ids(interaction)), None)
        if channel_id is not None and (interaction.guild is None or interaction.guild.get_channel(channel_id) is None):
            raise InputInvalid("I do not see that channel.", advice="Choose one that I may view.")
        await self._rules.set_log_channel(guild_id, channel_id, by=interaction.user.id)
        await self._show(interaction, guild_id, LOG)

    # -- showing

    def _guild_id(self, interaction: Interaction) -> int:
        """The server whose rules the person may see and change.

        Raises:
            NotAllowed: They may not.

        """
        actor = interaction_actor(interaction)
        self.bot.services.policy.require_may_administer(actor)
        return actor.channel.guild_id or 0

    async def _show(self, interaction: Interaction, guild_id: int, page: str) -> None:
        await interaction.response.edit_message(view=panel_view(await self._content(interaction, guild_id), page))

    async def _content(self, interaction: Interaction, guild_id: int) -> PanelContent:
        guild = interaction.guild
        known = [*guild.roles, *guild.channels, *guild.threads] if guild is not None else []
        return PanelContent(
            guild_id=guild_id,
            rules=self._rules,
            known_ids=frozenset(each.id for each in known),
            changes=await self._rules.changes(guild_id, CHANGES_SHOWN),
            reports=await self.bot.services.reports.recent(guild_id, CHANGES_SHOWN),
        )


def _chosen(interaction: Interaction) -> list[str]:
    data = cast("dict[str, Any]", interaction.data or {})
    return [str(value) for value in data.get("values") or ()]


def _chosen_ids(interaction: Interaction) -> list[int]:
    """The ids that were chosen in a menu.

    Raises:
        InputInvalid: An altered client sent something else.

    """
    chosen = _chosen(interaction)
    if not all(value.isdecimal() and len(value) < 20 for value in chosen):
        raise InputInvalid("Those are no ids of Discord.")
    return [int(value) for value in dict.fromkeys(chosen)]
