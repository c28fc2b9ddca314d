"""Which character is meant in a channel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.errors import NotAllowed
from cogs.actors import interaction_channel

if TYPE_CHECKING:
    import discord

    from bot.characters import Character
    from bot.discord_client.bot import ChorusBot
    from bot.domain.channels import Channel
    from bot.policy import Actor


async def character_of(interaction: discord.Interaction[ChorusBot], chosen: str | None) -> Character:
    """The character that is meant: the one named, else the channel's, else the default one.

    Raises:
        CharacterNotFound: Nobody is called that, or the file of the channel's character is gone.

    """
    bot = interaction.client
    if chosen:
        return bot.services.characters.find(chosen, interaction.guild_id)
    character_id = await channel_character_id(bot, interaction_channel(interaction))
    return bot.services.characters.get(character_id, interaction.guild_id)


async def channel_character_id(bot: ChorusBot, channel: Channel) -> str:
    """The id of the character that a channel (or a thread's parent) is bound to, else of the default one."""
    for channel_id in (channel.channel_id, channel.parent_id):
        binding = await bot.services.bindings.binding(channel_id) if channel_id is not None else None
        if binding is not None:
            return binding.character_id
    return bot.services.settings.default_character


async def drawing_character(interaction: discord.Interaction[ChorusBot], actor: Actor, chosen: str | None) -> Character:
    """As `character_of`, of a character that draws.

    Raises:
        CharacterNotFound: Nobody is called that.
        NotAllowed: The character does not draw, or is for adults only and the channel is not.

    """
    artist = await character_of(interaction, chosen)
    interaction.client.services.policy.require_suitable(actor.channel, artist.name, adults_only=artist.nsfw)
    if not artist.image_generation.enabled:
        raise NotAllowed(f"{artist.name} does not draw.", advice="Choose another character.")
    return artist
