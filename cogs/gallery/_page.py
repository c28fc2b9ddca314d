"""A page of the gallery: one contact sheet, and a grid of buttons that mirrors it."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import discord

from bot.domain.gallery import GalleryQuery
from bot.errors import ChorusError
from bot.media.images import contact_sheet
from cogs.gallery._buttons import ItemButton, JumpButton, PageButton
from cogs.gallery._state import Filters, Place
from cogs.ui.embeds import RESULT_COLOUR, noun, seconds_precise
from cogs.ui.sight import is_for_adults_here, may_see_item, moderates
from cogs.ui.text import EMBED_DESCRIPTION, clip, quote_prompt
from cogs.ui.views import DynamicView

if TYPE_CHECKING:
    from datetime import datetime

    from bot.discord_client.bot import ChorusBot
    from bot.domain.gallery import GalleryItem, GalleryPage
    from bot.settings import Settings

COLUMNS = 5
PAGE = 20
"""Four rows of five, like the sheet; Discord's fifth row of buttons is for turning pages."""
SHEET = "gallery.jpg"


@dataclass(frozen=True)
class Shown:
    """Ready to be sent."""

    embed: discord.Embed
    view: DynamicView | None
    sheet: bytes | None

    @property
    def files(self) -> list[discord.File]:
        """New at each call."""
        return [discord.File(io.BytesIO(self.sheet), filename=SHEET)] if self.sheet is not None else []


def scope(interaction: discord.Interaction[ChorusBot]) -> GalleryQuery:
    """All that the person may see here."""
    adult = is_for_adults_here(interaction)
    if interaction.guild_id is not None and moderates(interaction):
        return GalleryQuery(guild_id=interaction.guild_id, include_age_restricted=adult, limit=PAGE)
    return GalleryQuery(channel_id=interaction.channel_id or 0, include_age_restricted=adult, limit=PAGE)


async def page_at(interaction: discord.Interaction[ChorusBot], filters: Filters, place: Place) -> Shown:
    """The page of that place, for that person."""
    gallery = interaction.client.services.gallery
    query = place.on(filters.on(scope(interaction)))
    page = await gallery.page(query)
    if not page.items and place.where in {"a", "b"}:  # what stood there was deleted
        page = await gallery.page(filters.on(scope(interaction)))
    return await _shown(interaction, filters, page)


async def page_of(interaction: discord.Interaction[ChorusBot], filters: Filters, until: datetime) -> Shown:
    """The newest page made before that moment, or the oldest of all."""
    gallery = interaction.client.services.gallery
    everything = filters.on(scope(interaction))
    page = await gallery.page(everything.model_copy(update={"until": until}))
    if not page.items:
        return await page_at(interaction, filters, Place("o"))
    newer = everything.model_copy(update={"newer_than": page.items[0].id, "limit": 1})
    has_newer = bool((await gallery.page(newer)).items)
    return await _shown(interaction, filters, page.model_copy(update={"has_newer": has_newer}))


async def _shown(interaction: discord.Interaction[ChorusBot], filters: Filters, page: GalleryPage) -> Shown:
    # A moderator of the server need not see all of its channels: what they may not see leaves a gap.
    items = [item for item in page.items if may_see_item(interaction, item)]
    sheet = await asyncio.to_thread(_sheet, interaction.client.services.settings, items)
    embed = _embed(interaction, filters, items)
    if sheet is not None:
        embed.set_image(url=f"attachment://{SHEET}")
    return Shown(embed, _view(filters, page, items), sheet)


def _sheet(settings: Settings, items: Sequence[GalleryItem]) -> bytes | None:
    if not items:
        return None
    data_dir = settings.storage.data_dir
    thumbnails = [data_dir / item.thumbnail if item.thumbnail else None for item in items]
    return contact_sheet(thumbnails, columns=COLUMNS, max_pixels=settings.media.max_pixels)


def _view(filters: Filters, page: GalleryPage, items: Sequence[GalleryItem]) -> DynamicView | None:
    if not page.items:
        return None
    first, last = page.items[0].id, page.items[-1].id
    buttons: list[discord.ui.DynamicItem[discord.ui.Button[discord.ui.View]]] = [
        ItemButton(item.id, number, row=(number - 1) // COLUMNS) for number, item in enumerate(items, start=1)
    ]
    buttons += [
        PageButton(filters, Place("n"), "⏮", disabled=not page.has_newer),
        PageButton(filters, Place("a", first), "◀", disabled=not page.has_newer),
        PageButton(filters, Place("b", last), "▶", disabled=not page.has_older),
        PageButton(filters, Place("o"), "⏭", disabled=not page.has_older),
        JumpButton(filters),
    ]
    return DynamicView(*buttons)


def _embed(
    interaction: discord.Interaction[ChorusBot], filters: Filters, items: Sequence[GalleryItem]
) -> discord.Embed:
    lines = [_line(interaction, number, item) for number, item in enumerate(items, start=1)]
    embed = discord.Embed(
        title="Gallery",
        description=clip("\n".join(lines) or "Nothing here yet.", EMBED_DESCRIPTION),
        colour=RESULT_COLOUR,
    )
    said = _filters(interaction, filters)
    if said:
        embed.add_field(name="Only", value=clip(" · ".join(said), 500), inline=False)
    return embed


def _line(interaction: discord.Interaction[ChorusBot], number: int, item: GalleryItem) -> str:
    who = f"<@{item.requester_id}>" if item.requester_id else "the owner"
    length = f" · {seconds_precise(item.duration_seconds)}" if item.duration_seconds is not None else ""
    words = quote_prompt(item.prompt, 50)
    when = discord.utils.format_dt(item.created_at, "R")
    elsewhere = f" · <#{item.channel_id}>" if item.channel_id != interaction.channel_id else ""
    return (
        f"`{number:>2}` {character_called(interaction, item.character_id)}: {words}{length} · {who} · {when}{elsewhere}"
    )


def character_called(interaction: discord.Interaction[ChorusBot], character_id: str) -> str:
    """Its name for Markdown; its id where the file is gone."""
    try:
        name = interaction.client.services.characters.get(character_id, interaction.guild_id).name
    except ChorusError:
        name = character_id
    return discord.utils.escape_markdown(clip(name, 40))


def _filters(interaction: discord.Interaction[ChorusBot], filters: Filters) -> list[str]:
    said: list[str] = []
    if filters.character_id:
        said.append(f"by {character_called(interaction, filters.character_id)}")
    if filters.person:
        said.append(f"for <@{filters.person}>")
    if filters.kind:
        said.append(f"{noun(filters.kind)}s")
    if filters.since:
        said.append(f"since {discord.utils.format_dt(filters.since, 'D')}")
    return said
