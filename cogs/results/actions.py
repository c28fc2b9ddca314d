"""What each button under a job's message does."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from uuid import UUID

import discord

from bot.derived_jobs.requests import remix, repeat, upscale, vary
from bot.derived_jobs.service import pictures
from bot.domain.jobs import UNFINISHED, JobKind
from bot.errors import InputInvalid, NotAllowed
from bot.workflows.version_differences import shortened
from cogs.actors import interaction_actor, may_reach_job, may_view_job
from cogs.delivery.files import size_limit
from cogs.delivery.offers import can_animate
from cogs.results.animate_button import open_film_form, submit_film_form
from cogs.results.deletion import delete_result
from cogs.results.derived_job_starter import DerivedJobStarter, message_link
from cogs.results.info import job_embed, sidecar_file, turn_embed
from cogs.results.region_panel import RegionPanels
from cogs.results.remix_form import read_remix, remix_modal
from cogs.results.wider_button import ask_direction, widen
from cogs.settings_option import read_settings
from cogs.ui.embeds import footer
from cogs.ui.errors import advice_embed
from cogs.ui.job_buttons import info_view, picture_choice, repeat_choice
from cogs.ui.modals import submitted_values
from cogs.ui.text import escaped

if TYPE_CHECKING:
    from bot.discord_client.bot import ChorusBot
    from bot.domain.conversations import Message
    from bot.domain.jobs import Job

Interaction = discord.Interaction["ChorusBot"]


class ResultActions:
    """One method for each button; the context menus and `/repeat` use them too."""

    def __init__(self, bot: ChorusBot, starter: DerivedJobStarter) -> None:
        self.bot = bot
        self.starter = starter
        self.regions = RegionPanels(starter)

    async def job(self, interaction: Interaction, match: re.Match[str], *, reach_only: bool = False) -> Job:
        """The job that a custom id names. The id says nothing about who may: altered clients send any id they know.

        Args:
            interaction: Who pressed, and where.
            match: Of the custom id.
            reach_only: Nothing of the result is shown or made anew; it may be for adults only.

        Raises:
            InputInvalid: Its row is gone (an old data folder was removed), or the person does not reach it from here.

        """
        job = await self.bot.services.orchestrator.job(UUID(match["job"]))
        allowed = may_reach_job if reach_only else may_view_job
        if job is None or not allowed(interaction, job):
            raise InputInvalid("I no longer have that job.", advice="Start a new one with `/imagine`.")
        return job

    # -- while it waits or runs

    async def cancel(self, interaction: Interaction, job: Job) -> None:
        """End a waiting job, or interrupt a running one. The progress message shows the outcome by itself.

        A progress message that Discord let the bot neither edit nor delete (its webhook was deleted) is edited as the
        answer to the press, which needs no permission.
        """
        self.bot.services.policy.require_control(interaction_actor(interaction), job.request.requester_id)
        link = await message_link(self.bot, job) if job.state not in UNFINISHED else None
        if link is not None and interaction.message is not None and not link.endswith(f"/{interaction.message.id}"):
            embed = discord.Embed(description=f"That job is over: {link}").set_footer(text=footer(job))
            await interaction.response.edit_message(embed=embed, attachments=[], view=None)
            return
        # Acknowledged first: interrupting asks ComfyUI, which may take longer than Discord's 3 s.
        await interaction.response.defer()
        if not await self.bot.services.orchestrator.cancel(job.id):
            raise InputInvalid("That job is already over.", advice="There is nothing left to cancel.")

    async def details(self, interaction: Interaction, job: Job) -> None:
        """What to do about a failed job, for the person who asked alone."""
        if interaction.user.id != job.request.requester_id:
            raise NotAllowed(
                "The details are for the person who asked.", advice="Ask for the same yourself to see what happens."
            )
        if job.error is None:
            raise InputInvalid("That job has no error any more.", advice="Look at its result.")
        embed = advice_embed(job.error, footer=footer(job))
        await interaction.response.send_message(embed=embed, ephemeral=True)

    # -- derived jobs

    async def again(self, interaction: Interaction, job: Job) -> None:
        """The same with a new seed."""
        await self.starter.start_by_interaction(interaction, job, self.starter.again(job))

    async def vary(self, interaction: Interaction, job: Job, *, n: int | None = None) -> None:
        """From picture `n` if the character has a workflow for that, else the prompt in other words."""
        derived = self.bot.services.derived_jobs
        if not derived.can_vary_from_picture(job):
            await self.starter.start_by_interaction(interaction, job, lambda requester: vary(job, requester, None))
            return
        chosen = await self._chosen_picture(interaction, job, "vary", n)
        if chosen is not None:
            picture = await derived.input_picture(job, chosen)
            await self.starter.start_by_interaction(interaction, job, lambda requester: vary(job, requester, picture))

    async def upscale(self, interaction: Interaction, job: Job, *, n: int | None = None) -> None:
        """Picture `n`, larger."""
        derived = self.bot.services.derived_jobs
        if not derived.can_upscale(job):
            raise InputInvalid(
                "This character has no `upscale` workflow any more.",
                advice="The owner can put one at workflows/<character>/image/upscale.json.",
            )
        chosen = await self._chosen_picture(interaction, job, "upscale", n)
        if chosen is not None:
            picture = await derived.input_picture(job, chosen)
            await self.starter.start_by_interaction(
                interaction, job, lambda requester: upscale(job, requester, picture)
            )

    async def wider(self, interaction: Interaction, job: Job, *, n: int | None = None) -> None:
        """Ask to which side picture `n` shall grow, and how much."""
        chosen = await self._chosen_picture(interaction, job, "wider", n)
        if chosen is not None:
            await ask_direction(interaction, job, chosen)

    async def widen(self, interaction: Interaction, match: re.Match[str]) -> None:
        """What the buttons of that question do."""
        await widen(interaction, await self.job(interaction, match), match, self.starter)

    async def region(self, interaction: Interaction, job: Job, *, n: int | None = None) -> None:
        """Show picture `n` with a grid, of which the person chooses what is drawn anew."""
        chosen = await self._chosen_picture(interaction, job, "region", n)
        if chosen is not None:
            await self.regions.open(interaction, job, chosen)

    async def animate(self, interaction: Interaction, job: Job, *, n: int | None = None) -> None:
        """Ask what happens in a film that begins with picture `n`."""
        if not can_animate(self.bot, job):
            raise InputInvalid(
                "This character has no video workflow that begins with a picture.",
                advice="The owner can put one at workflows/<character>/video/default.json.",
            )
        chosen = await self._chosen_picture(interaction, job, "animate", n)
        if chosen is not None:
            await open_film_form(interaction, job, chosen)

    async def submit_animate(self, interaction: Interaction, match: re.Match[str]) -> None:
        """Start the film that the submitted form asks for."""
        await submit_film_form(interaction, await self.job(interaction, match), match, self.starter)

    async def _chosen_picture(self, interaction: Interaction, job: Job, action: str, n: int | None) -> int | None:
        """The number of the picture; None: the person is asked, and presses again."""
        numbers = [number for number, _ in pictures(job)]
        if n is not None or len(numbers) == 1:
            return numbers[0] if n is None else n
        self.bot.services.policy.require_may_derive(interaction_actor(interaction), job.request.requester_id)
        view = picture_choice(job, action, numbers)
        await interaction.response.send_message("Which of the pictures?", view=view, ephemeral=True)
        return None

    async def picture_chosen(self, interaction: Interaction, match: re.Match[str]) -> None:
        """The answer to "Which of the pictures?"."""
        choices = {"vary": self.vary, "upscale": self.upscale, "wider": self.wider, "animate": self.animate}
        choices["region"] = self.region
        derive = choices[match["action"]]
        await derive(interaction, await self.job(interaction, match), n=int(match["n"]))

    async def open_remix(self, interaction: Interaction, job: Job) -> None:
        """Show the form to those who may submit it."""
        actor, policy = interaction_actor(interaction), self.bot.services.policy
        policy.require_served(actor.channel)
        policy.require_may_derive(actor, job.request.requester_id)
        if job.request.kind is JobKind.AUDIO:
            raise InputInvalid("Speech cannot be remixed.", advice="Use `/speak` with other words.")
        settings = await self.bot.services.derived_jobs.main_settings(job)
        await interaction.response.send_modal(remix_modal(job, settings))

    async def submit_remix(self, interaction: Interaction, match: re.Match[str]) -> None:
        """Start the job that the submitted form asks for."""
        job = await self.job(interaction, match)
        settings = await self.bot.services.derived_jobs.main_settings(job)
        changes = read_remix(job, settings, submitted_values(interaction))
        await self.starter.start_by_interaction(interaction, job, lambda requester: remix(job, requester, changes))

    async def repeat_with_settings(self, interaction: Interaction, job: Job, settings: str) -> None:
        """The same with other settings, by the version of the workflow that the job used, else by its file."""
        workflow = await self.bot.services.derived_jobs.compare_workflow(job)
        found = workflow.used or workflow.current
        if found is None:
            raise InputInvalid("The workflow of that job is gone, and so is the version it was made with.")
        actor, character_id = interaction_actor(interaction), job.request.character_id
        changes = (await read_settings(self.bot, actor, character_id, found, settings)).overrides
        stored = workflow.used is not None
        await self.starter.start_by_interaction(
            interaction, job, lambda requester: repeat(job, requester, stored_workflow=stored, changes=changes)
        )

    async def repeat(self, interaction: Interaction, job: Job) -> None:
        """Exactly the same, if the workflow is as it was; else say what differs and offer both versions."""
        workflow = await self.bot.services.derived_jobs.compare_workflow(job)
        if workflow.used is None and workflow.current is None:
            raise InputInvalid("The workflow of that job is gone, and so is the version it was made with.")
        if workflow.unchanged or workflow.current is None:
            await self.repeat_stored_workflow(interaction, job)
            return
        self.bot.services.policy.require_may_derive(interaction_actor(interaction), job.request.requester_id)
        if workflow.used is None:
            changes = ["the version it was made with is not known any more"]
        else:
            changes = shortened(workflow.changes or ("only its layout",), 12)
        lines = "\n".join(f"- {escaped(line)}" for line in changes)
        text = f"The workflow **{escaped(job.workflow_name)}** has changed since:\n{lines}"
        await interaction.response.send_message(text[:2000], view=repeat_choice(job), ephemeral=True)

    async def repeat_stored_workflow(self, interaction: Interaction, job: Job) -> None:
        """Exactly the same, by the version of the workflow that the job used."""
        await self.starter.start_by_interaction(
            interaction, job, lambda requester: repeat(job, requester, stored_workflow=True)
        )

    async def repeat_current_workflow(self, interaction: Interaction, job: Job) -> None:
        """The same parameters and seed, by the workflow's file as it is now."""
        await self.starter.start_by_interaction(
            interaction, job, lambda requester: repeat(job, requester, stored_workflow=False)
        )

    # -- about the result

    async def info(self, interaction: Interaction, job: Job) -> None:
        """Everything in the sidecar, to the person alone."""
        self.bot.services.policy.require_served(interaction_actor(interaction).channel)
        files, notes = await sidecar_file(self.bot, job, size_limit(self.bot, interaction.guild_id))
        embed = job_embed(self.bot, job, notes=notes)
        link = await message_link(self.bot, job)
        if link:
            embed.url = link
        await interaction.response.send_message(embed=embed, files=files, view=info_view(job), ephemeral=True)

    async def turn_info(self, interaction: Interaction, turn: Message) -> None:
        """Which language model wrote the turn, and when."""
        character = self.starter.character(turn.character_id or "", interaction.guild_id)
        name = character.name if character is not None else turn.character_id or "Character"
        await interaction.response.send_message(embed=turn_embed(name, turn), ephemeral=True)

    async def delete(self, interaction: Interaction, job: Job) -> None:
        """Delete the result's messages in Discord."""
        self.bot.services.policy.require_control(interaction_actor(interaction), job.request.requester_id)
        if job.state in UNFINISHED:
            raise InputInvalid("That job is not over yet.", advice="Cancel it at its own message.")
        # Acknowledged first: several messages may have to be deleted.
        await interaction.response.defer()
        await delete_result(self.bot, job)
