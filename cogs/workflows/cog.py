"""`/workflow`: brings workflows into a server, shows them, and goes back to earlier versions."""

from __future__ import annotations

import asyncio
import io
import json
import re
from typing import TYPE_CHECKING, Literal

import discord
from discord import app_commands
from discord.ext import commands

from bot.domain.jobs import JobKind
from bot.domain.workflow_history import VersionOrigin, WorkflowPlace, WorkflowVersion
from bot.errors import InputInvalid, WorkflowNotFound
from bot.policy import Actor
from bot.storage.guild_settings import default_workflow_key
from bot.workflow_store.drafts import Upload
from bot.workflow_store.saved_workflows import key_of
from bot.workflow_store.uploads import checked_name
from bot.workflow_store.workflow_writing import encoded_bindings, encoded_graph
from bot.workflows import describe
from bot.workflows.version_differences import differences, shortened
from cogs.actors import interaction_actor
from cogs.component_router import router_of
from cogs.delivery import delivery_of
from cogs.ui.embeds import RESULT_COLOUR
from cogs.ui.text import EMBED_DESCRIPTION, clip, escaped
from cogs.workflows.description_embed import description_embed, place_name
from cogs.workflows.draft_page import draft_embed, draft_view
from cogs.workflows.finding import KINDS, find_place, owner_choices, owner_of, path_of, place_choices
from cogs.workflows.listing import LIST_PAGE, ListFilter, list_page
from cogs.workflows.sharing import SharingCommands
from cogs.workflows.templates import TemplateCommands
from cogs.workflows.trial import trial_request

if TYPE_CHECKING:
    from bot.discord_client.bot import ChorusBot
    from bot.workflows import Workflow

Kind = Literal["image", "audio", "video"]
Name = app_commands.Range[str, 1, 120]
Number = app_commands.Range[int, 1, 100_000]
_MAX_VERSIONS = 25
_MAX_DIFFERENCES = 25
_ORIGINS = {
    VersionOrigin.UPLOAD: "uploaded",
    VersionOrigin.HAND: "changed by hand",
    VersionOrigin.ROLLBACK: "restored",
    VersionOrigin.COPY: "copied",
}


class WorkflowsCog(
    TemplateCommands, SharingCommands, commands.GroupCog, name="workflow", description="The workflows of this server"
):
    """The command group. Everybody may look; bringing and changing needs Manage Server."""

    def __init__(self, bot: ChorusBot) -> None:
        self.bot = bot
        self._saved = bot.services.saved_workflows
        self._drafts = bot.services.workflow_drafts

    async def cog_load(self) -> None:
        """Register what the buttons of the list do."""
        router_of(self.bot).add(LIST_PAGE, self._turn_page)

    # -- bringing

    @app_commands.command(name="upload", description="Bring a workflow: a file of ComfyUI's, or a picture made with it")
    @app_commands.describe(
        file="Saved or exported by ComfyUI, or a picture, sound or film with its workflow inside",
        character="Whose workflow it will be; leave out for this channel's character",
        kind="What it makes; leave out if its nodes say so",
        name="What it will be called; leave out for the name of the file",
    )
    async def upload(
        self,
        interaction: discord.Interaction[ChorusBot],
        file: discord.Attachment,
        character: app_commands.Range[str, 1, 100] | None = None,
        kind: Kind | None = None,
        name: app_commands.Range[str, 1, 50] | None = None,
    ) -> None:
        """Needs Manage Server. What was found is shown to the person alone; nothing is saved yet."""
        actor = self._require_manager(interaction)
        limit = self.bot.services.settings.workflows.max_upload_bytes
        if file.size > limit:
            raise InputInvalid(
                f"That file has {file.size / 1e6:.0f} MB; at most {limit / 1e6:.0f} MB are read.",
                advice="Bring the workflow itself, or a picture made with it.",
            )
        owner = await owner_of(interaction, character)
        chosen = checked_name(name) if name is not None else None
        # Reading and converting may take longer than Discord's 3 s.
        await interaction.response.defer(ephemeral=True, thinking=True)
        page = await self._drafts.upload(
            Upload(
                data=await file.read(),
                file_name=file.filename,
                guild_id=actor.channel.guild_id or 0,
                character_id=owner,
                author_id=actor.user_id,
                kind=KINDS[kind] if kind is not None else None,
                name=chosen,
            )
        )
        await interaction.followup.send(embed=draft_embed(page), view=draft_view(page.draft), ephemeral=True)

    @app_commands.command(name="try", description="Run a workflow once and show the result to you alone")
    @app_commands.describe(name="Which one")
    async def try_(self, interaction: discord.Interaction[ChorusBot], name: Name) -> None:
        """Needs Manage Server. It counts like any other job."""
        self._require_manager(interaction)
        place = await find_place(interaction, name)
        workflow = self._current(place)
        await self._saved.keep_content(workflow)
        await interaction.response.defer(ephemeral=True, thinking=True)
        job = await self.bot.services.orchestrator.submit(await trial_request(interaction, place, workflow))
        delivery_of(self.bot).show_trial(interaction, job, discord.ui.View)

    # -- looking

    @app_commands.command(name="list", description="The workflows of this server and of the host")
    @app_commands.describe(character="Only those that this character can use", kind="Only those that make this")
    async def list_(
        self,
        interaction: discord.Interaction[ChorusBot],
        character: app_commands.Range[str, 1, 100] | None = None,
        kind: Kind | None = None,
    ) -> None:
        """For everybody."""
        self._require_viewer(interaction)
        owner = await owner_of(interaction, character) if character is not None else None
        filters = ListFilter(owner, KINDS[kind] if kind is not None else None)
        embed, view = await list_page(self.bot, interaction.guild_id, filters, 0)
        await interaction.response.send_message(embed=embed, view=view, ephemeral=True)

    async def _turn_page(self, interaction: discord.Interaction[ChorusBot], match: re.Match[str]) -> None:
        self._require_viewer(interaction)
        kind = JobKind(match["kind"]) if match["kind"] else None
        filters = ListFilter(match["owner"] or None, kind)
        embed, view = await list_page(self.bot, interaction.guild_id, filters, int(match["page"]))
        await interaction.response.edit_message(embed=embed, view=view)

    @app_commands.command(name="show", description="What a workflow takes, what can be changed, and what it needs")
    @app_commands.describe(name="Which one")
    async def show(self, interaction: discord.Interaction[ChorusBot], name: Name) -> None:
        """For everybody."""
        self._require_viewer(interaction)
        place = await find_place(interaction, name)
        workflow = self._current(place)
        await interaction.response.defer(ephemeral=True, thinking=True)
        info = self.bot.services.orchestrator.object_info
        description = await asyncio.to_thread(describe, workflow, place.kind, info)
        memory = await self._drafts.memory(description) if info is not None else None
        await interaction.followup.send(embed=description_embed(place, description, memory=memory), ephemeral=True)

    @app_commands.command(name="versions", description="Every version of a workflow: who brought it, and when")
    @app_commands.describe(name="Which one")
    async def versions(self, interaction: discord.Interaction[ChorusBot], name: Name) -> None:
        """For everybody."""
        self._require_viewer(interaction)
        place = await find_place(interaction, name, removed=True)
        found = await self._saved.versions(place)
        lines = [_version_line(version, is_newest=version is found[0]) for version in found[:_MAX_VERSIONS]]
        if len(found) > _MAX_VERSIONS:
            lines.append(f"and {len(found) - _MAX_VERSIONS} older ones")
        embed = discord.Embed(
            title=clip(place_name(place), 256),
            description=clip("\n".join(lines), EMBED_DESCRIPTION),
            colour=RESULT_COLOUR,
        )
        await interaction.response.send_message(embed=embed, ephemeral=True)

    @app_commands.command(name="diff", description="What differs between two versions of a workflow")
    @app_commands.describe(name="Which one", a="The number of a version", b="Another one; leave out for the newest")
    async def diff(
        self, interaction: discord.Interaction[ChorusBot], name: Name, a: Number, b: Number | None = None
    ) -> None:
        """For everybody."""
        self._require_viewer(interaction)
        place = await find_place(interaction, name, removed=True)
        first, second = await self._saved.version(place, a), await self._saved.version(place, b)
        lines = differences(await self._saved.content(first), await self._saved.content(second))
        text = "\n".join(f"- {escaped(line)}" for line in shortened(lines, _MAX_DIFFERENCES))
        embed = discord.Embed(
            title=clip(f"{place_name(place)}: version {first.number} → {second.number}", 256),
            description=clip(text, EMBED_DESCRIPTION) or "They do the same.",
            colour=RESULT_COLOUR,
        )
        await interaction.response.send_message(embed=embed, ephemeral=True)

    @app_commands.command(name="get", description="The file of a workflow, for ComfyUI")
    @app_commands.describe(name="Which one", version="The number of an older version")
    async def get(self, interaction: discord.Interaction[ChorusBot], name: Name, version: Number | None = None) -> None:
        """For everybody. The API format, and what was brought if that was in the UI format."""
        self._require_viewer(interaction)
        place = await find_place(interaction, name, removed=True)
        chosen = await self._saved.version(place, version)
        workflow = await self._saved.content(chosen)
        files = [discord.File(io.BytesIO(encoded_graph(workflow)), filename=f"{place.name}.json")]
        bindings = encoded_bindings(workflow)
        if bindings is not None:
            files.append(discord.File(io.BytesIO(bindings), filename=f"{place.name}.bindings.yaml"))
        ui_workflow = await self._saved.history.ui_workflow(place, chosen.content_hash)
        if ui_workflow is not None:
            data = json.dumps(ui_workflow, ensure_ascii=False).encode("utf-8", "replace")
            files.append(discord.File(io.BytesIO(data), filename=f"{place.name}.ui.json"))
        text = f"{place_name(place)}, version {chosen.number}"
        await interaction.response.send_message(text, files=files, ephemeral=True)

    # -- changing

    @app_commands.command(name="default", description="Choose the workflow that is used where none is named")
    @app_commands.describe(name="Which one")
    async def default(self, interaction: discord.Interaction[ChorusBot], name: Name) -> None:
        """Needs Manage Server. In this server only."""
        actor = self._require_manager(interaction)
        place = await find_place(interaction, name)
        key = default_workflow_key(place.character_id, place.kind.value)
        settings = self.bot.services.guild_settings
        await settings.set(actor.channel.guild_id, key, place.name, set_by=actor.user_id)
        await interaction.response.send_message(f"{place_name(place)} is the default here now.", ephemeral=True)

    @app_commands.command(name="rename", description="Give a workflow of this server another name")
    @app_commands.describe(name="Which one", to="The new name")
    async def rename(
        self, interaction: discord.Interaction[ChorusBot], name: Name, to: app_commands.Range[str, 1, 50]
    ) -> None:
        """Needs Manage Server. Its versions go with it."""
        actor = self._require_manager(interaction)
        place = await find_place(interaction, name, own=True)
        target = await self._saved.rename(place, checked_name(to))
        settings, key = self.bot.services.guild_settings, default_workflow_key(place.character_id, place.kind.value)
        if settings.get(actor.channel.guild_id, key) == place.name:
            await settings.set(actor.channel.guild_id, key, target.name, set_by=actor.user_id)
        await interaction.response.send_message(f"It is {place_name(target)} now.", ephemeral=True)

    @app_commands.command(name="copy", description="Give a workflow to another character too")
    @app_commands.describe(name="Which one", character="Who gets it", to="What it is called there")
    async def copy(
        self,
        interaction: discord.Interaction[ChorusBot],
        name: Name,
        character: app_commands.Range[str, 1, 100],
        to: app_commands.Range[str, 1, 50] | None = None,
    ) -> None:
        """Needs Manage Server. The copy has versions of its own."""
        actor = self._require_manager(interaction)
        place = await find_place(interaction, name)
        target = WorkflowPlace(
            guild_id=actor.channel.guild_id or 0,
            character_id=await owner_of(interaction, character),
            kind=place.kind,
            name=checked_name(to) if to is not None else place.name,
        )
        await self._saved.copy(place, target, actor.user_id)
        await interaction.response.send_message(f"There is {place_name(target)} now.", ephemeral=True)

    @app_commands.command(name="remove", description="Remove a workflow of this server; it is kept for 30 days")
    @app_commands.describe(name="Which one")
    async def remove(self, interaction: discord.Interaction[ChorusBot], name: Name) -> None:
        """Needs Manage Server. Jobs that wait run with the version that they were accepted with."""
        self._require_manager(interaction)
        place = await find_place(interaction, name, own=True)
        await self._saved.remove(place)
        text = f"{place_name(place)} is removed. For 30 days `/workflow rollback` brings it back."
        await interaction.response.send_message(text, ephemeral=True)

    @app_commands.command(name="rollback", description="Go back to an earlier version of a workflow of this server")
    @app_commands.describe(name="Which one", version="The number of the version, as `/workflow versions` shows it")
    async def rollback(self, interaction: discord.Interaction[ChorusBot], name: Name, version: Number) -> None:
        """Needs Manage Server. Jobs that wait run with the version that they were accepted with."""
        actor = self._require_manager(interaction)
        place = await find_place(interaction, name, own=True, removed=True)
        number = await self._saved.rollback(place, version, actor.user_id)
        text = f"{place_name(place)} is as it was in version {version} again; that is version {number} now."
        await interaction.response.send_message(text, ephemeral=True)

    # -- completing

    @upload.autocomplete("character")
    @list_.autocomplete("character")
    @copy.autocomplete("character")
    async def complete_character(
        self, interaction: discord.Interaction[ChorusBot], current: str
    ) -> list[app_commands.Choice[str]]:
        """Names that hold what was typed; the value is the id."""
        return owner_choices(interaction, current)

    @try_.autocomplete("name")
    @show.autocomplete("name")
    @default.autocomplete("name")
    @copy.autocomplete("name")
    async def complete_name(
        self, interaction: discord.Interaction[ChorusBot], current: str
    ) -> list[app_commands.Choice[str]]:
        """Workflows of this server and of the host."""
        return await place_choices(interaction, current)

    @rename.autocomplete("name")
    @remove.autocomplete("name")
    async def complete_own_name(
        self, interaction: discord.Interaction[ChorusBot], current: str
    ) -> list[app_commands.Choice[str]]:
        """Workflows of this server."""
        return await place_choices(interaction, current, own=True)

    @versions.autocomplete("name")
    @diff.autocomplete("name")
    @get.autocomplete("name")
    async def complete_versioned_name(
        self, interaction: discord.Interaction[ChorusBot], current: str
    ) -> list[app_commands.Choice[str]]:
        """As `complete_name`, with those that were removed lately."""
        return await place_choices(interaction, current, removed=True)

    @rollback.autocomplete("name")
    async def complete_restorable_name(
        self, interaction: discord.Interaction[ChorusBot], current: str
    ) -> list[app_commands.Choice[str]]:
        """Workflows of this server, with those that were removed lately."""
        return await place_choices(interaction, current, own=True, removed=True)

    # -- who may

    def _require_viewer(self, interaction: discord.Interaction[ChorusBot]) -> None:
        self.bot.services.policy.require_may_view_workflows(interaction_actor(interaction))

    def _require_manager(self, interaction: discord.Interaction[ChorusBot]) -> Actor:
        actor = interaction_actor(interaction)
        self.bot.services.policy.require_may_change_workflows(actor)
        return actor

    def _current(self, place: WorkflowPlace) -> Workflow:
        workflow = self.bot.services.workflows.at(key_of(place))
        if workflow is None:
            raise WorkflowNotFound(f"{path_of(place)} is not there any more.")
        return workflow


def _version_line(version: WorkflowVersion, *, is_newest: bool) -> str:
    words = [_ORIGINS[version.origin]]
    if version.source:
        words.append(f"({escaped(clip(version.source, 60))})")
    if version.author_id:
        words.append(f"by <@{version.author_id}>")
    words.append(discord.utils.format_dt(version.created_at, "f"))
    state = ""
    if is_newest:
        state = " · removed" if version.removed_at is not None else " · now"
    return f"**{version.number}**{state} · {' '.join(words)}"
