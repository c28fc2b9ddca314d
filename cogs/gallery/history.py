"""The last jobs: state, time, error."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import discord

from bot.domain.jobs import JobQuery, JobState
from cogs.actors import interaction_actor, may_view_job
from cogs.results.derived_job_starter import message_link
from cogs.ui.components import button, stateless_view
from cogs.ui.embeds import RESULT_COLOUR, noun, requested_text, seconds_precise
from cogs.ui.text import EMBED_DESCRIPTION, clip

if TYPE_CHECKING:
    from bot.discord_client.bot import ChorusBot
    from bot.domain.jobs import Job

SHOWN = 12
_EMOJI = {
    JobState.QUEUED: "⏳",
    JobState.RUNNING: "▶",
    JobState.GENERATED: "📬",
    JobState.DELIVERED: "✅",
    JobState.FAILED: "❌",
    JobState.CANCELLED: "🚫",
}


async def history_page(
    interaction: discord.Interaction[ChorusBot], requester_id: int | None, before: str | None
) -> tuple[discord.Embed, discord.ui.View | None]:
    """The jobs of this channel; of the whole server for a moderator.

    Args:
        interaction: Who looks, and where.
        requester_id: Only jobs of this person.
        before: Id of the last job of the page before.

    """
    is_moderator = interaction.client.services.policy.is_moderator(interaction_actor(interaction))
    query = JobQuery(
        requester_id=requester_id,
        guild_id=interaction.guild_id if is_moderator else None,
        channel_id=None if is_moderator else interaction.channel_id,
        before=uuid.UUID(before) if before else None,
        limit=SHOWN + 1,
    )
    found = await interaction.client.services.jobs.recent(query)
    shown = [job for job in found[:SHOWN] if may_view_job(interaction, job)]
    lines = [await _line(interaction, job) for job in shown]
    text = clip("\n".join(lines) or ("Nothing yet." if before is None else "Nothing older."), EMBED_DESCRIPTION)
    embed = discord.Embed(title="History", description=text, colour=RESULT_COLOUR)
    if len(found) <= SHOWN:
        return embed, None
    custom_id = f"chorus:h:{requester_id or ''}:{found[SHOWN - 1].id}"
    return embed, stateless_view(button(custom_id, "Older", style=discord.ButtonStyle.primary))


async def _line(interaction: discord.Interaction[ChorusBot], job: Job) -> str:
    """One job. The prompt of somebody else is shown only if its result was posted."""
    request = job.request
    link = await message_link(interaction.client, job)
    name = f"[{job.digest}]({link})" if link else f"`{job.digest}`"
    shows_prompt = request.requester_id == interaction.user.id or job.state is JobState.DELIVERED
    parts = [
        f"{_EMOJI[job.state]} {name} {noun(request.kind)}, {job.state.value}",
        f"**{job.error.code}**" if job.error is not None else "",
        seconds_precise(job.execution_seconds) if job.execution_seconds is not None else "",
        discord.utils.format_dt(job.created_at, "R"),
        f"<@{request.requester_id}>" if request.requester_id else "the owner",
        clip(requested_text(job), 60) if shows_prompt else "",
    ]
    return " · ".join(part for part in parts if part)
