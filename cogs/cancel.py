"""`/cancel`: end jobs that wait or run, by name or all at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import discord
from discord import app_commands
from discord.ext import commands

from bot.domain.jobs import UNFINISHED
from bot.errors import InputInvalid
from cogs.actors import interaction_actor, interaction_channel
from cogs.results.finding import find_controllable_job
from cogs.ui.choices import choices
from cogs.ui.embeds import noun

if TYPE_CHECKING:
    from bot.discord_client.bot import ChorusBot
    from bot.domain.job_updates import QueueEntry

ALL = "all"


class CancelCog(commands.Cog, name="Cancel"):
    """The command; it does the same as the button **Cancel** under a job."""

    def __init__(self, bot: ChorusBot) -> None:
        self.bot = bot

    @app_commands.command(name="cancel", description="Stop what is being made or waits for you")
    @app_commands.describe(job='The name under it (job 0123456789ab), a link to its message, or "all" of yours here')
    async def cancel(
        self, interaction: discord.Interaction[ChorusBot], job: app_commands.Range[str, 1, 200] | None = None
    ) -> None:
        """Without a job: the person's only one. Their own, or with Manage Messages anybody's by its name."""
        self.bot.services.policy.require_served(interaction_channel(interaction))
        # Acknowledged first: the database may take longer than Discord's 3 s.
        await interaction.response.defer(ephemeral=True)
        named = (job or "").strip()
        if named and named.casefold() != ALL:
            count = await self._cancel_named(interaction, named)
        else:
            count = await self._cancel_own(interaction, everything=bool(named))
        await interaction.followup.send(
            "Cancelled." if count == 1 else f"Cancelled {count} jobs.", ephemeral=True, wait=True
        )

    async def _cancel_named(self, interaction: discord.Interaction[ChorusBot], name: str) -> int:
        found = await find_controllable_job(interaction, name)
        self.bot.services.policy.require_control(interaction_actor(interaction), found.request.requester_id)
        if found.state not in UNFINISHED or not await self.bot.services.orchestrator.cancel(found.id):
            raise InputInvalid("That job is already over.", advice="There is nothing left to cancel.")
        return 1

    async def _cancel_own(self, interaction: discord.Interaction[ChorusBot], *, everything: bool) -> int:
        """The last ones first, so that none of them is begun; a batch is stopped as a whole."""
        entries = await own_entries(interaction)
        if not entries:
            raise InputInvalid("Nothing of yours waits or runs here.", advice="There is nothing to cancel.")
        if len(entries) > 1 and not everything:
            raise InputInvalid(
                f"{len(entries)} jobs of yours wait or run here.",
                advice="Name one as `/queue` shows them, or write `/cancel job:all`.",
            )
        services, cancelled = self.bot.services, 0
        for batch_id in {entry.batch_id for entry in entries} - {None}:
            if batch_id is not None:
                cancelled += await services.batches.stop(await services.batches.get(batch_id))
        for entry in reversed(entries):
            if entry.batch_id is None:
                cancelled += await services.orchestrator.cancel(entry.job_id)
        return cancelled

    @cancel.autocomplete("job")
    async def complete_job(
        self, interaction: discord.Interaction[ChorusBot], current: str
    ) -> list[app_commands.Choice[str]]:
        """The person's jobs that wait or run here."""
        entries = await own_entries(interaction)
        named = [(_label(entry), entry.digest) for entry in entries]
        return choices([("all of mine", ALL), *named] if len(named) > 1 else named, current)


async def own_entries(interaction: discord.Interaction[ChorusBot]) -> list[QueueEntry]:
    """The person's jobs that run or wait in this server, or in these direct messages, in the order of the queue."""
    view = await interaction.client.services.orchestrator.queue_view()
    return [
        entry
        for entry in (*view.running, *view.waiting)
        if entry.requester_id == interaction.user.id
        and entry.guild_id == interaction.guild_id
        and (entry.guild_id is not None or entry.channel_id == interaction.channel_id)
    ]


def _label(entry: QueueEntry) -> str:
    place = f"place {entry.position}" if entry.position else "running"
    return f"{entry.digest} · {noun(entry.kind)} · {place}"


async def setup(bot: ChorusBot) -> None:
    """Called by `load_extension`."""
    await bot.add_cog(CancelCog(bot))
