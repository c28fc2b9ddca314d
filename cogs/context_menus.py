"""The menus on a message: Regenerate, Draw this, Info. They use the message's id, so old messages have them too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import discord
from discord import app_commands
from discord.ext import commands

from bot.domain.jobs import Derivation, GenerationRequest, Job, JobKind
from bot.errors import InputInvalid
from cogs.actors import interaction_actor, interaction_channel, requester_of
from cogs.channel_characters import drawing_character
from cogs.results import results_of

if TYPE_CHECKING:
    from bot.discord_client.bot import ChorusBot
    from bot.domain.conversations import Message
    from bot.policy import Actor

LONGEST_SCENE: Final = 2000


class ContextMenusCog(commands.Cog, name="ContextMenus"):
    """The menu **Speak** is in `cogs.speak`."""

    def __init__(self, bot: ChorusBot) -> None:
        self.bot = bot
        self._menus = (
            app_commands.ContextMenu(name="Regenerate", callback=self.regenerate),
            app_commands.ContextMenu(name="Draw this", callback=self.draw),
            app_commands.ContextMenu(name="Info", callback=self.info),
        )

    async def cog_load(self) -> None:
        """Add the menus, which discord.py does not find in a cog by itself."""
        for menu in self._menus:
            self.bot.tree.add_command(menu)

    async def cog_unload(self) -> None:
        """Remove the menus."""
        for menu in self._menus:
            self.bot.tree.remove_command(menu.name, type=menu.type)

    async def regenerate(self, interaction: discord.Interaction[ChorusBot], message: discord.Message) -> None:
        """As the reaction: again, another alternative, speak again, try again."""
        self.bot.services.policy.require_served(interaction_channel(interaction))
        results = results_of(self.bot)
        found = await self._shown_by(message)
        if isinstance(found, Job):
            await results.actions.again(interaction, found)
        else:
            await results.alternative(interaction, found)

    async def draw(self, interaction: discord.Interaction[ChorusBot], message: discord.Message) -> None:
        """A picture of what the message says, its prompt written by the language model."""
        actor, policy = interaction_actor(interaction), self.bot.services.policy
        policy.require_may_ask(actor)
        words = message.content.strip()
        if not words:
            raise InputInvalid("There are no words in that message to draw.", advice="Choose one with a text.")
        policy.require_may_derive(actor, actor.user_id)
        request = await self._request(interaction, actor, message, words[:LONGEST_SCENE])
        await results_of(self.bot).starter.start_with_link(interaction, request)

    async def _request(
        self, interaction: discord.Interaction[ChorusBot], actor: Actor, message: discord.Message, words: str
    ) -> GenerationRequest:
        turn = await self.bot.services.conversations.repository.message_by_discord_id(message.id)
        speaker = turn.character_id if turn is not None and turn.alternatives else None
        artist = await drawing_character(interaction, actor, speaker)
        requester = requester_of(actor, interaction.channel, reply_to=message.id)
        return GenerationRequest(
            kind=JobKind.IMAGE,
            character_id=artist.id,
            requester_id=requester.requester_id,
            requester_name=requester.requester_name,
            origin=requester.origin,
            positive=words,
            written_prompt=words,
            rewrite=True,
            derivation=Derivation.DRAW,
            source_message_id=message.id,
            conversation_id=turn.conversation_id if turn is not None else None,
            thread_id=turn.thread_id if turn is not None else None,
        )

    async def info(self, interaction: discord.Interaction[ChorusBot], message: discord.Message) -> None:
        """How the result or turn was made."""
        self.bot.services.policy.require_served(interaction_channel(interaction))
        results = results_of(self.bot)
        found = await self._shown_by(message)
        if isinstance(found, Job):
            await results.actions.info(interaction, found)
        else:
            await results.actions.turn_info(interaction, found)

    async def _shown_by(self, message: discord.Message) -> Job | Message:
        found = await results_of(self.bot).of_message(message.id)
        if found is None:
            raise InputInvalid(
                "That message is not one of mine.",
                advice="Choose a picture, a voice message or an answer of a character.",
            )
        return found


async def setup(bot: ChorusBot) -> None:
    """Called by the bot before it connects."""
    await bot.add_cog(ContextMenusCog(bot))
