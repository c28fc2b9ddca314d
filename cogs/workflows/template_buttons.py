"""What the buttons and menus of the gallery and of the list of models do."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import discord
from discord.ext import commands

from bot.workflow_store.drafts import Upload
from cogs.actors import interaction_actor, interaction_channel
from cogs.channel_characters import channel_character_id
from cogs.component_router import router_of
from cogs.workflows.draft_page import draft_embed, draft_view
from cogs.workflows.model_list import MODEL_PAGE, model_page
from cogs.workflows.template_pages import (
    TEMPLATE_INSTALL,
    TEMPLATE_MENU,
    TEMPLATE_PAGE,
    template_list,
    template_page,
)

if TYPE_CHECKING:
    from bot.discord_client.bot import ChorusBot


class TemplateButtonsCog(commands.Cog, name="Workflow templates"):
    """The handlers. The custom ids hold everything, so they work after a restart."""

    def __init__(self, bot: ChorusBot) -> None:
        self.bot = bot

    async def cog_load(self) -> None:
        """Register what the buttons and menus do."""
        router = router_of(self.bot)
        router.add(TEMPLATE_PAGE, self._show_list)
        router.add(re.escape(TEMPLATE_MENU), self._show)
        router.add(TEMPLATE_INSTALL, self._install)
        router.add(MODEL_PAGE, self._show_models)

    async def _show_list(self, interaction: discord.Interaction[ChorusBot], match: re.Match[str]) -> None:
        self.bot.services.policy.require_may_view_workflows(interaction_actor(interaction))
        await interaction.response.defer()
        embed, view = await template_list(self.bot, match["search"], int(match["page"]))
        await interaction.edit_original_response(embed=embed, view=view, attachments=[])

    async def _show(self, interaction: discord.Interaction[ChorusBot], _: re.Match[str]) -> None:
        self.bot.services.policy.require_may_view_workflows(interaction_actor(interaction))
        data: Any = interaction.data
        await interaction.response.defer()
        embed, view, files = await template_page(self.bot, str(data["values"][0]))
        await interaction.edit_original_response(embed=embed, view=view, attachments=files)

    async def _install(self, interaction: discord.Interaction[ChorusBot], match: re.Match[str]) -> None:
        """Bring a template as `/workflow upload` does: a draft for the channel's character."""
        actor = interaction_actor(interaction)
        self.bot.services.policy.require_may_change_workflows(actor)
        await interaction.response.defer()
        found = await self.bot.services.template_gallery.get(match["name"])
        page = await self.bot.services.workflow_drafts.upload(
            Upload(
                data=json.dumps(found.workflow).encode(),
                file_name=f"{found.template.name}.json",
                guild_id=actor.channel.guild_id or 0,
                character_id=await channel_character_id(self.bot, interaction_channel(interaction)),
                author_id=actor.user_id,
            )
        )
        await interaction.edit_original_response(embed=draft_embed(page), view=draft_view(page.draft), attachments=[])

    async def _show_models(self, interaction: discord.Interaction[ChorusBot], match: re.Match[str]) -> None:
        self.bot.services.policy.require_may_view_workflows(interaction_actor(interaction))
        await interaction.response.defer()
        embed, view = await model_page(self.bot, match["kind"] or None, match["search"], int(match["page"]))
        await interaction.edit_original_response(embed=embed, view=view)
