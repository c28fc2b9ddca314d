"""Characters: their files, read and watched by `CharacterLibrary`, and cards of other programs that become one."""

from bot.characters.card_export import export_card
from bot.characters.card_extension import CardExtension
from bot.characters.card_files import card_files
from bot.characters.card_import import ImportedCard, import_card
from bot.characters.character import Character, ImageGeneration, PreferredLlm, VisualIdentity, Voice
from bot.characters.character_writer import write_character
from bot.characters.library import CharacterLibrary
from bot.characters.library_snapshot import LoadReport
from bot.characters.voice_sample_files import VoiceSampleFile, voice_sample_files

__all__ = [
    "CardExtension",
    "Character",
    "CharacterLibrary",
    "ImageGeneration",
    "ImportedCard",
    "LoadReport",
    "PreferredLlm",
    "VisualIdentity",
    "Voice",
    "VoiceSampleFile",
    "card_files",
    "export_card",
    "import_card",
    "voice_sample_files",
    "write_character",
]
