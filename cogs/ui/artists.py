"""Which character draws."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.errors import NotAllowed
from cogs.actors import character_of

if TYPE_CHECKING:
    import discord

    from bot.characters import Character
    from bot.discord_client.bot import ChorusBot
    from bot.policy import Actor


async def artist_of(interaction: discord.Interaction[ChorusBot], actor: Actor, chosen: str | None) -> Character:
    """The character that draws here: the one named, else the channel's, else the default one.

    Raises:
        CharacterNotFound: Nobody is called that.
        NotAllowed: The character does not draw, or is for adults only and the channel is not.

    """
    artist = await character_of(interaction, chosen)
    interaction.client.services.policy.require_suitable(actor.channel, artist.name, adults_only=artist.nsfw)
    if not artist.image_generation.enabled:
        raise NotAllowed(f"{artist.name} does not draw.", advice="Choose another character.")
    return artist
