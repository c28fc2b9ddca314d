"""`/doctor`: what works here and what does not, with what to do, for the people who manage the server."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

import discord
from discord import app_commands
from discord.ext import commands

from bot.diagnostics.check_result import CheckResult, CheckStatus, broken, note, ok
from bot.diagnostics.checks import run_guild_checks
from bot.diagnostics.discord import OPTIONAL_PERMISSIONS, REQUIRED_PERMISSIONS
from bot.policy import Permission
from cogs.actors import interaction_actor
from cogs.ui.embeds import PROGRESS_COLOUR
from cogs.ui.text import EMBED_DESCRIPTION, escaped

if TYPE_CHECKING:
    from bot.discord_client.bot import ChorusBot

_MARKS = {CheckStatus.OK: "✅", CheckStatus.NOTE: "⚠️", CheckStatus.BROKEN: "❌"}
_CHANNEL = "This channel"
_REPORT = "doctor.txt"


class DoctorCog(commands.Cog, name="Doctor"):
    """The command. It shows no addresses and folders of the host and nothing of other servers."""

    def __init__(self, bot: ChorusBot) -> None:
        self.bot = bot

    @app_commands.command(name="doctor", description="Check this server: permissions, workflows, models, voice")
    @app_commands.guild_only()
    @app_commands.default_permissions(manage_guild=True)
    async def doctor(self, interaction: discord.Interaction[ChorusBot]) -> None:
        """Answer the person alone; servers that do not answer take some seconds."""
        actor, policy = interaction_actor(interaction), self.bot.services.policy
        policy.require_served(actor.channel)
        policy.require_permission(actor, Permission.MANAGE_GUILD)
        await interaction.response.defer(ephemeral=True, thinking=True)
        settings = self.bot.services.settings
        failures = self.bot.services.orchestrator.failures
        found = await run_guild_checks(settings, interaction.guild_id or 0, failures=failures)
        results = [*_check_channel(interaction), *found]
        await interaction.followup.send(embed=_embed(results), file=_report(results), ephemeral=True)


def _check_channel(interaction: discord.Interaction[Any]) -> Iterator[CheckResult]:
    granted = interaction.app_permissions.value
    missing = [name for name, bit in REQUIRED_PERMISSIONS.items() if not granted & bit]
    if missing:
        yield broken(_CHANNEL, f"permissions missing: {', '.join(missing)}", "Allow them to the bot's role here.")
    lacking = [f"{name} ({use})" for name, (bit, use) in OPTIONAL_PERMISSIONS.items() if not granted & bit]
    if lacking:
        yield note(_CHANNEL, f"works without {len(lacking)} permissions", f"Allow {'; '.join(lacking)}.")
    if not missing and not lacking:
        yield ok(_CHANNEL, "all permissions")
    if interaction.guild is not None:
        yield ok(_CHANNEL, f"files of up to {interaction.guild.filesize_limit / 2**20:.0f} MB can be posted")


def _embed(results: Sequence[CheckResult]) -> discord.Embed:
    """What is broken first; of what works only the areas, with their number of checks."""
    count = sum(result.status is CheckStatus.BROKEN for result in results)
    lines = [
        f"{_MARKS[result.status]} **{result.area}**: {escaped(result.text)}\n-# → {escaped(result.advice)}"
        for status in (CheckStatus.BROKEN, CheckStatus.NOTE)
        for result in results
        if result.status is status
    ]
    good = [result for result in results if result.status is CheckStatus.OK]
    for area, group in groupby(good, key=lambda result: result.area):
        texts = [result.text for result in group]
        lines.append(f"{_MARKS[CheckStatus.OK]} **{area}**: {escaped(texts[0]) if len(texts) == 1 else len(texts)}")
    shown: list[str] = []
    for line in lines:
        if sum(map(len, shown)) + len(shown) + len(line) > EMBED_DESCRIPTION - 60:
            shown.append(f"… everything is in {_REPORT}")
            break
        shown.append(line)
    title = f"{count} broken" if count else "Nothing is broken"
    return discord.Embed(title=title, description="\n".join(shown), colour=PROGRESS_COLOUR)


def _report(results: Sequence[CheckResult]) -> discord.File:
    lines = [
        f"{result.status.value:7} {result.area}: {result.text}"
        + (f"\n        -> {result.advice}" if result.advice else "")
        for result in results
    ]
    return discord.File(io.BytesIO("\n".join(lines).encode()), filename=_REPORT)


async def setup(bot: ChorusBot) -> None:
    """Called by the bot before it connects."""
    await bot.add_cog(DoctorCog(bot))
