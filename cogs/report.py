"""Apps → Report on a result or an answer: stored, and told to the server's log channel."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Final

import discord
from discord import app_commands
from discord.ext import commands

from bot.discord_client.errors import NETWORK_ERRORS
from bot.domain.jobs import Job
from bot.domain.reports import Report
from bot.errors import InputInvalid, TooManyRequests
from bot.rate_limiter import RateLimiter
from cogs.actors import interaction_channel, may_view_job
from cogs.component_router import router_of
from cogs.results import results_of
from cogs.ui.embeds import footer
from cogs.ui.modals import Field, stateless_modal, submitted_values
from cogs.ui.text import quote_prompt

if TYPE_CHECKING:
    from bot.discord_client.bot import ChorusBot
    from bot.domain.conversations import Message

Interaction = discord.Interaction["ChorusBot"]
REPORT_FORM: Final = r"chorus:report:(?P<message>\d{1,20})"
REPORTS_PER_HOUR: Final = 10
"""Of one person."""
LONGEST_REASON: Final = 500
_COLOUR: Final = discord.Colour(0xD9534F)
log = logging.getLogger(__name__)


class ReportCog(commands.Cog, name="Report"):
    """The form's custom id names the message, which is looked up again when the form is submitted."""

    def __init__(self, bot: ChorusBot) -> None:
        self.bot = bot
        self._reports = RateLimiter(REPORTS_PER_HOUR, seconds=3600)
        self._menu = app_commands.ContextMenu(name="Report", callback=self.report)
        self._menu.guild_only = True

    async def cog_load(self) -> None:
        """Add the menu, which discord.py does not find in a cog by itself."""
        self.bot.tree.add_command(self._menu)
        router_of(self.bot).add(REPORT_FORM, self._submit)

    async def cog_unload(self) -> None:
        """Remove the menu."""
        self.bot.tree.remove_command(self._menu.name, type=self._menu.type)

    async def report(self, interaction: Interaction, message: discord.Message) -> None:
        """Ask what is wrong with the message."""
        await self._reported(interaction, message.id)
        note = "People who manage this server read it"
        field = Field("reason", "What is wrong with it?", note=note, long=True, max_length=LONGEST_REASON)
        await interaction.response.send_modal(stateless_modal("Report", f"chorus:report:{message.id}", [field]))

    async def _submit(self, interaction: Interaction, match: re.Match[str]) -> None:
        """Store the report, then tell the log channel."""
        message_id = int(match["message"])
        found = await self._reported(interaction, message_id)
        if not self._reports.allows(interaction.user.id):
            raise TooManyRequests("Those were many reports in a short time.", advice="Wait an hour, then try again.")
        report = Report(
            guild_id=interaction.guild_id or 0,
            channel_id=interaction.channel_id or 0,
            message_id=message_id,
            job_id=str(found.id) if isinstance(found, Job) else None,
            turn_id=None if isinstance(found, Job) else found.id,
            reporter_id=interaction.user.id,
            reason=submitted_values(interaction).get("reason", "").strip()[:LONGEST_REASON],
            created_at=discord.utils.utcnow(),
        )
        if not await self.bot.services.reports.add(report):
            raise InputInvalid("You have reported that already.", advice="People who manage this server will see it.")
        await interaction.response.send_message("Thank you. People who manage this server can see it.", ephemeral=True)
        await self._tell(report, found)

    async def _reported(self, interaction: Interaction, message_id: int) -> Job | Message:
        """What a message of this channel shows.

        Raises:
            InputInvalid: It is none of the bot's, or none of this channel: the id was forged.

        """
        channel = interaction_channel(interaction)
        self.bot.services.policy.require_served(channel)
        row = await self.bot.services.deliveries.by_message(message_id)
        found = await results_of(self.bot).of_message(message_id)
        is_here = row is not None and row.channel_id == channel.channel_id and not channel.is_direct
        if found is None or not is_here or (isinstance(found, Job) and not may_view_job(interaction, found)):
            raise InputInvalid(
                "That message is not one of mine.",
                advice="Choose a picture, a voice message or an answer of a character.",
            )
        return found

    async def _tell(self, report: Report, found: Job | Message) -> None:
        """Post the report in the log channel, if the server has one; it stays in `/admin` all the same."""
        channel_id = self.bot.services.server_rules.log_channel_id(report.guild_id)
        if channel_id is None:
            return
        lines = [f"<@{report.reporter_id}> reported {report.link}"]
        if report.reason:
            lines.append(f"> {quote_prompt(report.reason, LONGEST_REASON)}")
        embed = discord.Embed(title="Report", description="\n".join(lines), colour=_COLOUR, timestamp=report.created_at)
        if isinstance(found, Job):
            embed.add_field(name="Asked for by", value=f"<@{found.request.requester_id}>")
            embed.set_footer(text=footer(found))
        try:
            await self.bot.get_partial_messageable(channel_id, guild_id=report.guild_id).send(embed=embed)
        except (discord.HTTPException, *NETWORK_ERRORS) as failure:
            log.info("the log channel %s of server %s cannot be told: %s", channel_id, report.guild_id, failure)


async def setup(bot: ChorusBot) -> None:
    """Called by the bot before it connects."""
    await bot.add_cog(ReportCog(bot))
