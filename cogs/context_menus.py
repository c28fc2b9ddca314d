"""The menus on a message: Regenerate, Draw this, Info. They go by the message's id, so old messages have them too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import discord
from discord import app_commands
from discord.ext import commands

from bot.domain.jobs import Derivation, GenerationRequest, Job, JobKind
from bot.errors import InputInvalid, NotAllowed
from cogs.regenerate import regenerate_of
from cogs.ui.asker import Asker
from cogs.ui.origin import character_of
from cogs.ui.permissions import require_bot_can_post, require_place

if TYPE_CHECKING:
    from bot.discord_client.bot import ChorusBot
    from bot.domain.conversations import Message

LONGEST_SCENE: Final = 2000
_NOT_OURS = "That message is not one of mine."


class ContextMenus(commands.Cog):
    """**Speak** is with speech."""

    def __init__(self, bot: ChorusBot) -> None:
        self.bot = bot
        self._menus = (
            app_commands.ContextMenu(name="Regenerate", callback=self.regenerate),
            app_commands.ContextMenu(name="Draw this", callback=self.draw),
            app_commands.ContextMenu(name="Info", callback=self.info),
        )

    async def cog_load(self) -> None:
        """Menus are not found by discord.py in a cog: they are added by hand."""
        for menu in self._menus:
            self.bot.tree.add_command(menu)

    async def cog_unload(self) -> None:
        """Undo `cog_load`."""
        for menu in self._menus:
            self.bot.tree.remove_command(menu.name, type=menu.type)

    async def regenerate(self, interaction: discord.Interaction[ChorusBot], message: discord.Message) -> None:
        """As the reaction: again, a new alternative, speak again, try again."""
        require_place(interaction)
        again = regenerate_of(self.bot)
        found = await self._of(message)
        if isinstance(found, Job):
            await again.again(interaction, found)
        else:
            await again.alternative(interaction, found)

    async def draw(self, interaction: discord.Interaction[ChorusBot], message: discord.Message) -> None:
        """The scene of that message, its prompt written by the language model."""
        require_bot_can_post(interaction)
        words = message.content.strip()
        if not words:
            raise InputInvalid("There are no words in that message to draw.", advice="Choose one with a text.")
        asker = Asker.pressing(interaction)
        asker.require_may_ask(self.bot, interaction.user.id)
        request = await self._scene(interaction, message, words[:LONGEST_SCENE], asker)
        await regenerate_of(self.bot).starter.post_beside(interaction, request)

    async def _scene(
        self, interaction: discord.Interaction[ChorusBot], message: discord.Message, words: str, asker: Asker
    ) -> GenerationRequest:
        turn = await self.bot.services.conversations.repository.message_by_discord_id(message.id)
        speaker = turn.character_id if turn is not None and turn.alternatives else None
        artist = self.bot.services.characters.get(
            speaker or await character_of(interaction, None), interaction.guild_id
        )
        asker.require_fitting(artist)
        if not artist.image_generation.enabled:
            raise NotAllowed(f"{artist.name} does not draw.", advice="Use `/imagine` with another character.")
        by = asker.by(reply_to=message.id)
        return GenerationRequest(
            kind=JobKind.IMAGE,
            character_id=artist.id,
            requester_id=by.requester_id,
            requester_name=by.requester_name,
            origin=by.origin,
            positive=words,
            written_prompt=words,
            rewrite=True,
            derivation=Derivation.DRAW,
            source_message_id=message.id,
            conversation_id=turn.conversation_id if turn is not None else None,
            thread_id=turn.thread_id if turn is not None else None,
        )

    async def info(self, interaction: discord.Interaction[ChorusBot], message: discord.Message) -> None:
        """How it was made."""
        require_place(interaction)
        again = regenerate_of(self.bot)
        found = await self._of(message)
        if isinstance(found, Job):
            await again.info(interaction, found)
        else:
            await again.turn_info(interaction, found)

    async def _of(self, message: discord.Message) -> Job | Message:
        found = await regenerate_of(self.bot).of_message(message.id)
        if found is None:
            raise InputInvalid(_NOT_OURS, advice="Choose a picture, a voice message or an answer of a character.")
        return found


async def setup(bot: ChorusBot) -> None:
    """Called by `load_extension`."""
    await bot.add_cog(ContextMenus(bot))
