"""The button Animate: a film that begins with a picture of a result."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import discord

from bot.derived_jobs.picture_workflows import picture_workflow
from bot.derived_jobs.requests import FilmChanges, animate
from bot.domain.jobs import JobKind
from bot.errors import InputInvalid
from bot.workflows.film_length import film_length
from cogs.actors import interaction_actor
from cogs.ui.components import JOB_ID
from cogs.ui.film_form import picture_modal, read_length, read_prompt
from cogs.ui.modals import submitted_values

if TYPE_CHECKING:
    from bot.discord_client.bot import ChorusBot
    from bot.domain.jobs import Job
    from cogs.results.derived_job_starter import DerivedJobStarter

FILM_FORM: Final = rf"chorus:animated:{JOB_ID}:(?P<n>\d{{1,3}})"
"""Custom id of the submitted form."""


async def open_film_form(interaction: discord.Interaction[ChorusBot], job: Job, n: int) -> None:
    """Ask those who may submit it what happens in the film of picture `n`.

    Raises:
        NotAllowed: The person may not make it.

    """
    actor, policy = interaction_actor(interaction), interaction.client.services.policy
    policy.require_served(actor.channel)
    policy.require_may_derive(actor, job.request.requester_id)
    words = str(job.parameters.get("positive") or job.request.positive)
    await interaction.response.send_modal(
        picture_modal("Animate", f"chorus:animated:{job.id}:{n}", is_film=True, prompt=words)
    )


async def submit_film_form(
    interaction: discord.Interaction[ChorusBot], job: Job, match: re.Match[str], starter: DerivedJobStarter
) -> None:
    """Start the film that the submitted form asks for.

    Raises:
        ChorusError: It cannot be made.

    """
    services = interaction.client.services
    written = submitted_values(interaction)
    words, seconds = read_prompt(written), read_length(written)
    character = services.characters.get(job.request.character_id, interaction.guild_id)
    workflow = picture_workflow(services.workflows, character, JobKind.VIDEO, interaction.guild_id)
    if workflow is None:
        raise InputInvalid(
            "This character has no video workflow that begins with a picture any more.",
            advice="The owner can put one at workflows/<character>/video/default.json.",
        )
    length = film_length(workflow, seconds, services.orchestrator.object_info) if seconds is not None else None
    film = FilmChanges(
        picture=await services.derived_jobs.input_picture(job, int(match["n"])),
        positive=words,
        workflow_name=workflow.name,
        overrides={length.name: length.value} if length is not None else {},
        note=length.note if length is not None else None,
    )
    await starter.start_by_interaction(interaction, job, lambda requester: animate(job, requester, film))
