"""The gallery's buttons: open a numbered item, turn pages, jump to a date."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Self

import discord

from cogs.gallery._state import PATTERN, PLACE_PATTERN, Filters, Place
from cogs.ui.items import ChorusItem
from cogs.ui.modals import Field, stateless_modal

if TYPE_CHECKING:
    import re

    from bot.discord_client.bot import ChorusBot
    from cogs.gallery import GalleryCog

NAVIGATION_ROW = 4
JUMPED: Final = rf"chorus:gd:{PATTERN}"


def gallery_of(bot: ChorusBot) -> GalleryCog:
    """The cog that does it."""
    from cogs.gallery import gallery_of as find  # noqa: PLC0415 - it imports these buttons

    return find(bot)


class ItemButton(ChorusItem, template=r"chorus:gi:(?P<item>\d{1,19})"):
    """Opens one item."""

    def __init__(self, item_id: int, number: int = 0, *, row: int | None = None) -> None:
        self.item_id = item_id
        button: discord.ui.Button[Any] = discord.ui.Button(
            label=str(number), style=discord.ButtonStyle.secondary, custom_id=f"chorus:gi:{item_id}", row=row
        )
        super().__init__(button, row=row)

    @classmethod
    async def from_custom_id(
        cls,
        interaction: discord.Interaction[Any],  # noqa: ARG003 - discord.py's signature
        item: discord.ui.Item[Any],  # noqa: ARG003
        match: re.Match[str],
        /,
    ) -> Self:
        """Called by discord.py for a press."""
        return cls(int(match["item"]))

    async def press(self, interaction: discord.Interaction[ChorusBot]) -> None:
        """Only where the person may see it still."""
        await gallery_of(interaction.client).open_item(interaction, self.item_id)


class PageButton(ChorusItem, template=rf"chorus:gp:{PLACE_PATTERN}:{PATTERN}"):
    """Turns to another page."""

    def __init__(self, filters: Filters, place: Place, label: str = "…", *, disabled: bool = False) -> None:
        self.filters = filters
        self.place = place
        button: discord.ui.Button[Any] = discord.ui.Button(
            label=label,
            style=discord.ButtonStyle.primary,
            disabled=disabled,
            custom_id=f"chorus:gp:{place.packed}:{filters.packed}",
            row=NAVIGATION_ROW,
        )
        super().__init__(button, row=NAVIGATION_ROW)

    @classmethod
    async def from_custom_id(
        cls,
        interaction: discord.Interaction[Any],  # noqa: ARG003 - discord.py's signature
        item: discord.ui.Item[Any],  # noqa: ARG003
        match: re.Match[str],
        /,
    ) -> Self:
        """Called by discord.py for a press."""
        return cls(Filters.of(match), Place.of(match["place"]))

    async def press(self, interaction: discord.Interaction[ChorusBot]) -> None:
        """The message itself shows the other page."""
        await gallery_of(interaction.client).turn_to(interaction, self.filters, self.place)


class JumpButton(ChorusItem, template=rf"chorus:gj:{PATTERN}"):
    """Asks for a date."""

    def __init__(self, filters: Filters) -> None:
        self.filters = filters
        button: discord.ui.Button[Any] = discord.ui.Button(
            label="Jump",
            emoji="📅",
            style=discord.ButtonStyle.primary,
            custom_id=f"chorus:gj:{filters.packed}",
            row=NAVIGATION_ROW,
        )
        super().__init__(button, row=NAVIGATION_ROW)

    @classmethod
    async def from_custom_id(
        cls,
        interaction: discord.Interaction[Any],  # noqa: ARG003 - discord.py's signature
        item: discord.ui.Item[Any],  # noqa: ARG003
        match: re.Match[str],
        /,
    ) -> Self:
        """Called by discord.py for a press."""
        return cls(Filters.of(match))

    async def press(self, interaction: discord.Interaction[ChorusBot]) -> None:
        """What is sent in comes back as an interaction of its own."""
        field = Field("when", "To which day", note="2026-01-31, 3d, 2w, yesterday", required=True, max_length=30)
        await interaction.response.send_modal(
            stateless_modal("Jump in the gallery", f"chorus:gd:{self.filters.packed}", [field])
        )
