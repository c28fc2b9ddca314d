"""Who can live in a channel: character files, read, watched, imported from cards."""

from bot.characters.cards import ImportedCard, import_card
from bot.characters.character import (
    Character,
    ImageGeneration,
    PreferredLlm,
    VisualIdentity,
    Voice,
)
from bot.characters.files import HostSample, host_samples
from bot.characters.library import CharacterLibrary, LoadReport
from bot.characters.writing import write_character

__all__ = [
    "Character",
    "CharacterLibrary",
    "HostSample",
    "ImageGeneration",
    "ImportedCard",
    "LoadReport",
    "PreferredLlm",
    "VisualIdentity",
    "Voice",
    "host_samples",
    "import_card",
    "write_character",
]
