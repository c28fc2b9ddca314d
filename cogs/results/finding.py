"""Finds the job that a person names."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from uuid import UUID

import discord
from discord import app_commands

from bot.domain.jobs import JobQuery, JobState
from bot.errors import InputInvalid
from cogs.actors import may_reach_job, may_view_job
from cogs.ui.choices import choices
from cogs.ui.embeds import noun, requested_text
from cogs.ui.text import CHOICES

if TYPE_CHECKING:
    from bot.discord_client.bot import ChorusBot
    from bot.domain.jobs import Job

_LINK: Final = re.compile(r"https?://\S+/channels/(?:\d+|@me)/\d+/(?P<message>\d+)")
_DIGEST: Final = re.compile(r"(?:job\s+)?(?P<digest>[0-9a-f]{12})", re.IGNORECASE)


async def find_visible_job(interaction: discord.Interaction[ChorusBot], text: str) -> Job:
    """The job of a name (`job 0123456789ab`), an id, or a link to its message.

    Raises:
        InputInvalid: There is none, or the person may not see its result here.

    """
    found = await _find(interaction.client, text.strip())
    if found is None or not may_view_job(interaction, found):
        raise InputInvalid(
            "There is no such job here.", advice="Its name stands under the result: job and twelve characters."
        )
    return found


async def find_controllable_job(interaction: discord.Interaction[ChorusBot], text: str) -> Job:
    """As `find_visible_job`, of what is done to a job without showing it: the person's own, or reached from here.

    Raises:
        InputInvalid: There is none, or it belongs to somebody else elsewhere.

    """
    found = await _find(interaction.client, text.strip())
    if found is not None:
        own = found.request.requester_id == interaction.user.id
        if (own and found.request.origin.guild_id == interaction.guild_id) or may_reach_job(interaction, found):
            return found
    raise InputInvalid("There is no such job here.", advice="`/queue` shows the names of yours.")


async def job_choices(interaction: discord.Interaction[ChorusBot], current: str) -> list[app_commands.Choice[str]]:
    """The person's last results here; the value is the name."""
    query = JobQuery(
        requester_id=interaction.user.id,
        channel_id=interaction.channel_id,
        states=(JobState.DELIVERED, JobState.GENERATED),
        limit=4 * CHOICES,
    )
    known = await interaction.client.services.jobs.recent(query)
    named = ((f"{job.digest} · {noun(job.request.kind)} · {requested_text(job)}", job.digest) for job in known)
    return choices(named, current)


async def _find(bot: ChorusBot, text: str) -> Job | None:
    services = bot.services
    link = _LINK.fullmatch(text)
    if link is not None or text.isdecimal():
        row = await services.deliveries.by_message(int(link["message"] if link else text))
        return await services.orchestrator.job(row.job_id) if row is not None and row.job_id else None
    try:
        return await services.orchestrator.job(UUID(text))
    except ValueError:
        pass
    named = _DIGEST.fullmatch(text)
    return await services.jobs.by_digest(named["digest"]) if named else None
