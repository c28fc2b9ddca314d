"""Where an interaction comes from, as values: its origin for a request, and the character of its channel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import discord

from bot.domain.jobs import Origin
from bot.errors import NotAllowed

if TYPE_CHECKING:
    from bot.characters import Character
    from bot.discord_client.bot import ChorusBot


def origin_of(interaction: discord.Interaction[ChorusBot], *, reply_to_message_id: int | None = None) -> Origin:
    """The origin of a request made now.

    `after_message_id` is the newest message before the answer that we know of; an interaction's id is a snowflake of
    the moment before it too, and so the least that is certain.
    """
    channel = interaction.channel
    newest = getattr(channel, "last_message_id", None) or 0
    return Origin(
        guild_id=interaction.guild_id,
        channel_id=interaction.channel_id,
        after_message_id=max(newest, interaction.id),
        interaction_id=interaction.id,
        reply_to_message_id=reply_to_message_id,
        age_restricted=is_age_restricted(channel),
    )


def is_age_restricted(channel: object) -> bool:
    """Whether Discord shows the channel (or a thread's parent) to adults only."""
    check = getattr(channel, "is_nsfw", None)
    return bool(check()) if callable(check) else False


def bound_channel_id(interaction: discord.Interaction[ChorusBot]) -> int:
    """The channel that a character is bound to from here: a thread's parent, the channel itself."""
    channel = interaction.channel
    if isinstance(channel, discord.Thread):
        return channel.parent_id
    return interaction.channel_id or 0


def require_fitting_place(character: Character, interaction: discord.Interaction[ChorusBot]) -> None:
    """A character for adults appears in age-restricted channels (and direct messages) only.

    Raises:
        NotAllowed: It is not one.

    """
    if character.nsfw and interaction.guild_id is not None and not is_age_restricted(interaction.channel):
        raise NotAllowed(
            f"{character.name} appears in age-restricted channels only.",
            advice="Choose another character, or ask somebody to mark this channel as age-restricted.",
        )


async def character_of(interaction: discord.Interaction[ChorusBot], chosen: str | None) -> str:
    """The id of the character meant: the one named, else the channel's (a thread's: its parent's), else the default.

    Raises:
        CharacterNotFound: Nobody is called that.

    """
    if chosen:
        return interaction.client.services.characters.find(chosen, interaction.guild_id).id
    return await character_of_channel(interaction.client, interaction.channel, interaction.channel_id)


async def character_of_channel(bot: ChorusBot, channel: object, channel_id: int | None) -> str:
    """The id of the character that a channel belongs to (a thread: its parent), else the default one's."""
    parent_id = channel.parent_id if isinstance(channel, discord.Thread) else None
    for place_id in (channel_id, parent_id):
        binding = await bot.services.bindings.binding(place_id) if place_id is not None else None
        if binding is not None:
            return binding.character_id
    return bot.services.settings.default_character
