"""Exporting a character with its files and workflows, in Discord and from the terminal."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.characters import CardExtension, Character, card_files, export_card
from bot.domain.workflow_history import HOST
from bot.errors import ChorusError
from bot.services.composition import Services
from bot.workflow_store.saved_workflows import place_of

_MAX_WORKFLOWS = 10


@dataclass(frozen=True)
class CardParts:
    """What a card is wanted to hold beside the character's texts.

    Attributes:
        voice: Its voice samples.
        references: Its reference pictures.
        workflows: Its own workflows, without prompts and paths.

    """

    voice: bool = False
    references: bool = False
    workflows: bool = False


async def character_card(
    services: Services, character: Character, parts: CardParts, *, guild_id: int | None, requester_id: int
) -> tuple[bytes, list[str]]:
    """Return the card as a PNG, and a sentence for each thing that was left out.

    Args:
        services: Where the workflows are.
        character: Who is exported.
        parts: What goes with it.
        guild_id: The server whose workflows and presets count; None: the host's only.
        requester_id: Who wants it; 0: a terminal.

    Raises:
        InputInvalid: The card would be too large to be imported again.

    """
    max_pixels = services.settings.media.max_pixels
    files, notes = await asyncio.to_thread(
        card_files, character, voice=parts.voice, references=parts.references, max_pixels=max_pixels
    )
    workflows = await _workflows(services, character, guild_id, requester_id, notes) if parts.workflows else []
    extension = CardExtension(character, files, workflows)
    return await asyncio.to_thread(export_card, extension, character.avatar_path), notes


async def _workflows(
    services: Services, character: Character, guild_id: int | None, requester_id: int, notes: list[str]
) -> list[Mapping[str, Any]]:
    keys = [
        key
        for key in services.workflows.all_keys()
        if key.character_id == character.id and key.guild_id in {HOST, guild_id or HOST}
    ]
    found: list[Mapping[str, Any]] = []
    for key in keys:
        workflow = services.workflows.at(key)
        if workflow is None:
            continue
        if len(found) == _MAX_WORKFLOWS:
            notes.append(f"A card holds {_MAX_WORKFLOWS} workflows; share the others with `/workflow share`.")
            break
        try:
            shared = await services.workflow_sharing.share(
                workflow,
                place_of(key),
                guild_id=guild_id,
                requester_id=requester_id,
                object_info=services.orchestrator.object_info,
            )
        except ChorusError as error:
            notes.append(f"The workflow {key.name} was left out: {error.message}")
            continue
        found.append(shared.as_json())
    return found
