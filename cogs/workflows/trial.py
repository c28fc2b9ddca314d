"""Trying a workflow: one run, counted like any job, shown to the person alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.domain.jobs import UNFINISHED, GenerationRequest, Job
from bot.services import workflow_trials
from bot.workflows import SHARED
from cogs.actors import interaction_actor, interaction_origin
from cogs.channel_characters import channel_character_id

if TYPE_CHECKING:
    import discord

    from bot.discord_client.bot import ChorusBot
    from bot.domain.workflow_history import WorkflowPlace
    from bot.workflows import Workflow


async def trial_request(
    interaction: discord.Interaction[ChorusBot], place: WorkflowPlace, workflow: Workflow
) -> GenerationRequest:
    """The request for a trial in the name of the workflow's character, or of the channel's.

    Raises:
        ChorusError: The character is gone.

    """
    services, actor = interaction.client.services, interaction_actor(interaction)
    character_id = place.character_id
    if character_id == SHARED:
        character_id = await channel_character_id(interaction.client, actor.channel)
    return await workflow_trials.trial_request(
        services,
        place,
        workflow,
        services.characters.get(character_id, interaction.guild_id),
        requester_id=actor.user_id,
        requester_name=actor.name,
        origin=interaction_origin(interaction),
    )


def is_waiting_to_be_shown(job: Job | None) -> bool:
    """The trial is under way, or ended when nobody could be told."""
    return job is not None and (job.state in UNFINISHED or job.delivered_at is None)
