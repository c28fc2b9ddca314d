"""Starts a batch, after the person has confirmed a large one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import discord

from bot.batches.planning import BatchOptions, make_plan
from cogs.delivery import delivery_of
from cogs.ui.batch_view import proposal_text, proposal_view

if TYPE_CHECKING:
    from bot.discord_client.bot import ChorusBot
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
    plan = make_plan(options, max_count=services.batches.max_count)
    batch = services.batches.new(request, plan)
    if batch.total <= services.settings.batch.confirm_above:
        await delivery_of(interaction.client).accept_batch(interaction, batch)
        return
    expected = await services.batches.estimate(batch)
    await services.batches.propose(batch)
    await interaction.response.send_message(proposal_text(batch, expected), view=proposal_view(batch), ephemeral=True)
