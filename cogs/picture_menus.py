"""The menus on a message with a picture: Use this picture, which starts a remix with it, and Animate."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Final

import discord
from discord import app_commands
from discord.ext import commands

from bot.derived_jobs.picture_workflows import with_picture_workflow
from bot.domain.jobs import Derivation, GenerationRequest, JobKind
from bot.errors import InputInvalid
from cogs.actors import interaction_actor, may_view_job, requester_of
from cogs.attachments import GivenFiles, accept_with_files
from cogs.channel_characters import drawing_character
from cogs.component_router import router_of
from cogs.delivery import delivery_of
from cogs.film_requests import with_length
from cogs.message_pictures import attached_pictures, edit_in_talk, fetched_message, picture_of_message
from cogs.settings_option import with_settings
from cogs.ui.film_form import picture_modal, read_length, read_number, read_prompt
from cogs.ui.modals import submitted_values

if TYPE_CHECKING:
    from bot.discord_client.bot import ChorusBot

PICTURE_FORM: Final = r"chorus:with_picture:(?P<kind>image|video):(?P<message>\d{1,20})"
"""Custom id of the submitted form."""


class PictureMenusCog(commands.Cog, name="PictureMenus"):
    """Keeps nothing: the form's custom id names the message, which is read again when the form is submitted."""

    def __init__(self, bot: ChorusBot) -> None:
        self.bot = bot
        self._menus = (
            app_commands.ContextMenu(name="Use this picture", callback=self.use),
            app_commands.ContextMenu(name="Animate", callback=self.animate),
        )

    async def cog_load(self) -> None:
        """Add the menus, which discord.py does not find in a cog by itself."""
        for menu in self._menus:
            self.bot.tree.add_command(menu)
        router_of(self.bot).add(PICTURE_FORM, self.submit)
        delivery_of(self.bot).turns.edit = partial(edit_in_talk, self.bot)

    async def cog_unload(self) -> None:
        """Remove the menus."""
        for menu in self._menus:
            self.bot.tree.remove_command(menu.name, type=menu.type)

    async def use(self, interaction: discord.Interaction[ChorusBot], message: discord.Message) -> None:
        """Ask what to make of the message's picture."""
        await self._open(interaction, message, JobKind.IMAGE)

    async def animate(self, interaction: discord.Interaction[ChorusBot], message: discord.Message) -> None:
        """Ask what happens in the film that begins with the message's picture."""
        await self._open(interaction, message, JobKind.VIDEO)

    async def _open(self, interaction: discord.Interaction[ChorusBot], message: discord.Message, kind: JobKind) -> None:
        self.bot.services.policy.require_may_ask(interaction_actor(interaction))
        found = attached_pictures(message)
        if not found:
            raise InputInvalid("There is no picture in that message.", advice="Choose a message with a picture.")
        is_film = kind is JobKind.VIDEO
        await interaction.response.send_modal(
            picture_modal(
                "Animate" if is_film else "Use this picture",
                f"chorus:with_picture:{kind.value}:{message.id}",
                is_film=is_film,
                pictures=len(found),
            )
        )

    async def submit(self, interaction: discord.Interaction[ChorusBot], match: re.Match[str]) -> None:
        """Start the job that the submitted form asks for."""
        actor, services = interaction_actor(interaction), self.bot.services
        services.policy.require_may_ask(actor)
        services.policy.require_may_derive(actor, actor.user_id)
        written, kind = submitted_values(interaction), JobKind(match["kind"])
        words, seconds = read_prompt(written), read_length(written)
        artist = await drawing_character(interaction, actor, None)
        requester = requester_of(actor, interaction.channel, reply_to=int(match["message"]))
        request = GenerationRequest(
            kind=kind,
            character_id=artist.id,
            requester_id=requester.requester_id,
            requester_name=requester.requester_name,
            origin=requester.origin,
            positive=words,
            derivation=Derivation.ANIMATE if kind is JobKind.VIDEO else Derivation.REMIX,
            source_message_id=int(match["message"]),
        )
        request = with_picture_workflow(services.workflows, artist, request)
        request, _ = await with_settings(self.bot, actor, artist, request, None)
        request = with_length(self.bot, artist, request, seconds)
        # Discord waits 3 s for an answer; the message and its picture are fetched first.
        await interaction.response.defer(ephemeral=True, thinking=True)
        fetch = partial(self._picture, interaction, int(match["message"]), written)
        await accept_with_files(interaction, fetch, lambda files: files.added_to(request))

    async def _picture(
        self, interaction: discord.Interaction[ChorusBot], message_id: int, written: dict[str, str]
    ) -> GivenFiles:
        """The chosen picture: the file of our own result, else the attachment."""
        message = await fetched_message(self.bot, interaction.channel_id or 0, message_id, interaction.guild_id)
        n = read_number(written, len(attached_pictures(message)))
        return await picture_of_message(self.bot, message, n, may_show=lambda job: may_view_job(interaction, job))


async def setup(bot: ChorusBot) -> None:
    """Called by the bot before it connects."""
    await bot.add_cog(PictureMenusCog(bot))
