"""`/status`: whether the language model and ComfyUI are there, the queue, and what sharing the GPU costs."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import discord
from discord import app_commands
from discord.ext import commands

from bot.errors import LanguageModelUnavailable
from bot.language_model.model_names import model_name
from cogs.actors import interaction_channel
from cogs.ui.text import EMBED_FIELD_VALUE, clip, escaped, seconds

if TYPE_CHECKING:
    from bot.discord_client.bot import ChorusBot

ASK_SECONDS = 2.0
"""Discord waits three seconds for the answer."""


class StatusCog(commands.Cog, name="Status"):
    """The command. It shows no addresses, paths or model files of the host."""

    def __init__(self, bot: ChorusBot) -> None:
        self.bot = bot

    @app_commands.command(name="status", description="Show how the bot is doing")
    async def status(self, interaction: discord.Interaction[ChorusBot]) -> None:
        """Shown to the person alone."""
        self.bot.services.policy.require_served(interaction_channel(interaction))
        services = self.bot.services
        view = await services.orchestrator.queue_view()
        embed = discord.Embed(title="Status")
        embed.add_field(name="Language model", value=clip(await self._model(), EMBED_FIELD_VALUE), inline=False)
        embed.add_field(name="ComfyUI", value=self._comfyui(), inline=False)
        embed.add_field(name="Queue", value=f"{len(view.running)} running, {len(view.waiting)} waiting")
        if services.settings.visual_generation.unload_during_image_generation:
            swaps = services.orchestrator.swaps
            embed.add_field(name="Swaps of the GPU's memory", value=f"{swaps.count}, {seconds(swaps.seconds)} in all")
        await interaction.response.send_message(embed=embed, ephemeral=True)

    async def _model(self) -> str:
        llm = self.bot.services.settings.llm
        try:
            async with asyncio.timeout(ASK_SECONDS):
                names = await self.bot.services.language_model.list_models()
        except (LanguageModelUnavailable, TimeoutError):
            return f"❌ {llm.provider}: no answer (`LLM_UNAVAILABLE`)"
        chosen = llm.model or (names[0] if names else "no model")
        return f"✅ {llm.provider}: {escaped(model_name(chosen))}"

    def _comfyui(self) -> str:
        return "\n".join(_state(client.connected, client.outage) for client in self.bot.services.comfy)


def _state(connected: bool, outage: str | None) -> str:
    if connected:
        return "✅ connected"
    return f"❌ {outage} (`COMFY_UNAVAILABLE`)" if outage not in {None, "is away"} else "❌ no connection"


async def setup(bot: ChorusBot) -> None:
    """Called by `load_extension`."""
    await bot.add_cog(StatusCog(bot))
