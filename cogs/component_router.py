"""Presses of buttons and submitted modals, given to the cog that handles their custom id.

Works for messages and modals that an earlier process sent, because nothing about them is kept in memory.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import discord
from discord.ext import commands

from bot.discord_client.bot import ChorusTree
from bot.errors import NotAllowed
from bot.storage.waiting import limit_interaction
from cogs.actors import interaction_actor
from cogs.ui.errors import reply_error

if TYPE_CHECKING:
    from bot.discord_client.bot import ChorusBot
    from bot.errors import ChorusError

Handler = Callable[["discord.Interaction[ChorusBot]", re.Match[str]], Awaitable[None]]
"""What a press or a submitted modal does; `match` is of the custom id. A `ChorusError` is told to the person."""

_HANDLED = {discord.InteractionType.component, discord.InteractionType.modal_submit}


class ComponentRouter(commands.Cog):
    """Finds the handler of a custom id. Every failure of a handler becomes the one error reply."""

    def __init__(self) -> None:
        self._handlers: list[tuple[re.Pattern[str], Handler]] = []

    def add(self, pattern: str, handler: Handler) -> None:
        """Call `handler` for custom ids that match the whole pattern."""
        self._handlers.append((re.compile(pattern), handler))

    @commands.Cog.listener()
    async def on_interaction(self, interaction: discord.Interaction[ChorusBot]) -> None:
        """discord.py dispatches this event for every interaction."""
        if interaction.type not in _HANDLED or interaction.data is None:
            return
        data: Any = interaction.data
        custom_id = str(data.get("custom_id", ""))
        for pattern, handler in self._handlers:
            match = pattern.fullmatch(custom_id)
            if match is None:
                continue
            limit_interaction()
            try:
                _require_not_refused(interaction)
                await handler(interaction, match)
            except Exception as error:  # noqa: BLE001 - the boundary of a press: every failure becomes the one reply
                await reply_error(interaction, error)
            return


def _require_not_refused(interaction: discord.Interaction[ChorusBot]) -> None:
    if (refusal := refusal_of(interaction)) is not None:
        raise refusal


def refusal_of(interaction: discord.Interaction[ChorusBot]) -> ChorusError | None:
    """Why the person may use nothing at all here; None: they may."""
    try:
        interaction.client.services.policy.require_not_blocked(interaction_actor(interaction))
    except NotAllowed as refusal:
        return refusal
    return None


def router_of(bot: ChorusBot) -> ComponentRouter:
    """The bot's router, for cogs loaded after it."""
    cog = bot.get_cog(ComponentRouter.__cog_name__)
    if not isinstance(cog, ComponentRouter):
        raise TypeError("cogs.component_router is not loaded")
    return cog


async def setup(bot: ChorusBot) -> None:
    """Called by the bot before it connects."""
    await bot.add_cog(ComponentRouter())
    if isinstance(bot.tree, ChorusTree):
        bot.tree.refusal_of = refusal_of
