"""The fields of a card that other programs read, as we write them for a character."""

from __future__ import annotations

from typing import Any

from bot.characters.character import Character


def card_data(character: Character) -> dict[str, Any]:
    """The fields of a card's `data` that other programs read, without extensions."""
    data: dict[str, Any] = {
        "name": character.name,
        "description": character.system_prompt,
        "personality": ", ".join(character.personality_traits),
        "scenario": "",
        "first_mes": character.greeting,
        "mes_example": f"<START>\n{character.example_dialogue}" if character.example_dialogue else "",
        "creator_notes": character.role,
        "system_prompt": "",
        "post_history_instructions": "",
        "alternate_greetings": [],
        "tags": ["nsfw"] if character.nsfw else [],
        "creator": "",
        "character_version": character.version[:12],
    }
    if character.core_memories:
        entries = [_entry(number, memory) for number, memory in enumerate(character.core_memories)]
        data["character_book"] = {"name": character.name, "extensions": {}, "entries": entries}
    return data


def _entry(number: int, memory: str) -> dict[str, Any]:
    """An entry of the lorebook that is always used."""
    return {
        "keys": [],
        "content": memory,
        "extensions": {},
        "enabled": True,
        "insertion_order": number,
        "constant": True,
        "use_regex": False,
        "name": "",
        "id": number,
    }
