"""What a person may look at: results of the same channel, of the whole server for moderators, for adults only there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import discord

from cogs.ui.origin import is_age_restricted

if TYPE_CHECKING:
    from bot.discord_client.bot import ChorusBot
    from bot.domain.gallery import GalleryItem
    from bot.domain.jobs import Job


def moderates(interaction: discord.Interaction[ChorusBot]) -> bool:
    """Manage Messages in the whole server; an exception for one channel does not open the others."""
    person = interaction.user
    return isinstance(person, discord.Member) and person.guild_permissions.manage_messages


def sees_channel(interaction: discord.Interaction[ChorusBot], channel_id: int | None) -> bool:
    """The channel asked in; another one of the server for a moderator who may look into it.

    A channel that is gone hides nothing from a moderator.
    """
    if channel_id == interaction.channel_id:
        return True
    person, guild = interaction.user, interaction.guild
    if guild is None or not isinstance(person, discord.Member) or not moderates(interaction):
        return False
    channel = guild.get_channel_or_thread(channel_id or 0)
    if channel is None:
        return True
    try:
        return channel.permissions_for(person).view_channel
    except discord.ClientException:  # a thread whose channel is hidden from the bot
        return False


def is_for_adults_here(interaction: discord.Interaction[ChorusBot]) -> bool:
    """Age-restricted results may be shown: such a channel, or a direct message."""
    return interaction.guild_id is None or is_age_restricted(interaction.channel)


def may_see(interaction: discord.Interaction[ChorusBot], job: Job) -> bool:
    """Whether a job's result may be named, shown or repeated to this person here."""
    origin = job.request.origin
    return _may_see(interaction, origin.guild_id, origin.channel_id, adult=origin.age_restricted)


def may_see_item(interaction: discord.Interaction[ChorusBot], item: GalleryItem) -> bool:
    """As `may_see`, of the gallery."""
    return _may_see(interaction, item.guild_id, item.channel_id, adult=item.age_restricted)


def _may_see(
    interaction: discord.Interaction[ChorusBot], guild_id: int | None, channel_id: int | None, *, adult: bool
) -> bool:
    if guild_id != interaction.guild_id or (adult and not is_for_adults_here(interaction)):
        return False
    return sees_channel(interaction, channel_id)
