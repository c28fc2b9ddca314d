"""`/animate`: a film from words, or from a picture."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

import discord
from discord import app_commands
from discord.ext import commands

from bot.domain.jobs import GenerationRequest, JobKind
from bot.errors import InputInvalid
from cogs.actors import interaction_actor, interaction_origin
from cogs.attachments import accept_with_files, fetch_files
from cogs.channel_characters import drawing_character
from cogs.delivery import delivery_of
from cogs.film_requests import with_length, with_picture_film
from cogs.option_completion import completed_options
from cogs.settings_option import (
    LONGEST_SETTINGS,
    SETTINGS_HINT,
    with_settings,
)

if TYPE_CHECKING:
    from bot.discord_client.bot import ChorusBot

LONGEST_PROMPT: Final = 4000
LONGEST_SECONDS: Final = 120.0


class AnimateCog(commands.Cog, name="Animate"):
    """The command and its autocompletion."""

    def __init__(self, bot: ChorusBot) -> None:
        self.bot = bot

    @app_commands.command(name="animate", description="Make a film from your words, or from a picture")
    @completed_options(JobKind.VIDEO)
    @app_commands.describe(
        prompt="What happens in the film",
        image="The picture that the film begins with",
        last_image="The picture that it ends with, where the workflow can do that",
        length="Seconds",
        workflow="One of the character's video workflows",
        settings=SETTINGS_HINT,
        character="Who films; leave out for this channel's character",
    )
    async def animate(  # noqa: PLR0917 - one parameter per option
        self,
        interaction: discord.Interaction[ChorusBot],
        prompt: app_commands.Range[str, 1, LONGEST_PROMPT],
        image: discord.Attachment | None = None,
        last_image: discord.Attachment | None = None,
        length: app_commands.Range[float, 0.1, LONGEST_SECONDS] | None = None,
        workflow: app_commands.Range[str, 1, 100] | None = None,
        settings: app_commands.Range[str, 1, LONGEST_SETTINGS] | None = None,
        character: app_commands.Range[str, 1, 100] | None = None,
    ) -> None:
        """Parse and submit; delivery answers, shows progress and posts the film."""
        actor = interaction_actor(interaction)
        self.bot.services.policy.require_may_ask(actor)
        words = prompt.strip()
        if not words:
            raise InputInvalid("The prompt is empty.", advice="Say what happens in the film.")
        artist = await drawing_character(interaction, actor, character)
        request = GenerationRequest(
            kind=JobKind.VIDEO,
            character_id=artist.id,
            requester_id=actor.user_id,
            requester_name=actor.name,
            origin=interaction_origin(interaction),
            positive=words,
            workflow_name=workflow,
        )
        if image is not None and workflow is None:
            request = with_picture_film(self.bot, artist, request)
        request, _ = await with_settings(self.bot, actor, artist, request, settings)
        request = with_length(self.bot, artist, request, length)
        if image is None and last_image is None:
            await delivery_of(self.bot).accept(interaction, request)
            return
        given = [image] if image is not None else []
        fetch = partial(fetch_files, self.bot, given, last=last_image)
        await accept_with_files(interaction, fetch, lambda files: files.added_to(request))


async def setup(bot: ChorusBot) -> None:
    """Called by the bot before it connects."""
    await bot.add_cog(AnimateCog(bot))
