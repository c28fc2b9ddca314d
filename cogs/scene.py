"""`/scene`: a picture of what is going on here, its prompt written by the language model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import discord
from discord import app_commands
from discord.ext import commands

from bot.domain.jobs import GenerationRequest, JobKind
from bot.errors import NotAllowed
from cogs.delivery import delivery_of
from cogs.ui.choices import character_choices
from cogs.ui.origin import character_of, origin_of, require_fitting_place
from cogs.ui.permissions import require_bot_can_post

if TYPE_CHECKING:
    from bot.discord_client.bot import ChorusBot

THE_MOMENT = "The present moment of this conversation, with the character in it."


class Scene(commands.Cog):
    """The command."""

    def __init__(self, bot: ChorusBot) -> None:
        self.bot = bot

    @app_commands.command(name="scene", description="Draw a scene; the character finds the words for it")
    @app_commands.describe(
        about="What to show, in plain words; leave out for this very moment",
        character="Who draws; leave out for this channel's character",
    )
    async def scene(
        self,
        interaction: discord.Interaction[ChorusBot],
        about: app_commands.Range[str, 1, 2000] | None = None,
        character: app_commands.Range[str, 1, 100] | None = None,
    ) -> None:
        """The job waits for its prompt; the answer does not."""
        require_bot_can_post(interaction)
        artist = self.bot.services.characters.get(await character_of(interaction, character), interaction.guild_id)
        require_fitting_place(artist, interaction)
        if not artist.image_generation.enabled:
            raise NotAllowed(f"{artist.name} does not draw.", advice="Choose another character.")
        thread = await self.bot.services.conversations.channels.current_thread(
            interaction.channel_id or 0, getattr(interaction.channel, "parent_id", None)
        )
        words = (about or "").strip() or THE_MOMENT
        request = GenerationRequest(
            kind=JobKind.IMAGE,
            character_id=artist.id,
            requester_id=interaction.user.id,
            requester_name=interaction.user.display_name,
            origin=origin_of(interaction),
            positive=words,
            written_prompt=words,
            rewrite=True,
            conversation_id=thread.conversation_id if thread else None,
            thread_id=thread.id if thread else None,
        )
        await delivery_of(self.bot).accept(interaction, request)

    @scene.autocomplete("character")
    async def complete_character(
        self, interaction: discord.Interaction[ChorusBot], current: str
    ) -> list[app_commands.Choice[str]]:
        """Names that hold what was typed."""
        return character_choices(interaction, current)


async def setup(bot: ChorusBot) -> None:
    """Called by `load_extension`."""
    await bot.add_cog(Scene(bot))
