"""A bot in a process of its own, to be killed: `python -m tests.sandbox.discord.small_bot URL TOKEN`."""

from __future__ import annotations

import sys

import discord
from discord import app_commands

from bot.discord_client.endpoint import point_discord_at


class SmallBot(discord.Client):
    """Answers `/slow` at once and edits the answer afterwards."""

    def __init__(self) -> None:
        super().__init__(intents=discord.Intents.all(), guild_ready_timeout=0.1)
        self.tree = app_commands.CommandTree(self)

        @self.tree.command(name="slow", description="Slow")
        async def slow(interaction: discord.Interaction) -> None:
            await interaction.response.send_message("working")
            await interaction.edit_original_response(content="done")

        self.slow = slow

    async def setup_hook(self) -> None:
        await self.tree.sync()


if __name__ == "__main__":
    point_discord_at(sys.argv[1])
    SmallBot().run(sys.argv[2], log_handler=None)
