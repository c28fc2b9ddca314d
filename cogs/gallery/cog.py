"""`/gallery`, `/compare` and `/history`: finds everything that was made."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal
from uuid import UUID

import discord
from discord import app_commands
from discord.ext import commands

from bot.domain.channels import Channel
from bot.domain.jobs import JobKind
from bot.errors import InputInvalid
from cogs.actors import interaction_channel, may_view
from cogs.component_router import router_of
from cogs.gallery.comparison import comparison_embed, comparison_file
from cogs.gallery.custom_ids import HISTORY_PAGE, ITEM, JUMP, JUMP_FORM, PAGE, Filters, PagePosition
from cogs.gallery.dates import parse_date
from cogs.gallery.history import history_page
from cogs.gallery.page import page_at, page_before
from cogs.option_completion import complete_character
from cogs.results.finding import find_visible_job, job_choices
from cogs.results.opening import open_result
from cogs.ui.choices import choices
from cogs.ui.modals import Field, stateless_modal, submitted_values
from cogs.ui.text import CHOICES

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
    @app_commands.autocomplete(character=complete_character)
    @app_commands.describe(
        character="Only by this character",
        user="Only what this person asked for",
        kind="Only pictures, videos or speech",
        since="Only what is newer: 2026-01-31, 12h, 3d, 2w, yesterday",
        batch="Only the pictures of one batch, by the name under it",
        workflow="Only by this workflow",
        text="Only with these words in the prompt",
    )
    async def gallery(  # noqa: PLR0917 - one parameter per option
        self,
        interaction: discord.Interaction[ChorusBot],
        character: app_commands.Range[str, 1, 100] | None = None,
        user: discord.User | None = None,
        kind: Literal["pictures", "videos", "speech"] | None = None,
        since: app_commands.Range[str, 1, 30] | None = None,
        batch: app_commands.Range[str, 1, 100] | None = None,
        workflow: app_commands.Range[str, 1, 100] | None = None,
        text: app_commands.Range[str, 1, 200] | None = None,
    ) -> None:
        """This channel's results; the whole server's for somebody with Manage Messages."""
        self._require_served(interaction)
        filters = Filters(
            kind=_KINDS[kind] if kind else None,
            since=parse_date(since, now=interaction.created_at) if since else None,
            requester_id=user.id if user else None,
            character_id=self.bot.services.characters.find(character, interaction.guild_id).id if character else None,
            batch_id=await self._batch_id(batch) if batch else None,
            workflow_name=workflow,
            text=text,
        )
        if filters.key is not None:
            await self.bot.services.gallery.save_filters(filters.key, filters.content)
        page = await page_at(interaction, filters, PagePosition())
        view = page.view if page.view is not None else discord.utils.MISSING
        await interaction.response.send_message(embed=page.embed, files=page.files, view=view, ephemeral=True)

    @app_commands.command(name="compare", description="Look at two results side by side")
    @app_commands.describe(
        first="The name under a result (job 0123456789ab), or a link to its message", second="Another one"
    )
    async def compare(
        self,
        interaction: discord.Interaction[ChorusBot],
        first: app_commands.Range[str, 1, 200],
        second: app_commands.Range[str, 1, 200],
    ) -> None:
        """Two results that the person may see, and the settings that differ."""
        self._require_served(interaction)
        one, other = await find_visible_job(interaction, first), await find_visible_job(interaction, second)
        for job in (one, other):
            if await self.bot.services.gallery.is_deleted(job.id):
                raise InputInvalid(f"The result of job {job.digest} was deleted.", advice="Choose another one.")
        file = await comparison_file(one, other, self.bot.services.settings)
        await interaction.response.send_message(embed=comparison_embed(one, other), file=file, ephemeral=True)

    @compare.autocomplete("first")
    @compare.autocomplete("second")
    async def complete_job(
        self, interaction: discord.Interaction[ChorusBot], current: str
    ) -> list[app_commands.Choice[str]]:
        """The person's last results here."""
        return await job_choices(interaction, current)

    @app_commands.command(name="history", description="The last jobs here, how they ended and how long they took")
    @app_commands.describe(user="Only what this person asked for")
    async def history(self, interaction: discord.Interaction[ChorusBot], user: discord.User | None = None) -> None:
        """This channel's jobs, also failed ones; the whole server's for somebody with Manage Messages."""
        self._require_served(interaction)
        embed, view = await history_page(interaction, user.id if user else None, None)
        shown = view if view is not None else discord.utils.MISSING
        await interaction.response.send_message(embed=embed, view=shown, ephemeral=True)

    @gallery.autocomplete("batch")
    async def complete_batch(
        self, interaction: discord.Interaction[ChorusBot], current: str
    ) -> list[app_commands.Choice[str]]:
        """The channel's last batches by prompt; the value is the name."""
        recent = await self.bot.services.batches.recent(interaction.channel_id or 0, CHOICES)
        named = ((f"{one.digest} · {one.total} · {one.plan.prompts[0]}", one.digest) for one in recent)
        return choices(named, current)

    async def _batch_id(self, name: str) -> UUID:
        """The batch of that name; whether its pictures may be seen is decided for each."""
        found = await self.bot.services.batches.by_digest(name.strip().removeprefix("batch").strip())
        if found is None:
            raise InputInvalid(
                "There is no such batch here.", advice="Its name stands under the sheet: batch and twelve characters."
            )
        return found.id

    async def _filters(self, match: re.Match[str]) -> Filters:
        """Of a button, or saved because they were too long for it."""
        if match["saved"] is None:
            return Filters.of(match)
        content = await self.bot.services.gallery.saved_filters(match["saved"])
        if content is None:
            raise InputInvalid("I no longer know that gallery.", advice="Open `/gallery` again.")
        return Filters.of_content(content)

    def _require_served(self, interaction: discord.Interaction[ChorusBot]) -> None:
        self.bot.services.policy.require_served(interaction_channel(interaction))

    # -- buttons and the form

    async def _turn_page(self, interaction: discord.Interaction[ChorusBot], match: re.Match[str]) -> None:
        """Show another page in the same message."""
        self._require_served(interaction)
        page = await page_at(interaction, await self._filters(match), PagePosition.of(match["position"]))
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
        await open_result(interaction, job, n=item.n)

    async def _ask_for_date(self, interaction: discord.Interaction[ChorusBot], match: re.Match[str]) -> None:
        field = Field("when", "To which day", note="2026-01-31, 3d, 2w, yesterday", required=True, max_length=30)
        custom_id = f"chorus:gd:{(await self._filters(match)).packed}"
        await interaction.response.send_modal(stateless_modal("Jump in the gallery", custom_id, [field]))

    async def _jump(self, interaction: discord.Interaction[ChorusBot], match: re.Match[str]) -> None:
        """Show the page of the date that was submitted."""
        self._require_served(interaction)
        day = parse_date(submitted_values(interaction).get("when", ""), now=interaction.created_at)
        page = await page_before(interaction, await self._filters(match), _end_of(day))
        await interaction.response.edit_message(embed=page.embed, attachments=page.files, view=page.view)

    async def _turn_history_page(self, interaction: discord.Interaction[ChorusBot], match: re.Match[str]) -> None:
        """Show older jobs in the same message."""
        self._require_served(interaction)
        requester_id = int(match["requester"]) if match["requester"] else None
        embed, view = await history_page(interaction, requester_id, match["job"])
        await interaction.response.edit_message(embed=embed, view=view)


def _end_of(day: datetime) -> datetime:
    return day.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
