"""`/imagine`: a picture from words, drawn by a character's own ComfyUI workflow."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING

import discord
from discord import app_commands
from discord.ext import commands

from bot.batches.planning import BatchOptions
from bot.derived_jobs.picture_workflows import with_picture_workflow
from bot.domain.batches import SeedMode
from bot.domain.jobs import GenerationRequest, JobKind
from bot.domain.seeds import parse_seed
from bot.errors import InputInvalid
from bot.workflows.media_assignment import MASK, mask_is_transparency
from cogs.actors import interaction_actor, interaction_origin
from cogs.attachments import GivenFiles, accept_with_files, fetch_files, roles_of, with_mask
from cogs.batch import start_batch
from cogs.channel_characters import drawing_character
from cogs.delivery import delivery_of
from cogs.message_pictures import LONGEST_LINK, joined, linked_picture
from cogs.option_completion import completed_options
from cogs.settings_option import (
    LONGEST_SETTINGS,
    SETTINGS_HINT,
    chosen_workflow,
    with_settings,
)

if TYPE_CHECKING:
    from bot.discord_client.bot import ChorusBot
    from bot.workflows.workflow import Workflow

LONGEST_PROMPT = 4000


class ImagineCog(commands.Cog, name="Imagine"):
    """The command and its autocompletion."""

    def __init__(self, bot: ChorusBot) -> None:
        self.bot = bot

    @app_commands.command(name="imagine", description="Draw a picture from your words")
    @completed_options(JobKind.IMAGE)
    @app_commands.describe(
        prompt="What to draw",
        negative="What to keep out of the picture",
        workflow="One of the character's image workflows",
        seed="The same seed draws the same picture; leave out for a new one",
        character="Who draws; leave out for this channel's character",
        enhance="Let the language model find better words for it",
        count="How many pictures, each with a seed of its own",
        fresh="Draw anew what was made before with the same words and seed",
        settings=SETTINGS_HINT,
        image="A picture to start from, or what else the workflow takes (a film, a sound)",
        image2="A second picture: a mask, a pose, a reference, as the workflow needs it",
        image3="A third picture",
        image4="A fourth picture",
        source="Link to a message with a picture to start from; of several, a number after it says which",
        mask="Which part of the picture may change: what is white or transparent in this one",
    )
    @app_commands.rename(source="from")
    async def imagine(  # noqa: PLR0917 - one parameter per option
        self,
        interaction: discord.Interaction[ChorusBot],
        prompt: app_commands.Range[str, 1, LONGEST_PROMPT],
        negative: app_commands.Range[str, 1, LONGEST_PROMPT] | None = None,
        workflow: app_commands.Range[str, 1, 100] | None = None,
        seed: app_commands.Range[str, 1, 20] | None = None,
        character: app_commands.Range[str, 1, 100] | None = None,
        enhance: bool = False,
        count: app_commands.Range[int, 1, 100] | None = None,
        fresh: bool = False,
        settings: app_commands.Range[str, 1, LONGEST_SETTINGS] | None = None,
        image: discord.Attachment | None = None,
        image2: discord.Attachment | None = None,
        image3: discord.Attachment | None = None,
        image4: discord.Attachment | None = None,
        source: app_commands.Range[str, 1, LONGEST_LINK] | None = None,
        mask: discord.Attachment | None = None,
    ) -> None:
        """Parse and submit; delivery answers, shows progress and posts the result."""
        attached = [each for each in (image, image2, image3, image4) if each is not None]
        actor = interaction_actor(interaction)
        self.bot.services.policy.require_may_ask(actor)
        if mask is not None and not (attached or source):
            raise InputInvalid("A mask needs a picture that it belongs to.", advice="Attach the picture as `image`.")
        words = prompt.strip()
        if not words:
            raise InputInvalid("The prompt is empty.", advice="Say what to draw.")
        artist = await drawing_character(interaction, actor, character)
        request = GenerationRequest(
            kind=JobKind.IMAGE,
            character_id=artist.id,
            requester_id=actor.user_id,
            requester_name=actor.name,
            origin=interaction_origin(interaction),
            positive=words,
            written_prompt=words if enhance else None,
            rewrite=enhance,
            negative=negative,
            workflow_name=workflow,
            seed=parse_seed(seed),
            fresh=fresh,
        )
        if (attached or source) and workflow is None:
            roles = [*roles_of(attached, further_pictures=1 if source else 0), *([MASK] if mask else [])]
            request = with_picture_workflow(self.bot.services.workflows, artist, request, roles)
        request, flagged = await with_settings(self.bot, actor, artist, request, settings, takes_count=True)
        if (wanted := count or flagged or 1) > 1:
            seeds = SeedMode.RANDOM if request.seed is None else SeedMode.INCREMENT
            options = BatchOptions(
                prompt=request.positive,
                seeds=seeds,
                seed=request.seed,
                workflow=request.workflow_name,
                count=wanted,
                with_alternatives=False,
            )
            if attached or source:
                raise InputInvalid(
                    "Several pictures at once cannot start from an attached one.", advice="Leave `count` out."
                )
            await start_batch(interaction, request, options)
            return
        if attached or source:
            fetch = partial(_given_files, interaction, attached, source)
            if mask is not None:
                used = chosen_workflow(self.bot, artist, request.kind, request.workflow_name, interaction.guild_id)
                fetch = partial(_masked_files, interaction.client, fetch, mask, used)
            await accept_with_files(interaction, fetch, lambda given: given.added_to(request))
            return
        await delivery_of(self.bot).accept(interaction, request)


async def _given_files(
    interaction: discord.Interaction[ChorusBot], attached: list[discord.Attachment], source: str | None
) -> GivenFiles:
    """The linked picture, which goes first, and the attachments."""
    further = await fetch_files(interaction.client, attached)
    return further if source is None else joined(await linked_picture(interaction, source), further)


async def _masked_files(
    bot: ChorusBot, fetch: Callable[[], Awaitable[GivenFiles]], mask: discord.Attachment, workflow: Workflow
) -> GivenFiles:
    """The files with the mask of the first picture, as the workflow takes it."""
    return await with_mask(bot, await fetch(), mask, as_transparency=mask_is_transparency(workflow))


async def setup(bot: ChorusBot) -> None:
    """Called by the bot before it connects."""
    await bot.add_cog(ImagineCog(bot))
