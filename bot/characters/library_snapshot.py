"""What `CharacterLibrary` has read of its folders, as one immutable value, and the comparison of two of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bot.characters.character import Character
from bot.errors import ChorusError, ConfigError

CharacterKey = tuple[int | None, str]
"""(guild id, or None for characters that are visible everywhere; character id)."""


@dataclass(frozen=True)
class LibrarySnapshot:
    """Every character of the library. Replaced as a whole, so that a reader never sees half of a reload."""

    by_path: Mapping[Path, Character] = field(default_factory=dict[Path, Character])
    """The characters by file; of a file that cannot be read now, its last good version."""
    by_key: Mapping[CharacterKey, Character] = field(default_factory=dict[CharacterKey, Character])
    problems: Mapping[Path, ChorusError] = field(default_factory=dict[Path, ChorusError])
    """File -> why it, or its newest version, is not used."""
    _visible: dict[int | None, tuple[Character, ...]] = field(
        default_factory=dict[int | None, tuple[Character, ...]], compare=False, repr=False
    )
    _called: dict[int | None, tuple[tuple[str, str], ...]] = field(
        default_factory=dict[int | None, tuple[tuple[str, str], ...]], compare=False, repr=False
    )

    def visible(self, guild_id: int | None) -> tuple[Character, ...]:
        """Return every character that is visible in a guild (None: only the owner's), by name."""
        if guild_id not in self._visible:
            found = [character for (guild, _), character in self.by_key.items() if guild in {None, guild_id}]
            ordered = sorted(found, key=lambda character: (character.name.casefold(), character.id))
            self._visible[guild_id] = tuple(ordered)
        return self._visible[guild_id]

    def names_and_aliases(self, guild_id: int | None) -> tuple[tuple[str, str], ...]:
        """Return (name or alias, id) of every character that is visible in a guild, all names before the aliases."""
        if guild_id not in self._called:
            visible = self.visible(guild_id)
            names = ((character.name, character.id) for character in visible)
            aliases = ((alias, character.id) for character in visible for alias in character.aliases if alias)
            self._called[guild_id] = (*names, *aliases)
        return self._called[guild_id]


@dataclass(frozen=True)
class LoadReport:
    """How a load changed the library. Characters are named by id, those of a guild as `<guild id>/<id>`."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]
    problems: Mapping[Path, ChorusError]


def index_by_key(by_path: Mapping[Path, Character], problems: dict[Path, ChorusError]) -> dict[CharacterKey, Character]:
    """Return the characters by key. Of several with one id the first has it, those of the owner before any guild's.

    Args:
        by_path: The characters by file, in order of precedence.
        problems: Gets an entry for each file whose id is taken.

    """
    by_key: dict[CharacterKey, Character] = {}
    first_files: dict[CharacterKey, Path] = {}
    for path, character in by_path.items():
        key = (character.guild_id, character.id)
        first = first_files.get((None, character.id)) or first_files.get(key)
        if first is not None:
            problems[path] = ConfigError(f"{path.name}: the id `{character.id}` already belongs to {first.name}.")
            continue
        first_files[key], by_key[key] = path, character
    return by_key


def compare(before: LibrarySnapshot, after: LibrarySnapshot) -> LoadReport:
    """Return which characters were added, changed and removed, with the problems of `after`."""
    old, new = before.by_key, after.by_key
    return LoadReport(
        added=tuple(_label(key) for key in new if key not in old),
        changed=tuple(_label(key) for key in new if key in old and new[key] != old[key]),
        removed=tuple(_label(key) for key in old if key not in new),
        problems=after.problems,
    )


def _label(key: CharacterKey) -> str:
    guild_id, character_id = key
    return character_id if guild_id is None else f"{guild_id}/{character_id}"
