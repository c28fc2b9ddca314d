"""`chorus character import FILE`: make a character of a character card."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.markup import escape

from bot.characters import CharacterLibrary, import_card, write_character
from bot.characters.card_import import MAX_CARD_BYTES
from bot.errors import InputInvalid


def import_character(file: Path, folder: Path, console: Console) -> Path:
    """Write a card as a new character of the owner's, print where, and return the path of its file.

    Args:
        file: A PNG, JSON or CHARX file.
        folder: The folder of the owner's characters.
        console: Where to print.

    Raises:
        InputInvalid: The file cannot be read or is no character card.

    """
    try:
        with file.open("rb") as source:
            data = source.read(MAX_CARD_BYTES + 1)
    except OSError as error:
        raise InputInvalid(
            f"{file.name} cannot be read ({(error.strerror or 'error').lower()}).", advice="Check the path."
        ) from error
    card = import_card(data, file.name)
    library = CharacterLibrary(folder)
    library.load()
    path = write_character(card, folder, set(library.names()))
    console.print(f"[green]{escape(card.character.name)}[/] is in {escape(str(path))}", soft_wrap=True)
    for note in card.notes:
        console.print(f"  {escape(note)}", soft_wrap=True)
    console.print(f"Use it in a channel with: /character use {escape(card.character.name)}", soft_wrap=True)
    return path
