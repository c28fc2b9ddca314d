"""Which buttons a result bears: only those that can work for its character now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.derived_jobs.picture_workflows import picture_workflow
from bot.derived_jobs.service import pictures
from bot.domain.jobs import JobKind
from bot.errors import ChorusError
from cogs.ui.job_buttons import Offers

if TYPE_CHECKING:
    from bot.discord_client.bot import ChorusBot
    from bot.domain.jobs import Job


def offers_of(bot: ChorusBot, job: Job) -> Offers:
    """What can be made of the job's result."""
    derived = bot.services.derived_jobs
    return Offers(
        vary=derived.can_vary(job),
        upscale=derived.can_upscale(job),
        wider=derived.can_outpaint(job),
        region=derived.can_inpaint(job),
        animate=can_animate(bot, job),
    )


def can_animate(bot: ChorusBot, job: Job) -> bool:
    """The job made a picture, and its character has a video workflow that begins with one."""
    if not pictures(job):
        return False
    try:
        character = bot.services.characters.get(job.request.character_id, job.request.origin.guild_id)
    except ChorusError:  # its file is gone
        return False
    guild_id = job.request.origin.guild_id
    return picture_workflow(bot.services.workflows, character, JobKind.VIDEO, guild_id) is not None
