"""Buttons under a character's turn: stepping through its alternatives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import discord

from bot.errors import InputInvalid, NotAllowed
from cogs.ui.items import ChorusItem
from cogs.ui.result_buttons import SpeakButton
from cogs.ui.views import DynamicView

if TYPE_CHECKING:
    import re

    from bot.discord_client.bot import ChorusBot
    from bot.domain.conversations import Message

_TEMPLATE = r"chorus:alternative:(?P<turn>[0-9a-f-]{36}):(?P<n>\d{1,4})"


class AlternativeButton(ChorusItem, template=_TEMPLATE):
    """Shows another alternative of the turn, and makes it the one in the history."""

    def __init__(self, turn_id: str, n: int, label: str = "", *, disabled: bool = False) -> None:
        self.turn_id = turn_id
        self.n = n
        button: discord.ui.Button[Any] = discord.ui.Button(
            label=label or "…",
            style=discord.ButtonStyle.secondary,
            disabled=disabled,
            custom_id=f"chorus:alternative:{turn_id}:{n}",
        )
        super().__init__(button)

    @classmethod
    async def from_custom_id(
        cls,
        interaction: discord.Interaction[Any],  # noqa: ARG003 - discord.py's signature
        item: discord.ui.Item[Any],  # noqa: ARG003
        match: re.Match[str],
        /,
    ) -> Self:
        """Called by discord.py for a press."""
        return cls(match["turn"], int(match["n"]))

    async def press(self, interaction: discord.Interaction[ChorusBot]) -> None:
        """Anyone who may write here; the message itself is the answer."""
        if interaction.guild_id is not None and not interaction.permissions.send_messages:
            raise NotAllowed("Only people who may write here can choose.", advice="Ask somebody who may.")
        await interaction.response.defer()
        shown = await interaction.client.services.conversations.show_alternative(self.turn_id, self.n)
        if shown is None:
            raise InputInvalid("That answer no longer exists.", advice="Ask for a new one with 🔁.")


def turn_view(turn: Message, *, can_speak: bool = False) -> DynamicView | None:
    """`◀ 2 / 3 ▶` under a turn with more than one alternative, and Speak where its character has a voice.

    A turn with one answer has no buttons: a conversation should look like one.
    """
    numbers = [alternative.n for alternative in turn.alternatives]
    if len(numbers) < 2:
        return None
    place = numbers.index(turn.shown_alternative)
    last = len(numbers) - 1
    return DynamicView(
        AlternativeButton(turn.id, numbers[max(place - 1, 0)], "◀", disabled=place == 0),
        _counter(turn.id, place + 1, len(numbers)),
        AlternativeButton(turn.id, numbers[min(place + 1, last)], "▶", disabled=place == last),
        *([SpeakButton(turn.id)] if can_speak else []),
    )


def _counter(turn_id: str, place: int, count: int) -> AlternativeButton:
    # A custom id of its own: Discord refuses two components with the same one.
    return AlternativeButton(turn_id, 9999, f"{place} / {count}", disabled=True)
