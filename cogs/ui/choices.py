"""Autocompletion from memory: Discord waits three seconds and takes 25 choices of 100 characters."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from discord import app_commands

from cogs.ui.text import CHOICE, CHOICES, clip

if TYPE_CHECKING:
    import discord

    from bot.discord_client.bot import ChorusBot


def choices(pairs: Iterable[tuple[str, str]], current: str) -> list[app_commands.Choice[str]]:
    """The (name, value) pairs whose name or value holds what was typed."""
    wanted = current.strip().casefold()
    found = [
        app_commands.Choice(name=clip(name, CHOICE), value=value)
        for name, value in pairs
        if (wanted in name.casefold() or wanted in value.casefold()) and len(value) <= CHOICE
    ]
    return found[:CHOICES]


def character_choices(interaction: discord.Interaction[ChorusBot], current: str) -> list[app_commands.Choice[str]]:
    """Characters visible here, by name; the value is the id."""
    names = interaction.client.services.characters.names(interaction.guild_id)
    return choices(((name, character_id) for character_id, name in names.items()), current)
