"""`/scene`: a picture of what is going on here, its prompt written by the language model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import discord
from discord import app_commands
from discord.ext import commands

from bot.domain.jobs import GenerationRequest, JobKind
from cogs.actors import interaction_actor, interaction_origin
from cogs.channel_characters import drawing_character
from cogs.delivery import delivery_of
from cogs.option_completion import completed_options
from cogs.settings_option import (
    LONGEST_SETTINGS,
    SETTINGS_HINT,
    with_settings,
)

if TYPE_CHECKING:
    from bot.discord_client.bot import ChorusBot

PRESENT_MOMENT = "The present moment of this conversation, with the character in it."


class SceneCog(commands.Cog, name="Scene"):
    """The command."""

    def __init__(self, bot: ChorusBot) -> None:
        self.bot = bot

    @app_commands.command(name="scene", description="Draw a scene; the character finds the words for it")
    @completed_options(JobKind.IMAGE)
    @app_commands.describe(
        about="What to show, in plain words; leave out for this very moment",
        character="Who draws; leave out for this channel's character",
        workflow="One of the character's image workflows",
        settings=SETTINGS_HINT,
    )
    async def scene(
        self,
        interaction: discord.Interaction[ChorusBot],
        about: app_commands.Range[str, 1, 2000] | None = None,
        character: app_commands.Range[str, 1, 100] | None = None,
        workflow: app_commands.Range[str, 1, 100] | None = None,
        settings: app_commands.Range[str, 1, LONGEST_SETTINGS] | None = None,
    ) -> None:
        """The job is answered at once and waits for its prompt."""
        actor = interaction_actor(interaction)
        self.bot.services.policy.require_may_ask(actor)
        artist = await drawing_character(interaction, actor, character)
        thread = await self.bot.services.conversations.channels.current_thread(actor.channel)
        words = (about or "").strip() or PRESENT_MOMENT
        request = GenerationRequest(
            kind=JobKind.IMAGE,
            character_id=artist.id,
            requester_id=actor.user_id,
            requester_name=actor.name,
            origin=interaction_origin(interaction),
            positive=words,
            written_prompt=words,
            rewrite=True,
            workflow_name=workflow,
            conversation_id=thread.conversation_id if thread else None,
            thread_id=thread.id if thread else None,
        )
        request, _ = await with_settings(self.bot, actor, artist, request, settings)
        await delivery_of(self.bot).accept(interaction, request)


async def setup(bot: ChorusBot) -> None:
    """Called by the bot before it connects."""
    await bot.add_cog(SceneCog(bot))
