"""Which workflow is meant by what a person types or chooses."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import TYPE_CHECKING

from discord import app_commands

from bot.domain.jobs import JobKind
from bot.domain.workflow_history import HOST, WorkflowPlace
from bot.errors import ChorusError, InputInvalid, WorkflowNotFound
from bot.workflow_store.saved_workflows import place_of
from bot.workflows import SHARED
from cogs.actors import interaction_channel
from cogs.channel_characters import channel_character_id
from cogs.ui.choices import character_choices, choices

if TYPE_CHECKING:
    import discord

    from bot.discord_client.bot import ChorusBot

EVERYONE = "everyone"
"""What is typed for the workflows of every character."""


async def find_place(
    interaction: discord.Interaction[ChorusBot], text: str, *, own: bool = False, removed: bool = False
) -> WorkflowPlace:
    """The workflow that is meant.

    Args:
        interaction: Where it was typed.
        text: `nova/image/portrait`, or a name, which the channel's character goes before others with.
        own: Only this server's workflows, since they are going to be changed.
        removed: Also those that were removed lately.

    Raises:
        WorkflowNotFound: There is none.
        InputInvalid: There are several.

    """
    wanted = text.strip().casefold()
    places = [place for place in await _places(interaction, removed=removed) if not own or place.guild_id != HOST]
    found = [place for place in places if wanted in {path_of(place).casefold(), place.name.casefold()}]
    if not found:
        raise _not_found(wanted, places, own=own)
    here = await channel_character_id(interaction.client, interaction_channel(interaction))
    for owner in (here, SHARED):
        mine = [place for place in found if place.character_id == owner]
        if mine:
            found = mine
            break
    # A server's workflow goes before the host's of the same path.
    by_path = {path_of(place): place for place in sorted(found, key=lambda place: place.guild_id != HOST)}
    if len(by_path) > 1:
        listed = ", ".join(list(by_path)[:5])
        raise InputInvalid(f"There are several of that name: {listed}.", advice="Choose one from the list as you type.")
    return next(iter(by_path.values()))


async def place_choices(
    interaction: discord.Interaction[ChorusBot], current: str, *, own: bool = False, removed: bool = False
) -> list[app_commands.Choice[str]]:
    """Workflows that hold what was typed."""
    places = [place for place in await _places(interaction, removed=removed) if not own or place.guild_id != HOST]
    paths = dict.fromkeys(path_of(place) for place in places)
    return choices(((path, path) for path in paths), current)


def path_of(place: WorkflowPlace) -> str:
    """`nova/image/portrait`."""
    return f"{place.character_id}/{place.kind.value}/{place.name}"


async def owner_of(interaction: discord.Interaction[ChorusBot], character: str | None) -> str:
    """The id of the character that workflows are meant of, or `_shared`.

    Raises:
        CharacterNotFound: Nobody is called that.

    """
    if character is None:
        return await channel_character_id(interaction.client, interaction_channel(interaction))
    if character.strip().casefold() in {EVERYONE, SHARED}:
        return SHARED
    return interaction.client.services.characters.find(character, interaction.guild_id).id


def owner_choices(interaction: discord.Interaction[ChorusBot], current: str) -> list[app_commands.Choice[str]]:
    """Characters that are visible here, and everyone."""
    every = choices([("every character", EVERYONE)], current)
    return [*every, *character_choices(interaction, current)][:25]


async def _places(interaction: discord.Interaction[ChorusBot], *, removed: bool) -> Iterable[WorkflowPlace]:
    services = interaction.client.services
    guild_id = interaction.guild_id or HOST
    found = [place_of(key) for key in services.workflows.all_keys() if key.guild_id in {HOST, guild_id}]
    if not removed:
        return found
    gone = [
        place
        for place, version in (await services.saved_workflows.history.newest(guild_id)).items()
        if version.removed_at is not None
    ]
    return [*found, *gone]


def _not_found(wanted: str, places: Iterable[WorkflowPlace], *, own: bool) -> ChorusError:
    near = difflib.get_close_matches(wanted, [place.name for place in places], n=1, cutoff=0.4)
    hint = f' The nearest is "{near[0]}".' if near else ""
    whose = "This server has no workflow of its own by that name." if own else "There is no workflow of that name."
    return WorkflowNotFound(f"{whose}{hint}", advice="`/workflow list` shows all of them.")


KINDS = {kind.value: kind for kind in JobKind}
"""The choices of an option `kind`."""
