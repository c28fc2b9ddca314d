"""`/conversation`: several conversations in one channel, and their export."""

from __future__ import annotations

import asyncio
import io
from typing import TYPE_CHECKING

import discord
from discord import app_commands
from discord.ext import commands

from bot.conversation.export import as_markdown, export_file
from bot.discord_client.errors import FailureKind, failure_kind
from bot.domain.conversations import ChannelBinding, Conversation
from bot.errors import InputInvalid
from bot.policy import Permission
from cogs.actors import interaction_actor, interaction_channel
from cogs.delivery.files import SMALLEST_LIMIT, size_limit
from cogs.ui.choices import choices
from cogs.ui.text import EMBED_DESCRIPTION, clip, escaped

if TYPE_CHECKING:
    from bot.discord_client.bot import ChorusBot

ANSWERED_AT_ONCE = 500_000
"""Characters of an export; a longer one is announced first."""


class ConversationsCog(commands.GroupCog, name="conversation", description="The conversations of this channel"):
    """The command group. Changing a channel's conversation needs Manage Channels."""

    def __init__(self, bot: ChorusBot) -> None:
        self.bot = bot
        self._service = bot.services.conversations

    @app_commands.command(name="new", description="Begin a new conversation here; the old one is kept")
    @app_commands.describe(title="What to call it")
    async def new(
        self, interaction: discord.Interaction[ChorusBot], title: app_commands.Range[str, 1, 100] | None = None
    ) -> None:
        """Needs Manage Channels."""
        binding = await self._changeable(interaction)
        made = await self._service.repository.create_conversation(
            character_id=binding.character_id,
            title=title or f"Conversation of {discord.utils.utcnow():%d %B %Y}",
            guild_id=interaction.guild_id,
            channel_id=binding.channel_id,
        )
        await self._service.repository.bind(binding.model_copy(update={"conversation_id": made.id}))
        await _say(interaction, f"A new conversation begins: **{_shown(made.title)}**.")

    @app_commands.command(name="list", description="The conversations of this channel")
    async def list_(self, interaction: discord.Interaction[ChorusBot]) -> None:
        """For everybody."""
        self.bot.services.policy.require_served(interaction_channel(interaction))
        binding, known = await self._known(interaction)
        current = binding.conversation_id if binding else None
        names = self.bot.services.characters.names(interaction.guild_id)
        lines = [
            f"{'▸' if each.id == current else '·'} **{_shown(each.title)}** with "
            f"{names.get(each.character_id, each.character_id)}, {discord.utils.format_dt(each.updated_at, 'R')}"
            for each in known
        ]
        embed = discord.Embed(title="Conversations here", description=clip("\n".join(lines), EMBED_DESCRIPTION))
        await interaction.response.send_message(embed=embed if lines else _none(), ephemeral=True)

    @app_commands.command(name="switch", description="Go on with another conversation of this channel")
    @app_commands.describe(name="Which one")
    async def switch(self, interaction: discord.Interaction[ChorusBot], name: app_commands.Range[str, 1, 200]) -> None:
        """Needs Manage Channels. The conversation's own character comes with it."""
        binding = await self._changeable(interaction)
        chosen = await self._chosen(interaction, name)
        changed = {"conversation_id": chosen.id, "character_id": chosen.character_id}
        await self._service.repository.bind(binding.model_copy(update=changed))
        await _say(interaction, f"We go on with **{_shown(chosen.title)}**.")

    @app_commands.command(name="rename", description="Give this conversation another name")
    async def rename(self, interaction: discord.Interaction[ChorusBot], title: app_commands.Range[str, 1, 100]) -> None:
        """Needs Manage Channels."""
        await self._changeable(interaction)
        current = await self._current(interaction)
        await self._service.repository.rename_conversation(current.id, title)
        await _say(interaction, f"This conversation is called **{_shown(title)}** now.")

    @app_commands.command(name="export", description="This conversation as a file")
    async def export(self, interaction: discord.Interaction[ChorusBot]) -> None:
        """For everybody who can read the channel; answered to them alone."""
        self.bot.services.policy.require_served(interaction_channel(interaction))
        current = await self._current(interaction)
        repository = self._service.repository
        here = await repository.thread_in_channel(current.id, interaction.channel_id or 0)
        thread = here or await repository.get_or_create_thread(current.id, current.channel_id)
        names = self.bot.services.characters.names(interaction.guild_id)
        history = await repository.history(thread, limit=10_000)
        text = await asyncio.to_thread(as_markdown, current, history, names)
        if len(text) > ANSWERED_AT_ONCE:  # Discord waits 3 s, also for what is uploaded
            await interaction.response.defer(ephemeral=True, thinking=True)
        await self._send_export(interaction, current, text)

    async def _send_export(self, interaction: discord.Interaction[ChorusBot], current: Conversation, text: str) -> None:
        """Send as much of the text as Discord takes; what it refuses as too large is made smaller."""
        name = f"conversation-{current.created_at:%Y-%m-%d}"
        limit = size_limit(self.bot, interaction.guild_id)
        while True:
            exported = await asyncio.to_thread(export_file, text, name, limit)
            content = f"**{_shown(current.title)}**" + (f"\n-# {exported.note}" if exported.note else "")
            file = discord.File(io.BytesIO(exported.data), filename=exported.name)
            try:
                if interaction.response.is_done():
                    await interaction.followup.send(content, file=file, ephemeral=True)
                else:
                    await interaction.response.send_message(content, file=file, ephemeral=True)
            except discord.HTTPException as error:
                if failure_kind(error) is not FailureKind.TOO_LARGE or limit < SMALLEST_LIMIT:
                    raise
                limit = min(limit, len(exported.data)) // 2
            else:
                return

    @app_commands.command(name="clear", description="Forget what was said in this conversation")
    async def clear(self, interaction: discord.Interaction[ChorusBot]) -> None:
        """Needs Manage Channels. The messages in Discord stay."""
        await self._changeable(interaction)
        current = await self._current(interaction)
        count = await self._service.repository.clear_conversation(current.id)
        await _say(interaction, f"{count} messages are forgotten. What stands in Discord stays there.")

    @switch.autocomplete("name")
    async def complete_name(
        self, interaction: discord.Interaction[ChorusBot], current: str
    ) -> list[app_commands.Choice[str]]:
        """Titles that hold what was typed; the value is the id."""
        _, known = await self._known(interaction)
        return choices(((each.title, each.id) for each in known), current)

    async def _known(
        self, interaction: discord.Interaction[ChorusBot]
    ) -> tuple[ChannelBinding | None, list[Conversation]]:
        channel_id = interaction_channel(interaction).bound_id
        repository = self._service.repository
        return await repository.binding(channel_id), list(await repository.conversations(channel_id))

    async def _changeable(self, interaction: discord.Interaction[ChorusBot]) -> ChannelBinding:
        """The channel's binding, for somebody who may change it; the default character's where there is none yet."""
        actor, policy = interaction_actor(interaction), self.bot.services.policy
        policy.require_served(actor.channel)
        policy.require_permission(actor, Permission.MANAGE_CHANNELS)
        channel_id = actor.channel.bound_id
        binding = await self._service.repository.binding(channel_id)
        if binding is not None:
            return binding
        return await self._service.channels.bind_default_character(
            channel_id, interaction.guild_id, bound_by=interaction.user.id
        )

    async def _current(self, interaction: discord.Interaction[ChorusBot]) -> Conversation:
        binding, known = await self._known(interaction)
        if binding is not None and binding.conversation_id is not None:
            found = next((each for each in known if each.id == binding.conversation_id), None)
        else:
            found = known[0] if known else None
        if found is None:
            raise InputInvalid("There is no conversation here yet.", advice="Write something to the character first.")
        return found

    async def _chosen(self, interaction: discord.Interaction[ChorusBot], name: str) -> Conversation:
        _, known = await self._known(interaction)
        for each in known:
            if name in {each.id, each.title}:
                return each
        raise InputInvalid(
            "There is no conversation of that name here.",
            advice="Choose one from the list that appears while you type.",
        )


def _shown(title: str) -> str:
    return escaped(clip(title, 100))


def _none() -> discord.Embed:
    return discord.Embed(title="Conversations here", description="None yet: write something to the character.")


async def _say(interaction: discord.Interaction[ChorusBot], text: str) -> None:
    await interaction.response.send_message(text, ephemeral=True)


async def setup(bot: ChorusBot) -> None:
    """Called by `load_extension`."""
    await bot.add_cog(ConversationsCog(bot))
