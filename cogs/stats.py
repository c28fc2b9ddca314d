"""`/stats`: what the votes on comparisons say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import discord
from discord import app_commands
from discord.ext import commands

from cogs.actors import interaction_channel
from cogs.ui.embeds import RESULT_COLOUR
from cogs.ui.text import EMBED_DESCRIPTION, clip

if TYPE_CHECKING:
    from bot.discord_client.bot import ChorusBot
    from bot.domain.batches import Vote

SHOWN = 20


class StatsCog(commands.GroupCog, group_name="stats", group_description="What was liked best"):
    """Shown to the person alone."""

    def __init__(self, bot: ChorusBot) -> None:
        self.bot = bot

    @app_commands.command(name="ab", description="Which workflows people liked best in comparisons")
    async def ab(self, interaction: discord.Interaction[ChorusBot]) -> None:
        """Of this server; in direct messages, of this conversation."""
        self.bot.services.policy.require_served(interaction_channel(interaction))
        votes = await self.bot.services.batches.vote_totals(
            guild_id=interaction.guild_id, channel_id=interaction.channel_id
        )
        lines = [_line(vote) for vote in votes[:SHOWN]]
        nothing = "Nobody has voted yet. Compare workflows with `/batch workflows:`, and vote under the result."
        embed = discord.Embed(
            title="Comparisons", description=clip("\n".join(lines) or nothing, EMBED_DESCRIPTION), colour=RESULT_COLOUR
        )
        await interaction.response.send_message(embed=embed, ephemeral=True)


def _line(vote: Vote) -> str:
    name = discord.utils.escape_markdown(clip(vote.workflow_name, 60))
    times = "comparison" if vote.comparisons == 1 else "comparisons"
    return f"**{name}** · {vote.votes} vote{'s' if vote.votes != 1 else ''} in {vote.comparisons} {times}"


async def setup(bot: ChorusBot) -> None:
    """Called by the bot before it connects."""
    await bot.add_cog(StatsCog(bot))
