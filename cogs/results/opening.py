"""Opens one result for the person alone, with its file and its buttons."""

from __future__ import annotations

from typing import TYPE_CHECKING

import discord

from cogs.delivery.files import prepare_files, size_limit
from cogs.delivery.message_presenter import character_name
from cogs.delivery.offers import offers_of
from cogs.results.derived_job_starter import message_link
from cogs.ui.embeds import result_embed
from cogs.ui.job_buttons import result_view

if TYPE_CHECKING:
    from bot.discord_client.bot import ChorusBot
    from bot.domain.jobs import Job


async def open_result(interaction: discord.Interaction[ChorusBot], job: Job, *, n: int | None = None) -> None:
    """Answer a press with a result; whether the person may see it was checked before.

    Args:
        interaction: The press.
        job: With its artifacts.
        n: Which artifact; None: all.

    """
    bot, services = interaction.client, interaction.client.services
    # A large file takes longer to upload than Discord waits for an answer.
    await interaction.response.defer(ephemeral=True, thinking=True)
    shown = job if n is None else job.model_copy(update={"artifacts": job.artifacts[n : n + 1]})
    prepared = await prepare_files(shown, size_limit(bot, interaction.guild_id), services)
    embed = result_embed(shown, discord.utils.escape_markdown(character_name(bot, job)), notes=prepared.notes)
    embed.url, embed.timestamp = await message_link(bot, job), job.generated_at or job.created_at
    view = result_view(job, services.settings.discord.reactions, offers_of(bot, job))
    await interaction.followup.send(
        embed=embed,
        files=[file.open() for file in prepared.batches()[0]],
        view=view if view is not None else discord.utils.MISSING,
        ephemeral=True,
    )
