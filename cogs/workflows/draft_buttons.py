"""What the buttons and menus of an upload's page do; all of them need Manage Server."""

from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING, Any

import discord
from discord.ext import commands

from bot.workflows import InputRole
from cogs.actors import interaction_actor
from cogs.component_router import router_of
from cogs.delivery import delivery_of
from cogs.workflows.description_embed import place_name
from cogs.workflows.draft_page import AS_FOUND, BINDABLE, DRAFT_ID, NONE, binding_view, draft_embed, draft_view
from cogs.workflows.trial import is_waiting_to_be_shown, trial_request

if TYPE_CHECKING:
    from bot.discord_client.bot import ChorusBot
    from bot.domain.workflow_history import WorkflowDraft


class DraftButtonsCog(commands.Cog, name="Workflow uploads"):
    """The handlers. A draft is in the database, so its page works after a restart."""

    def __init__(self, bot: ChorusBot) -> None:
        self.bot = bot
        self._drafts = bot.services.workflow_drafts

    async def cog_load(self) -> None:
        """Register what the buttons and menus do."""
        router = router_of(self.bot)
        router.add(rf"chorus:wf:page:{DRAFT_ID}", self._show_page)
        router.add(rf"chorus:wf:bind:{DRAFT_ID}", self._show_bindings)
        router.add(rf"chorus:wf:try:{DRAFT_ID}", self._try)
        router.add(rf"chorus:wf:save:{DRAFT_ID}", self._save)
        router.add(rf"chorus:wf:discard:{DRAFT_ID}", self._discard)
        router.add(rf"chorus:wfb:(?P<role>{BINDABLE}):{DRAFT_ID}", self._bind)

    async def _show_page(self, interaction: discord.Interaction[ChorusBot], match: re.Match[str]) -> None:
        page = await self._drafts.page(await self._draft(interaction, match))
        await interaction.response.edit_message(embed=draft_embed(page), attachments=[], view=draft_view(page.draft))

    async def _show_bindings(self, interaction: discord.Interaction[ChorusBot], match: re.Match[str]) -> None:
        page = await self._drafts.page(await self._draft(interaction, match))
        await interaction.response.edit_message(embed=draft_embed(page), attachments=[], view=binding_view(page))

    async def _bind(self, interaction: discord.Interaction[ChorusBot], match: re.Match[str]) -> None:
        draft = await self._draft(interaction, match)
        data: Any = interaction.data
        chosen = [str(value) for value in data.get("values", ())]
        role = InputRole(match["role"])
        bound = (await self._drafts.workflow(draft)).bindings.input_names(role)
        page = await self._drafts.page(await self._drafts.bind(draft, role, _chosen_inputs(chosen, bound)))
        await interaction.response.edit_message(embed=draft_embed(page), view=binding_view(page))

    async def _try(self, interaction: discord.Interaction[ChorusBot], match: re.Match[str]) -> None:
        draft = await self._draft(interaction, match)
        await start_trial_of_draft(interaction, draft)

    async def _save(self, interaction: discord.Interaction[ChorusBot], match: re.Match[str]) -> None:
        draft = await self._draft(interaction, match)
        number = await self._drafts.save(draft, interaction.user.id)
        name = place_name(draft.place)
        embed = discord.Embed(
            title="Saved",
            description=f"{name}, version {number}. Use it with `workflow:{draft.place.name}`, or make it the one that"
            f" is used where none is named: `/workflow default`.",
        )
        await interaction.response.edit_message(embed=embed, attachments=[], view=None)

    async def _discard(self, interaction: discord.Interaction[ChorusBot], match: re.Match[str]) -> None:
        await self._drafts.discard(await self._draft(interaction, match))
        embed = discord.Embed(description="The upload was discarded.")
        await interaction.response.edit_message(embed=embed, attachments=[], view=None)

    async def _draft(self, interaction: discord.Interaction[ChorusBot], match: re.Match[str]) -> WorkflowDraft:
        """The draft that a custom id names, for somebody who may change workflows here."""
        self.bot.services.policy.require_may_change_workflows(interaction_actor(interaction))
        return await self._drafts.draft(match["draft"], interaction.guild_id or 0)


async def start_trial_of_draft(interaction: discord.Interaction[ChorusBot], draft: WorkflowDraft) -> None:
    """Run a draft once, or show the trial that nobody could be told of.

    Raises:
        ChorusError: The job is refused: queue full, a missing model, ...

    """
    bot = interaction.client
    services = bot.services
    # Accepting a job may take longer than Discord's 3 s, and what comes is for this person alone.
    await interaction.response.defer(ephemeral=True, thinking=True)
    job = await services.orchestrator.job(draft.trial_job_id) if draft.trial_job_id is not None else None
    if job is None or not is_waiting_to_be_shown(job):
        workflow = await services.workflow_drafts.workflow(draft)
        request = await trial_request(interaction, draft.place, workflow)
        # Stored first: after a crash in between, another press finds the job, or that it was not accepted.
        job_id = uuid.uuid4()
        await services.workflow_drafts.record_trial(draft, job_id)
        job = await services.orchestrator.submit(request, job_id)
    delivery_of(bot).show_trial(interaction, job, lambda: draft_view(draft))


def _chosen_inputs(chosen: list[str], bound: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """The inputs that a role's menu says now; None: as they are found.

    A menu comes back with what it showed as chosen, so the choice that is new counts.

    Args:
        chosen: The values of the menu.
        bound: What the menu showed.

    """
    inputs = tuple(value for value in chosen if value not in {AS_FOUND, NONE})
    if AS_FOUND in chosen and (bound is not None or not inputs) and not (NONE in chosen and bound is None):
        return None
    if NONE in chosen and (bound != () or not inputs):
        return ()
    return inputs
