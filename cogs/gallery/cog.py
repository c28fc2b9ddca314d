"""`/gallery` and `/history`: finds everything that was made."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

import discord
from discord import app_commands
from discord.ext import commands

from bot.domain.channels import Channel
from bot.domain.jobs import JobKind
from bot.errors import InputInvalid
from cogs.actors import interaction_channel, may_view
from cogs.component_router import router_of
from cogs.delivery.files import prepare_files, size_limit
from cogs.gallery.custom_ids import HISTORY_PAGE, ITEM, JUMP, JUMP_FORM, PAGE, Filters, PagePosition
from cogs.gallery.dates import parse_date
from cogs.gallery.history import history_page
from cogs.gallery.page import character_name, page_at, page_before
from cogs.results.derived_job_starter import message_link
from cogs.ui.choices import character_choices
from cogs.ui.embeds import result_embed
from cogs.ui.job_buttons import result_view
from cogs.ui.modals import Field, stateless_modal, submitted_values

if TYPE_CHECKING:
    from bot.discord_client.bot import ChorusBot

_KINDS = {"pictures": JobKind.IMAGE, "videos": JobKind.VIDEO, "speech": JobKind.AUDIO}


class GalleryCog(commands.Cog, name="Gallery"):
    """Shows everybody alone what they may see."""

    def __init__(self, bot: ChorusBot) -> None:
        self.bot = bot

    async def cog_load(self) -> None:
        """Register what the buttons and the form do."""
        router = router_of(self.bot)
        router.add(ITEM, self._open_item)
        router.add(PAGE, self._turn_page)
        router.add(JUMP, self._ask_for_date)
        router.add(JUMP_FORM, self._jump)
        router.add(HISTORY_PAGE, self._turn_history_page)

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
        """This channel's results; the whole server's for somebody with Manage Messages."""
        self._require_served(interaction)
        filters = Filters(
            kind=_KINDS[kind] if kind else None,
            since=parse_date(since, now=interaction.created_at) if since else None,
            requester_id=user.id if user else None,
            character_id=self.bot.services.characters.find(character, interaction.guild_id).id if character else None,
        )
        page = await page_at(interaction, filters, PagePosition())
        view = page.view if page.view is not None else discord.utils.MISSING
        await interaction.response.send_message(embed=page.embed, files=page.files, view=view, ephemeral=True)

    @app_commands.command(name="history", description="The last jobs here, how they ended and how long they took")
    @app_commands.describe(user="Only what this person asked for")
    async def history(self, interaction: discord.Interaction[ChorusBot], user: discord.User | None = None) -> None:
        """This channel's jobs, also failed ones; the whole server's for somebody with Manage Messages."""
        self._require_served(interaction)
        embed, view = await history_page(interaction, user.id if user else None, None)
        shown = view if view is not None else discord.utils.MISSING
        await interaction.response.send_message(embed=embed, view=shown, ephemeral=True)

    @gallery.autocomplete("character")
    async def complete_character(
        self, interaction: discord.Interaction[ChorusBot], current: str
    ) -> list[app_commands.Choice[str]]:
        """Names that contain what was typed; the value is the id."""
        return character_choices(interaction, current)

    def _require_served(self, interaction: discord.Interaction[ChorusBot]) -> None:
        self.bot.services.policy.require_served(interaction_channel(interaction))

    # -- buttons and the form

    async def _turn_page(self, interaction: discord.Interaction[ChorusBot], match: re.Match[str]) -> None:
        """Show another page in the same message."""
        self._require_served(interaction)
        page = await page_at(interaction, Filters.of(match), PagePosition.of(match["position"]))
        await interaction.response.edit_message(embed=page.embed, attachments=page.files, view=page.view)

    async def _open_item(self, interaction: discord.Interaction[ChorusBot], match: re.Match[str]) -> None:
        """Show one result with its file and its buttons, if the person may see it here."""
        self._require_served(interaction)
        services = self.bot.services
        item = await services.gallery.item(int(match["item"]))
        job = None
        if item is not None:
            origin = Channel(
                guild_id=item.guild_id, channel_id=item.channel_id or 0, age_restricted=item.age_restricted
            )
            job = await services.orchestrator.job(item.job_id) if may_view(interaction, origin) else None
        if item is None or job is None:
            raise InputInvalid("That result is no longer here.", advice="Open `/gallery` again.")
        # A large file takes longer to upload than Discord waits for an answer.
        await interaction.response.defer(ephemeral=True, thinking=True)
        single = job.model_copy(update={"artifacts": job.artifacts[item.n : item.n + 1]})
        prepared = await prepare_files(single, size_limit(self.bot, interaction.guild_id), services)
        embed = result_embed(single, character_name(interaction, item.character_id), notes=prepared.notes)
        embed.url, embed.timestamp = await message_link(self.bot, job), item.created_at
        view = result_view(job, services.settings.discord.reactions, can_upscale=services.derived_jobs.can_upscale(job))
        await interaction.followup.send(
            embed=embed,
            files=[file.open() for file in prepared.files],
            view=view if view is not None else discord.utils.MISSING,
            ephemeral=True,
        )

    async def _ask_for_date(self, interaction: discord.Interaction[ChorusBot], match: re.Match[str]) -> None:
        field = Field("when", "To which day", note="2026-01-31, 3d, 2w, yesterday", required=True, max_length=30)
        custom_id = f"chorus:gd:{Filters.of(match).packed}"
        await interaction.response.send_modal(stateless_modal("Jump in the gallery", custom_id, [field]))

    async def _jump(self, interaction: discord.Interaction[ChorusBot], match: re.Match[str]) -> None:
        """Show the page of the date that was submitted."""
        self._require_served(interaction)
        day = parse_date(submitted_values(interaction).get("when", ""), now=interaction.created_at)
        page = await page_before(interaction, Filters.of(match), _end_of(day))
        await interaction.response.edit_message(embed=page.embed, attachments=page.files, view=page.view)

    async def _turn_history_page(self, interaction: discord.Interaction[ChorusBot], match: re.Match[str]) -> None:
        """Show older jobs in the same message."""
        self._require_served(interaction)
        requester_id = int(match["requester"]) if match["requester"] else None
        embed, view = await history_page(interaction, requester_id, match["job"])
        await interaction.response.edit_message(embed=embed, view=view)


def _end_of(day: datetime) -> datetime:
    return day.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
