"""Starts a batch, after the person has confirmed a large one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import discord

from bot.batches.planning import BatchOptions, make_plan
from bot.errors import InputInvalid
from bot.workflows.settings_text import settings_of_pairs
from cogs.actors import interaction_actor
from cogs.delivery import delivery_of
from cogs.settings_option import chosen_workflow, known_parameters, require_allowed
from cogs.ui.batch_view import proposal_text, proposal_view

if TYPE_CHECKING:
    from bot.discord_client.bot import ChorusBot
    from bot.domain.batches import Batch, BatchPlan
    from bot.domain.jobs import GenerationRequest


async def start_batch(
    interaction: discord.Interaction[ChorusBot], request: GenerationRequest, options: BatchOptions
) -> None:
    """Answer a command that asks for several pictures.

    A batch of more than `batch.confirm_above` pictures is proposed to the person alone, with its number and expected
    time; others start at once.

    Args:
        interaction: The command.
        request: What all pictures share.
        options: How they differ.

    Raises:
        ChorusError: The plan, or one of its pictures, cannot be made.

    """
    services = interaction.client.services
    plan = _with_known_names(interaction, request, make_plan(options, max_count=services.batches.max_count))
    batch = services.batches.new(request, plan)
    if batch.total <= services.settings.batch.confirm_above:
        await delivery_of(interaction.client).accept_batch(interaction, batch)
        return
    expected = await services.batches.estimate(batch)
    await services.batches.propose(batch)
    await interaction.response.send_message(proposal_text(batch, expected), view=proposal_view(batch), ephemeral=True)


def require_allowed_batch(interaction: discord.Interaction[ChorusBot], batch: Batch) -> None:
    """The person may still change everything that the batch changes.

    Raises:
        ChorusError: A workflow is gone, or a setting is open to people with Manage Server only.

    """
    bot, request = interaction.client, batch.request
    character = bot.services.characters.get(request.character_id, interaction.guild_id)
    changed = {**request.overrides, **{sweep.name: sweep.values[0] for sweep in batch.plan.sweeps}}
    for name in batch.plan.workflows:
        parameters = known_parameters(bot, chosen_workflow(bot, character, request.kind, name, interaction.guild_id))
        require_allowed(bot, interaction_actor(interaction), parameters, changed)


def _with_known_names(
    interaction: discord.Interaction[ChorusBot], request: GenerationRequest, plan: BatchPlan
) -> BatchPlan:
    """The plan with the names that the workflows have for what is swept; the person may change each of them.

    Raises:
        InputInvalid: A workflow has no such parameter.
        NotAllowed: It is open to people with Manage Server only.

    """
    bot, actor = interaction.client, interaction_actor(interaction)
    character = bot.services.characters.get(request.character_id, interaction.guild_id)
    names: dict[str, str] = {}
    for workflow in plan.workflows:
        used = chosen_workflow(bot, character, request.kind, workflow, request.origin.guild_id)
        parameters = known_parameters(bot, used)
        for sweep in plan.sweeps:
            known = settings_of_pairs({sweep.name: str(sweep.values[0])}, parameters)
            require_allowed(bot, actor, parameters, known)
            names.setdefault(sweep.name, next(iter(known)))
    if len(set(names.values())) < len(names):
        raise InputInvalid("Both sweeps are of the same parameter.", advice="Sweep two different ones for a grid.")
    sweeps = tuple(sweep.model_copy(update={"name": names[sweep.name]}) for sweep in plan.sweeps)
    return plan.model_copy(update={"sweeps": sweeps})
