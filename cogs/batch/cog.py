"""`/batch`, and what is pressed under its messages: start, stop, pick one, vote."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

import discord
from discord import app_commands
from discord.ext import commands

from bot.batches.planning import BatchOptions
from bot.batches.service import unknown_batch
from bot.domain.batches import BatchState, SeedMode
from bot.domain.jobs import UNFINISHED, GenerationRequest, JobKind
from bot.domain.seeds import parse_seed
from bot.errors import ChorusError, InputInvalid
from cogs.actors import interaction_actor, interaction_origin, may_reach_batch, may_view_batch, may_view_job
from cogs.batch.starting import require_allowed_batch, start_batch
from cogs.channel_characters import character_of, drawing_character
from cogs.component_router import router_of
from cogs.delivery import delivery_of
from cogs.option_completion import completed_options
from cogs.results.opening import open_result
from cogs.settings_option import (
    LONGEST_SETTINGS,
    SETTINGS_HINT,
    with_settings,
)
from cogs.ui.batch_view import DISMISS, PICK, START, STOP, VOTE, BatchProgress, finished_view
from cogs.ui.choices import choices

if TYPE_CHECKING:
    from bot.discord_client.bot import ChorusBot
    from bot.domain.batches import Batch

Interaction = discord.Interaction["ChorusBot"]
LONGEST_PROMPT = 4000


class BatchCog(commands.Cog, name="Batch"):
    """Buttons hold the batch's id only; everything else is read from the database."""

    def __init__(self, bot: ChorusBot) -> None:
        self.bot = bot

    async def cog_load(self) -> None:
        """Register what the buttons and menus do."""
        router = router_of(self.bot)
        router.add(START, self._start)
        router.add(DISMISS, self._dismiss)
        router.add(STOP, self._stop)
        router.add(PICK, self._pick)
        router.add(VOTE, self._vote)

    # -- the command

    @app_commands.command(name="batch", description="Draw many pictures at once, and compare them")
    @completed_options(JobKind.IMAGE)
    @app_commands.describe(
        prompt="What to draw; {red|green|blue} draws one of each",
        prompts="Further prompts, one per line or with | between",
        seeds="How seeds are chosen; pictures that are compared share one",
        sweep="A setting and its values: cfg=4..8 step 1, or sampler=euler,dpmpp_2m",
        sweep2="A second one; both together make a grid",
        workflows="Several workflows to compare, with commas between",
        count="How many of each",
        workflow="The workflow of all pictures",
        negative="What to keep out of the pictures",
        seed="The first seed; leave out for a new one",
        character="Who draws; leave out for this channel's character",
        settings=SETTINGS_HINT,
        fresh="Draw anew what was made before",
    )
    async def batch(  # noqa: PLR0917 - one parameter per option
        self,
        interaction: Interaction,
        prompt: app_commands.Range[str, 1, LONGEST_PROMPT],
        prompts: app_commands.Range[str, 1, LONGEST_PROMPT] | None = None,
        seeds: Literal["random", "increment", "fixed"] = "random",
        sweep: app_commands.Range[str, 1, 1000] | None = None,
        sweep2: app_commands.Range[str, 1, 1000] | None = None,
        workflows: app_commands.Range[str, 1, 1000] | None = None,
        count: app_commands.Range[int, 1, 100] | None = None,
        workflow: app_commands.Range[str, 1, 100] | None = None,
        negative: app_commands.Range[str, 1, LONGEST_PROMPT] | None = None,
        seed: app_commands.Range[str, 1, 20] | None = None,
        character: app_commands.Range[str, 1, 100] | None = None,
        settings: app_commands.Range[str, 1, LONGEST_SETTINGS] | None = None,
        fresh: bool = False,
    ) -> None:
        """Plan, confirm where many are asked for, and start."""
        actor = interaction_actor(interaction)
        self.bot.services.policy.require_may_ask(actor)
        artist = await drawing_character(interaction, actor, character)
        request = GenerationRequest(
            kind=JobKind.IMAGE,
            character_id=artist.id,
            requester_id=actor.user_id,
            requester_name=actor.name,
            origin=interaction_origin(interaction),
            positive=prompt,
            negative=negative,
            workflow_name=workflow,
            seed=parse_seed(seed),
            fresh=fresh,
        )
        request, flagged = await with_settings(self.bot, actor, artist, request, settings, takes_count=True)
        options = BatchOptions(
            prompt=request.positive,
            prompts=prompts,
            seeds=SeedMode(seeds),
            seed=request.seed,
            sweeps=[text for text in (sweep, sweep2) if text],
            workflow=request.workflow_name,
            workflows=workflows,
            count=count or flagged,
        )
        await start_batch(interaction, request, options)

    @batch.autocomplete("workflows")
    async def complete_workflows(self, interaction: Interaction, current: str) -> list[app_commands.Choice[str]]:
        """As one types: the names before the last comma stay, the last one is completed."""
        before, _, last = current.rpartition(",")
        chosen = [name.strip() for name in before.split(",") if name.strip()]
        try:
            character = await character_of(interaction, interaction.namespace.character)
        except ChorusError:
            return []
        installed = self.bot.services.workflows.names(character.id, JobKind.IMAGE, interaction.guild_id)
        names = [name for name in installed if name not in chosen]
        wanted = last.strip().casefold()
        lists = [", ".join([*chosen, name]) for name in names if wanted in name.casefold()]
        return choices(((text, text) for text in lists), "")

    # -- before it starts

    async def _start(self, interaction: Interaction, match: re.Match[str]) -> None:
        """Start what was proposed; only the person who asked sees the button."""
        batch = await self._batch(interaction, match, reach_only=True)
        actor, policy = interaction_actor(interaction), self.bot.services.policy
        policy.require_requester(actor, batch.request.requester_id)
        if batch.state is not BatchState.PROPOSED:
            raise InputInvalid("Those pictures are being made already.", advice="Look at their own message.")
        policy.require_may_ask(actor)
        # The channel, the character or the person's permissions may have changed since.
        await drawing_character(interaction, actor, batch.request.character_id)
        require_allowed_batch(interaction, batch)
        await delivery_of(self.bot).accept_batch(interaction, batch, interaction_origin(interaction))

    async def _dismiss(self, interaction: Interaction, _: re.Match[str]) -> None:
        """The proposal stays in the database until it is too old."""
        await interaction.response.edit_message(content="Nothing was started.", view=None)

    # -- while it runs, and afterwards

    async def _stop(self, interaction: Interaction, match: re.Match[str]) -> None:
        """Cancel what is not done. The living message shows the outcome by itself."""
        batch = await self._batch(interaction, match, reach_only=True)
        self.bot.services.policy.require_control(interaction_actor(interaction), batch.request.requester_id)
        # Acknowledged first: interrupting asks ComfyUI, which may take longer than Discord's 3 s.
        await interaction.response.defer()
        if not await self.bot.services.batches.stop(batch):
            raise InputInvalid("Those pictures are done already.", advice="There is nothing left to stop.")

    async def _pick(self, interaction: Interaction, match: re.Match[str]) -> None:
        """Open one picture with its own buttons, for the person alone."""
        batch = await self._batch(interaction, match)
        self.bot.services.policy.require_served(interaction_actor(interaction).channel)
        data: Any = interaction.data
        chosen = next((str(value) for value in data.get("values") or ()), "")
        jobs = await self.bot.services.batches.jobs(batch)
        job = next((job for job in jobs if str(job.request.batch_index) == chosen), None)
        if job is None or not job.artifacts or not may_view_job(interaction, job):
            raise InputInvalid("That picture is no longer here.", advice="Pick another one.")
        await open_result(interaction, job)

    async def _vote(self, interaction: Interaction, match: re.Match[str]) -> None:
        """Count the vote and show the new numbers on the buttons."""
        batch = await self._batch(interaction, match)
        actor, policy = interaction_actor(interaction), self.bot.services.policy
        policy.require_served(actor.channel)
        policy.require_may_write(actor)
        jobs = await self.bot.services.batches.jobs(batch)
        if any(job.state in UNFINISHED for job in jobs):
            raise InputInvalid("Those pictures are still being made.", advice="Vote when all of them are there.")
        votes = await self.bot.services.batches.vote(batch, actor.user_id, int(match["workflow"]))
        progress = BatchProgress(batch, jobs, votes=votes)
        await interaction.response.edit_message(view=finished_view(progress))

    async def _batch(self, interaction: Interaction, match: re.Match[str], *, reach_only: bool = False) -> Batch:
        """The batch that a custom id names. The id says nothing about who may: altered clients send any id they know.

        Args:
            interaction: Who pressed, and where.
            match: Of the custom id.
            reach_only: Nothing of its pictures is shown.

        Raises:
            InputInvalid: Its row is gone, or the person does not reach it from here.

        """
        batch = await self.bot.services.batches.get(UUID(match["batch"]))
        allowed = may_reach_batch if reach_only else may_view_batch
        if not allowed(interaction, batch):
            raise unknown_batch()
        return batch
