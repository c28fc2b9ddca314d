"""`/queue`: what runs, what waits, and for how long."""

from __future__ import annotations

from typing import TYPE_CHECKING

import discord
from discord import app_commands
from discord.ext import commands

from bot.errors import ChorusError
from cogs.actors import interaction_channel
from cogs.ui.embeds import PROGRESS_COLOUR, noun
from cogs.ui.text import EMBED_DESCRIPTION, clip, escaped, seconds

if TYPE_CHECKING:
    from bot.discord_client.bot import ChorusBot
    from bot.domain.job_updates import QueueEntry, QueueView

SHOWN = 15


class QueueCog(commands.Cog, name="Queue"):
    """Looks at the queue; jobs are cancelled at their own message or with `/cancel`."""

    def __init__(self, bot: ChorusBot) -> None:
        self.bot = bot

    @app_commands.command(name="queue", description="Show what is being made and what waits")
    async def queue(self, interaction: discord.Interaction[ChorusBot]) -> None:
        """Shown to the person alone."""
        self.bot.services.policy.require_served(interaction_channel(interaction))
        view = await self.bot.services.orchestrator.queue_view()
        embed = queue_embed(self.bot, view, interaction.guild_id, interaction.user.id)
        await interaction.response.send_message(embed=embed, ephemeral=True)


def queue_embed(bot: ChorusBot, view: QueueView, guild_id: int | None, viewer_id: int) -> discord.Embed:
    """Running first, then waiting by place; the viewer's own with their names, also those far behind.

    No prompts: they are other people's words.
    """
    lines = [f"-# {view.reason}"] if view.reason else []
    lines += [_running(bot, entry, guild_id, viewer_id) for entry in view.running]
    lines += [_waiting(bot, entry, guild_id, viewer_id) for entry in view.waiting[:SHOWN]]
    own = [entry for entry in view.waiting[SHOWN:] if entry.requester_id == viewer_id]
    lines += [_waiting(bot, entry, guild_id, viewer_id) for entry in own[:SHOWN]]
    more = len(view.waiting) - SHOWN - len(own[:SHOWN])
    if more > 0:
        lines.append(f"… and {more} more")
    text = "\n".join(lines) or "Nothing runs and nothing waits."
    return discord.Embed(title="Queue", description=clip(text, EMBED_DESCRIPTION), colour=PROGRESS_COLOUR)


def _running(bot: ChorusBot, entry: QueueEntry, guild_id: int | None, viewer_id: int) -> str:
    return f"▶ {_who(bot, entry, guild_id, viewer_id)}"


def _waiting(bot: ChorusBot, entry: QueueEntry, guild_id: int | None, viewer_id: int) -> str:
    expected = f" · about {seconds(entry.expected_seconds)}" if entry.expected_seconds is not None else ""
    return f"`{entry.position:>3}` {_who(bot, entry, guild_id, viewer_id)}{expected}"


def _who(bot: ChorusBot, entry: QueueEntry, guild_id: int | None, viewer_id: int) -> str:
    """People and characters of another server stay there."""
    if entry.requester_id == viewer_id:
        person = "you"
    elif not entry.requester_id:
        person = "the owner"
    else:
        person = (
            f"<@{entry.requester_id}>" if entry.guild_id == guild_id and guild_id is not None else "somebody elsewhere"
        )
    try:
        name = bot.services.characters.get(entry.character_id, guild_id).name
    except ChorusError:
        name = "a character"
    text = f"{escaped(name)}: {noun(entry.kind)} for {person}"
    return f"{text} · `{entry.digest}`" if person == "you" else text


async def setup(bot: ChorusBot) -> None:
    """Called by the bot before it connects."""
    await bot.add_cog(QueueCog(bot))
