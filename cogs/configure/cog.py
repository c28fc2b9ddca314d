"""`/configure`, the button **Configure**, and what the buttons and forms of the panel do."""

from __future__ import annotations

import asyncio
import re
import uuid
from itertools import chain
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

import discord
from discord import app_commands
from discord.ext import commands

from bot.domain.jobs import UNFINISHED, JobKind
from bot.errors import ChorusError, InputInvalid
from bot.saved_settings import LONGEST_PRESET_NAME
from cogs.actors import interaction_actor
from cogs.channel_characters import drawing_character
from cogs.component_router import router_of
from cogs.configure.forms import form_fields, read_form
from cogs.configure.panel import PANEL_ACTION, PANEL_EDIT, PANEL_FORM, PRESET_FORM, panel_view
from cogs.configure.presets import store_preset
from cogs.configure.session import PanelSession, open_session, same_request, session_of, too_old
from cogs.delivery import delivery_of
from cogs.option_completion import completed_options
from cogs.results import results_of
from cogs.results.derived_job_starter import message_link
from cogs.settings_option import chosen_workflow
from cogs.ui.components import job_action
from cogs.ui.errors import as_chorus_error
from cogs.ui.modals import Field, stateless_modal, submitted_values

if TYPE_CHECKING:
    from bot.discord_client.bot import ChorusBot
    from bot.domain.saved_settings import Draft

Interaction = discord.Interaction["ChorusBot"]


class ConfigureCog(commands.Cog, name="Configure"):
    """Opens panels and handles their presses; what a person has set is in the store."""

    def __init__(self, bot: ChorusBot) -> None:
        self.bot = bot
        self._locks = WeakValueDictionary[str, asyncio.Lock]()

    async def cog_load(self) -> None:
        """Register what the buttons and forms do."""
        router = router_of(self.bot)
        router.add(job_action("configure"), self._configure_result)
        router.add(PANEL_EDIT, self._open_form)
        router.add(PANEL_FORM, self._submit_form)
        router.add(PANEL_ACTION, self._act)
        router.add(PRESET_FORM, self._save_preset)

    # -- opening

    @app_commands.command(name="configure", description="Set every value of a workflow in a form, and run it")
    @completed_options(JobKind.IMAGE, settings=False)
    @app_commands.describe(
        workflow="One of the character's image workflows; leave out for the usual one",
        character="Who draws; leave out for this channel's character",
    )
    async def configure(
        self,
        interaction: Interaction,
        workflow: app_commands.Range[str, 1, 100] | None = None,
        character: app_commands.Range[str, 1, 100] | None = None,
    ) -> None:
        """Answers with the panel, for the person alone."""
        actor = interaction_actor(interaction)
        self.bot.services.policy.require_may_ask(actor)
        artist = await drawing_character(interaction, actor, character)
        found = chosen_workflow(self.bot, artist, JobKind.IMAGE, workflow, interaction.guild_id)
        draft = await self.bot.services.saved_settings.open_draft(actor.user_id, artist.id, found)
        await self.show_panel(interaction, draft)

    async def show_panel(self, interaction: Interaction, draft: Draft) -> None:
        """Answer an interaction with a new panel, for the person alone.

        Raises:
            ChorusError: The character or the workflow cannot be used here.

        """
        content = await session_of(interaction, draft).content()
        await interaction.response.send_message(view=panel_view(content), ephemeral=True)

    async def _configure_result(self, interaction: Interaction, match: re.Match[str]) -> None:
        """A panel with everything that the result was made with."""
        job = await results_of(self.bot).actions.job(interaction, match)
        actor, policy = interaction_actor(interaction), self.bot.services.policy
        policy.require_served(actor.channel)
        policy.require_may_derive(actor, job.request.requester_id)
        if job.request.kind is JobKind.AUDIO:
            raise InputInvalid("Speech is not configured here.", advice="Use `/speak` with `settings`.")
        character = self.bot.services.characters.get(job.request.character_id, interaction.guild_id)
        workflow = chosen_workflow(self.bot, character, job.request.kind, job.workflow_name, interaction.guild_id)
        saved = self.bot.services.saved_settings
        kept = saved.values_of_job(job, workflow, may_change_reserved=policy.may_change_reserved_settings(actor))
        draft = await saved.open_draft(
            actor.user_id, character.id, workflow, kept.values, notes=kept.notes, source_job_id=job.id
        )
        await self.show_panel(interaction, draft)

    # -- forms

    async def _open_form(self, interaction: Interaction, match: re.Match[str]) -> None:
        """The form of one page; where the workflow has no such page any more, the panel as it is now."""
        session = await open_session(interaction, match["draft"])
        page = next((page for page in session.pages() if page.key == match["key"]), None)
        if page is None:
            await self._refresh(session, match, "The settings of this workflow have changed; this is how they are now.")
            return
        fields = form_fields(page, session.draft.values, session.defaults())
        custom_id = f"chorus:draft:form:{session.draft.id}:{match['at']}"
        await interaction.response.send_modal(stateless_modal(page.title, custom_id, fields))

    async def _submit_form(self, interaction: Interaction, match: re.Match[str]) -> None:
        """Keep what was typed, also what cannot be used; the panel tells why."""
        session = await open_session(interaction, match["draft"])
        parameters = chain.from_iterable(page.parameters for page in session.pages())
        changes = read_form(parameters, session.draft.values, session.defaults(), submitted_values(interaction))
        drafts = self.bot.services.saved_settings.drafts
        await self._show(session, match, await drafts.change(session.draft.id, changes.values, unset=changes.unset))

    # -- buttons

    async def _act(self, interaction: Interaction, match: re.Match[str]) -> None:
        session = await open_session(interaction, match["draft"])
        match match["action"]:
            case "run":
                lock = self._locks.setdefault(match["draft"], asyncio.Lock())
                async with lock:
                    await self._run(session, match)
            case "save":
                name = Field("name", "Name of the preset", placeholder="soft light", required=True,
                             max_length=LONGEST_PRESET_NAME)  # fmt: skip
                custom_id = f"chorus:draft:preset:{session.draft.id}:{match['at']}"
                await interaction.response.send_modal(stateless_modal("Save as preset", custom_id, [name]))
            case "last":
                await self._take_last(session, match)
            case "defaults":
                words = {name: value for name, value in session.draft.values.items() if name == "prompt"}
                drafts = self.bot.services.saved_settings.drafts
                await self._show(session, match, await drafts.replace(session.draft.id, words))
            case _:
                await self._refresh(session, match)

    async def _run(self, session: PanelSession, match: re.Match[str]) -> None:
        """Start the job as a message of its own; the panel stays and says where, or why not."""
        interaction, saved = session.interaction, self.bot.services.saved_settings
        # Acknowledged first: Discord waits 3 s for an answer, and posting may have to wait longer.
        await interaction.response.defer()
        try:
            request = await session.request()
            draft = await saved.drafts.get(session.draft.id) or session.draft
            before = await self.bot.services.orchestrator.job(draft.started_job_id) if draft.started_job_id else None
            if before is not None and before.state in UNFINISHED and same_request(before.request, request):
                text = f"That is under way already: {await message_link(self.bot, before) or 'wait for it'}"
            else:
                # Stored first: after a crash in between, another press finds the job, or that it was not accepted.
                job_id = uuid.uuid4()
                await saved.drafts.set_started(session.draft.id, job_id)
                job = await delivery_of(self.bot).accept_in_channel(request, job_id)
                text = f"It is on its way: {await message_link(self.bot, job) or 'see the channel'}"
        except (ChorusError, discord.Forbidden) as error:
            text = _told(as_chorus_error(error))
        content = await session.content()
        await interaction.edit_original_response(view=panel_view(content, int(match["at"]), text))

    async def _take_last(self, session: PanelSession, match: re.Match[str]) -> None:
        """Replace the settings with those that the person used last; the words stay."""
        saved, draft = self.bot.services.saved_settings, session.draft
        last = await saved.last(
            draft.user_id, draft.character_id, session.workflow, may_change_reserved=session.may_change_reserved
        )
        if last is None:
            raise InputInvalid("There is nothing that you used last.", advice="Run something first.")
        words = {name: value for name, value in draft.values.items() if name in {"prompt", "negative", "seed"}}
        await self._show(session, match, await saved.drafts.replace(draft.id, {**words, **last.values}, last.notes))

    async def _save_preset(self, interaction: Interaction, match: re.Match[str]) -> None:
        """Keep the settings of the panel under a name."""
        session = await open_session(interaction, match["draft"])
        name = submitted_values(interaction).get("name", "")
        try:
            for problem in session.problems().values():
                raise InputInvalid(problem, advice="Change what is marked, then save it again.")
            await store_preset(interaction, session.workflow, session.draft.values, name)
            text = f"Saved: `settings: preset={' '.join(name.split())}` uses it, and so does `/preset use`."
        except ChorusError as error:
            text = _told(error)
        await self._refresh(session, match, text)

    # -- showing

    async def _show(self, session: PanelSession, match: re.Match[str], draft: Draft | None) -> None:
        if draft is None:
            raise too_old()
        await self._refresh(session_of(session.interaction, draft), match)

    async def _refresh(self, session: PanelSession, match: re.Match[str], message: str | None = None) -> None:
        content = await session.content()
        await session.interaction.response.edit_message(view=panel_view(content, int(match["at"]), message))


def configure_of(bot: ChorusBot) -> ConfigureCog:
    """The bot's panels, for cogs loaded after it."""
    cog = bot.get_cog(ConfigureCog.__cog_name__)
    if not isinstance(cog, ConfigureCog):
        raise TypeError("cogs.configure is not loaded")
    return cog


def _told(error: ChorusError) -> str:
    return f"⚠️ **{error.code}** {error.message}\n{error.advice}"
