"""`/gallery` and `/history`: everything that was made can be found again."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

import discord
from discord import app_commands
from discord.ext import commands

from bot.domain.jobs import JobKind
from bot.errors import InputInvalid
from cogs.delivery._files import prepare_files, size_limit
from cogs.gallery._buttons import JUMPED, ItemButton, JumpButton, PageButton
from cogs.gallery._history import HistoryButton, history_page
from cogs.gallery._page import character_called, page_at, page_of
from cogs.gallery._state import Filters, Place
from cogs.gallery._when import parse_when
from cogs.regenerate import message_link
from cogs.ui.choices import character_choices
from cogs.ui.embeds import result_embed
from cogs.ui.errors import reply_error
from cogs.ui.job_buttons import result_view
from cogs.ui.modals import is_submission, submitted
from cogs.ui.permissions import require_place
from cogs.ui.sight import may_see_item

if TYPE_CHECKING:
    from bot.discord_client.bot import ChorusBot

__all__ = ["GalleryCog", "gallery_of", "setup"]

_KINDS = {"pictures": JobKind.IMAGE, "videos": JobKind.VIDEO, "speech": JobKind.AUDIO}
_JUMPED = re.compile(JUMPED)


class GalleryCog(commands.Cog, name="Gallery"):
    """Answers the person who asks alone, so each sees what each may see."""

    def __init__(self, bot: ChorusBot) -> None:
        self.bot = bot

    async def cog_load(self) -> None:
        """Register the buttons."""
        self.bot.add_dynamic_items(ItemButton, PageButton, JumpButton, HistoryButton)

    @app_commands.command(name="gallery", description="Look through what was made here")
    @app_commands.describe(
        character="Only by this character",
        user="Only what this person asked for",
        kind="Only pictures, videos or speech",
        since="Only what is newer: 2026-01-31, 12h, 3d, 2w, yesterday",
    )
    async def gallery(
        self,
        interaction: discord.Interaction[ChorusBot],
        character: app_commands.Range[str, 1, 100] | None = None,
        user: discord.User | None = None,
        kind: Literal["pictures", "videos", "speech"] | None = None,
        since: app_commands.Range[str, 1, 30] | None = None,
    ) -> None:
        """This channel's; the whole server's for somebody with Manage Messages."""
        require_place(interaction)
        filters = Filters(
            kind=_KINDS[kind] if kind else None,
            since=parse_when(since, now=interaction.created_at) if since else None,
            person=user.id if user else None,
            character_id=self.bot.services.characters.find(character, interaction.guild_id).id if character else None,
        )
        shown = await page_at(interaction, filters, Place())
        view = shown.view if shown.view is not None else discord.utils.MISSING
        await interaction.response.send_message(embed=shown.embed, files=shown.files, view=view, ephemeral=True)

    @app_commands.command(name="history", description="The last jobs here, how they ended and how long they took")
    @app_commands.describe(user="Only what this person asked for")
    async def history(self, interaction: discord.Interaction[ChorusBot], user: discord.User | None = None) -> None:
        """As the gallery, of jobs: also those that failed."""
        require_place(interaction)
        embed, view = await history_page(interaction, user.id if user else None, None)
        shown = view if view is not None else discord.utils.MISSING
        await interaction.response.send_message(embed=embed, view=shown, ephemeral=True)

    @gallery.autocomplete("character")
    async def complete_character(
        self, interaction: discord.Interaction[ChorusBot], current: str
    ) -> list[app_commands.Choice[str]]:
        """Names that hold what was typed; the value is the id."""
        return character_choices(interaction, current)

    # -- presses

    async def turn_to(self, interaction: discord.Interaction[ChorusBot], filters: Filters, place: Place) -> None:
        """Another page in the same message."""
        require_place(interaction)
        shown = await page_at(interaction, filters, place)
        await interaction.response.edit_message(embed=shown.embed, attachments=shown.files, view=shown.view)

    async def open_item(self, interaction: discord.Interaction[ChorusBot], item_id: int) -> None:
        """One result with its file and its buttons.

        Raises:
            InputInvalid: It was deleted, or may not be seen here (which is nobody's business).

        """
        require_place(interaction)
        services = self.bot.services
        item = await services.gallery.item(item_id)
        job = await services.orchestrator.job(item.job_id) if item and may_see_item(interaction, item) else None
        if item is None or job is None:
            raise InputInvalid("That result is no longer here.", advice="Open `/gallery` again.")
        # A large file takes longer to go up than Discord waits.
        await interaction.response.defer(ephemeral=True, thinking=True)
        alone = job.model_copy(update={"artifacts": job.artifacts[item.n : item.n + 1]})
        prepared = await prepare_files(alone, size_limit(self.bot, interaction.guild_id), services)
        embed = result_embed(alone, character_called(interaction, item.character_id), notes=prepared.notes)
        embed.url, embed.timestamp = await message_link(self.bot, job), item.created_at
        view = result_view(job, can_upscale=services.derived_jobs.can_upscale(job))
        await interaction.followup.send(
            embed=embed,
            files=[file.open() for file in prepared.files],
            view=view if view is not None else discord.utils.MISSING,
            ephemeral=True,
        )

    @commands.Cog.listener()
    async def on_interaction(self, interaction: discord.Interaction[ChorusBot]) -> None:
        """A date was sent in."""
        match = _JUMPED.fullmatch(is_submission(interaction) or "")
        if match is None:
            return
        try:
            await self._jump(interaction, Filters.of(match), submitted(interaction).get("when", ""))
        except Exception as error:  # noqa: BLE001 - the command boundary: every failure becomes the one reply
            await reply_error(interaction, error)

    async def _jump(self, interaction: discord.Interaction[ChorusBot], filters: Filters, text: str) -> None:
        require_place(interaction)
        day = parse_when(text, now=interaction.created_at)
        shown = await page_of(interaction, filters, _end_of(day))
        await interaction.response.edit_message(embed=shown.embed, attachments=shown.files, view=shown.view)


def _end_of(day: datetime) -> datetime:
    return day.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)


def gallery_of(bot: ChorusBot) -> GalleryCog:
    """The bot's cog, for its buttons."""
    cog = bot.get_cog("Gallery")
    if not isinstance(cog, GalleryCog):
        raise TypeError("cogs.gallery is not loaded")
    return cog


async def setup(bot: ChorusBot) -> None:
    """Called by `load_extension`."""
    await bot.add_cog(GalleryCog(bot))
