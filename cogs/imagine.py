"""`/imagine`: a picture from words, drawn by a character's own ComfyUI workflow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import discord
from discord import app_commands
from discord.ext import commands

from bot.domain.jobs import GenerationRequest, JobKind
from bot.domain.seeds import parse_seed
from bot.errors import ChorusError, InputInvalid, NotAllowed
from cogs.delivery import delivery_of
from cogs.ui.choices import character_choices, choices
from cogs.ui.origin import character_of, origin_of, require_fitting_place
from cogs.ui.permissions import require_bot_can_post

if TYPE_CHECKING:
    from bot.discord_client.bot import ChorusBot

LONGEST_PROMPT = 4000


class Imagine(commands.Cog):
    """The command and its autocompletion."""

    def __init__(self, bot: ChorusBot) -> None:
        self.bot = bot

    @app_commands.command(name="imagine", description="Draw a picture from your words")
    @app_commands.describe(
        prompt="What to draw",
        negative="What to keep out of the picture",
        workflow="One of the character's image workflows",
        seed="The same seed draws the same picture; leave out for a new one",
        character="Who draws; leave out for this channel's character",
        enhance="Let the language model find better words for it",
    )
    async def imagine(  # noqa: PLR0917 - one parameter per option
        self,
        interaction: discord.Interaction[ChorusBot],
        prompt: app_commands.Range[str, 1, LONGEST_PROMPT],
        negative: app_commands.Range[str, 1, LONGEST_PROMPT] | None = None,
        workflow: app_commands.Range[str, 1, 100] | None = None,
        seed: app_commands.Range[str, 1, 20] | None = None,
        character: app_commands.Range[str, 1, 100] | None = None,
        enhance: bool = False,
    ) -> None:
        """Parse, submit, answer; the rest is delivery's."""
        require_bot_can_post(interaction)
        words = parse_prompt(prompt)
        request = GenerationRequest(
            kind=JobKind.IMAGE,
            character_id=await self._artist(interaction, character),
            requester_id=interaction.user.id,
            requester_name=interaction.user.display_name,
            origin=origin_of(interaction),
            positive=words,
            written_prompt=words if enhance else None,
            rewrite=enhance,
            negative=negative,
            workflow_name=workflow,
            seed=None if seed is None else parse_seed(seed, advice_suffix=", or leave it out"),
        )
        await delivery_of(self.bot).accept(interaction, request)

    @imagine.autocomplete("character")
    async def complete_character(
        self, interaction: discord.Interaction[ChorusBot], current: str
    ) -> list[app_commands.Choice[str]]:
        """Names that hold what was typed; the value is the id."""
        return character_choices(interaction, current)

    @imagine.autocomplete("workflow")
    async def complete_workflow(
        self, interaction: discord.Interaction[ChorusBot], current: str
    ) -> list[app_commands.Choice[str]]:
        """The image workflows of the character chosen so far, the default first."""
        try:
            character_id = await character_of(interaction, interaction.namespace.character)
        except ChorusError:
            return []
        names = self.bot.services.workflows.names(character_id, JobKind.IMAGE)
        return choices(((name, name) for name in names), current)

    async def _artist(self, interaction: discord.Interaction[ChorusBot], chosen: str | None) -> str:
        character_id = await character_of(interaction, chosen)
        character = self.bot.services.characters.get(character_id, interaction.guild_id)
        require_fitting_place(character, interaction)
        if not character.image_generation.enabled:
            raise NotAllowed(f"{character.name} does not draw.", advice="Choose another character.")
        return character_id


def parse_prompt(text: str) -> str:
    """The words to draw.

    Raises:
        InputInvalid: Nothing but white space.

    """
    words = text.strip()
    if not words:
        raise InputInvalid("The prompt is empty.", advice="Say what to draw.")
    return words


async def setup(bot: ChorusBot) -> None:
    """Called by the bot before it connects."""
    await bot.add_cog(Imagine(bot))
