"""A page of the gallery: one contact sheet, and a grid of buttons that mirrors it."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import discord

from bot.domain.channels import Channel
from bot.domain.gallery import GalleryQuery
from bot.errors import ChorusError
from bot.media.images import contact_sheet
from cogs.actors import interaction_actor, may_view
from cogs.gallery.custom_ids import Filters, PagePosition
from cogs.ui.components import Button, button, stateless_view
from cogs.ui.embeds import RESULT_COLOUR, noun, seconds_precise
from cogs.ui.text import EMBED_DESCRIPTION, clip, escaped, quote_prompt

if TYPE_CHECKING:
    from datetime import datetime

    from bot.discord_client.bot import ChorusBot
    from bot.domain.gallery import GalleryItem, GalleryPage
    from bot.settings import Settings

COLUMNS = 5
PAGE_SIZE = 20
"""Four rows of five, like the sheet; Discord's fifth row of buttons is for turning pages."""
NAVIGATION_ROW = 4
SHEET = "gallery.jpg"


@dataclass(frozen=True)
class PageMessage:
    """A page ready to be sent; `sheet` is a JPEG."""

    embed: discord.Embed
    view: discord.ui.View | None
    sheet: bytes | None

    @property
    def files(self) -> list[discord.File]:
        """New at each call, because they are single-use."""
        return [discord.File(io.BytesIO(self.sheet), filename=SHEET)] if self.sheet is not None else []


async def page_at(interaction: discord.Interaction[ChorusBot], filters: Filters, position: PagePosition) -> PageMessage:
    """The page at that position, with what the person may see."""
    gallery = interaction.client.services.gallery
    everything = filters.applied_to(_visible(interaction))
    page = await gallery.page(position.applied_to(everything))
    if not page.items and position.item_id is not None:  # the items there were deleted
        page = await gallery.page(everything)
    return await _message(interaction, filters, page)


async def page_before(interaction: discord.Interaction[ChorusBot], filters: Filters, until: datetime) -> PageMessage:
    """The newest page made before that moment; the oldest page if there is none."""
    gallery = interaction.client.services.gallery
    everything = filters.applied_to(_visible(interaction))
    page = await gallery.page(everything.model_copy(update={"until": until}))
    if not page.items:
        return await page_at(interaction, filters, PagePosition("o"))
    newer = everything.model_copy(update={"newer_than": page.items[0].id, "limit": 1})
    has_newer = bool((await gallery.page(newer)).items)
    return await _message(interaction, filters, page.model_copy(update={"has_newer": has_newer}))


def _visible(interaction: discord.Interaction[ChorusBot]) -> GalleryQuery:
    """Everything that the person may see here, as far as a query can say it."""
    policy, actor = interaction.client.services.policy, interaction_actor(interaction)
    adult = policy.suits(actor.channel, adults_only=True)
    if policy.is_moderator(actor):
        return GalleryQuery(guild_id=interaction.guild_id, include_age_restricted=adult, limit=PAGE_SIZE)
    return GalleryQuery(channel_id=actor.channel.channel_id, include_age_restricted=adult, limit=PAGE_SIZE)


async def _message(interaction: discord.Interaction[ChorusBot], filters: Filters, page: GalleryPage) -> PageMessage:
    # A moderator of the server may be kept out of some of its channels: their results are left out here.
    items = [item for item in page.items if may_view(interaction, _origin(item))]
    sheet = await asyncio.to_thread(_sheet, interaction.client.services.settings, items)
    embed = _embed(interaction, filters, items)
    if sheet is not None:
        embed.set_image(url=f"attachment://{SHEET}")
    return PageMessage(embed, _view(filters, page, items), sheet)


def _origin(item: GalleryItem) -> Channel:
    return Channel(guild_id=item.guild_id, channel_id=item.channel_id or 0, age_restricted=item.age_restricted)


def _sheet(settings: Settings, items: Sequence[GalleryItem]) -> bytes | None:
    if not items:
        return None
    data_dir = settings.storage.data_dir
    thumbnails = [data_dir / item.thumbnail if item.thumbnail else None for item in items]
    return contact_sheet(thumbnails, columns=COLUMNS, max_pixels=settings.media.max_pixels)


def _view(filters: Filters, page: GalleryPage, items: Sequence[GalleryItem]) -> discord.ui.View | None:
    if not page.items:
        return None
    first, last = page.items[0].id, page.items[-1].id
    numbered = [
        button(f"chorus:gi:{item.id}", str(number), row=(number - 1) // COLUMNS)
        for number, item in enumerate(items, start=1)
    ]
    return stateless_view(
        *numbered,
        _page_button(filters, PagePosition("n"), "⏮", disabled=not page.has_newer),
        _page_button(filters, PagePosition("a", first), "◀", disabled=not page.has_newer),
        _page_button(filters, PagePosition("b", last), "▶", disabled=not page.has_older),
        _page_button(filters, PagePosition("o"), "⏭", disabled=not page.has_older),
        button(
            f"chorus:gj:{filters.packed}", "Jump", emoji="📅", style=discord.ButtonStyle.primary, row=NAVIGATION_ROW
        ),
    )


def _page_button(filters: Filters, position: PagePosition, label: str, *, disabled: bool) -> Button:
    custom_id = f"chorus:gp:{position.packed}:{filters.packed}"
    style = discord.ButtonStyle.primary
    return button(custom_id, label, style=style, disabled=disabled, row=NAVIGATION_ROW)


def _embed(
    interaction: discord.Interaction[ChorusBot], filters: Filters, items: Sequence[GalleryItem]
) -> discord.Embed:
    lines = [_line(interaction, number, item) for number, item in enumerate(items, start=1)]
    embed = discord.Embed(
        title="Gallery",
        description=clip("\n".join(lines) or "Nothing here yet.", EMBED_DESCRIPTION),
        colour=RESULT_COLOUR,
    )
    described = _described(interaction, filters)
    if described:
        embed.add_field(name="Only", value=clip(" · ".join(described), 500), inline=False)
    return embed


def _line(interaction: discord.Interaction[ChorusBot], number: int, item: GalleryItem) -> str:
    who = f"<@{item.requester_id}>" if item.requester_id else "the owner"
    length = f" · {seconds_precise(item.duration_seconds)}" if item.duration_seconds is not None else ""
    words = quote_prompt(item.prompt, 50)
    when = discord.utils.format_dt(item.created_at, "R")
    elsewhere = f" · <#{item.channel_id}>" if item.channel_id != interaction.channel_id else ""
    name = character_name(interaction, item.character_id)
    return f"`{number:>2}` {name}: {words}{length} · {who} · {when}{elsewhere}"


def character_name(interaction: discord.Interaction[ChorusBot], character_id: str) -> str:
    """The character's name for Markdown; its id if the file is gone."""
    try:
        name = interaction.client.services.characters.get(character_id, interaction.guild_id).name
    except ChorusError:
        name = character_id
    return escaped(clip(name, 40))


def _described(interaction: discord.Interaction[ChorusBot], filters: Filters) -> list[str]:
    described: list[str] = []
    if filters.character_id:
        described.append(f"by {character_name(interaction, filters.character_id)}")
    if filters.requester_id:
        described.append(f"for <@{filters.requester_id}>")
    if filters.kind:
        described.append(f"{noun(filters.kind)}s")
    if filters.batch_id:
        described.append(f"of batch {filters.batch_id.hex[-12:]}")
    if filters.workflow_name:
        described.append(f"by the workflow {discord.utils.escape_markdown(filters.workflow_name)}")
    if filters.text:
        described.append(f'with "{quote_prompt(filters.text, 100)}"')
    if filters.since:
        described.append(f"since {discord.utils.format_dt(filters.since, 'D')}")
    return described
