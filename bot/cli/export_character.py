"""`chorus character export NAME`: write a character as a card."""

from __future__ import annotations

import asyncio
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from bot.cli.convert_workflow import write_file
from bot.services import open_services
from bot.services.character_cards import CardParts, character_card
from bot.settings import Settings


def export_character(settings: Settings, name: str, parts: CardParts, out: Path | None, console: Console) -> None:
    """Write a character of the host's as a card and print where. Blocking.

    Args:
        settings: The configuration.
        name: Id, name or alias.
        parts: What goes with its texts.
        out: The file; None: `<id>.png` in this folder.
        console: Where to print.

    Raises:
        CharacterNotFound: There is nobody of that name.
        InputInvalid: The card would be too large, or cannot be written.

    """
    asyncio.run(_export(settings, name, parts, out, console))


async def _export(settings: Settings, name: str, parts: CardParts, out: Path | None, console: Console) -> None:
    async with open_services(settings) as services:
        character = services.characters.find(name)
        card, notes = await character_card(services, character, parts, guild_id=None, requester_id=0)
        target = out or Path(f"{character.id}.png")
        await asyncio.to_thread(write_file, target, card)
        console.print(f"[green]Written[/] to {escape(str(target))}.", soft_wrap=True)
        for note in notes:
            console.print(f"[yellow]{escape(note)}[/]", soft_wrap=True)
