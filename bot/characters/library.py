"""The library of characters: all character files in memory, read again when they change."""

from __future__ import annotations

import asyncio
import contextlib
import difflib
import logging
import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Self

from watchfiles import Change, awatch  # pyright: ignore[reportUnknownVariableType] - it names trio's types

from bot.characters.card_import import ImportedCard
from bot.characters.character import Character
from bot.characters.character_files import read_character
from bot.characters.character_writer import write_character
from bot.characters.library_snapshot import LibrarySnapshot, LoadReport, compare, index_by_key
from bot.errors import CharacterNotFound, ChorusError, ConfigError, InputInvalid

_log = logging.getLogger(__name__)

_FILE_SUFFIXES = (".yaml", ".yml")
_WATCHED_SUFFIXES = (*_FILE_SUFFIXES, ".png", ".jpg", ".jpeg", ".webp", ".gif")
_DEBOUNCE_MS = 300
MAX_GUILD_CHARACTERS = 100
"""Of a guild's own, since every name is looked for in every message there."""


class CharacterLibrary:
    """The owner's characters in `root`, and those of each guild in `guilds/<guild id>/characters/`.

    A guild's characters are visible in that guild only, and never in place of one of the owner's. A file that cannot be
    read is listed in `problems`, while its last good version stays in use. As an async context manager the library
    loads the files and follows changes on disk.

    Args:
        root: The folder of the owner's character files.
        guilds: The folder with a folder for each guild; None: guilds have no characters of their own.

    """

    def __init__(self, root: Path, guilds: Path | None = None) -> None:
        self.root = root
        self.guilds = guilds
        self._snapshot = LibrarySnapshot()
        self._logged: set[str] = set()
        self._watching: asyncio.Task[None] | None = None
        self._loading = asyncio.Lock()

    async def __aenter__(self) -> Self:
        if self.guilds is not None:
            self.guilds.mkdir(parents=True, exist_ok=True)
        self._watching = asyncio.create_task(self._watch(), name="characters: watch files")
        # The task must begin to watch before the files are read, or a change in between would never be noticed.
        await asyncio.sleep(0)
        await self.reload()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._watching is not None:
            self._watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watching
            self._watching = None

    # -- looking characters up; none of these methods reads a file

    @property
    def problems(self) -> Mapping[Path, ChorusError]:
        """File -> why it, or its newest version, is not used."""
        return self._snapshot.problems

    def all(self, guild_id: int | None = None) -> list[Character]:
        """Return every character that is visible in a guild (None: only the owner's), by name."""
        return list(self._snapshot.visible(guild_id))

    def names(self, guild_id: int | None = None) -> dict[str, str]:
        """Return id -> name of every character that is visible in a guild, ordered by name."""
        return {character.id: character.name for character in self._snapshot.visible(guild_id)}

    def names_and_aliases(self, guild_id: int | None = None) -> tuple[tuple[str, str], ...]:
        """Return (name or alias, id) of every character that is visible in a guild, all names before the aliases."""
        return self._snapshot.names_and_aliases(guild_id)

    def get(self, character_id: str, guild_id: int | None = None) -> Character:
        """Return the character with that id.

        Raises:
            CharacterNotFound: None is visible in the guild; the error names the nearest.

        """
        by_key = self._snapshot.by_key
        found = by_key.get((None, character_id)) or by_key.get((guild_id, character_id))
        if found is None:
            raise self._not_found(character_id, guild_id)
        return found

    def find(self, name_or_id: str, guild_id: int | None = None) -> Character:
        """Return the character with that id, else with that name, else with that alias, ignoring case.

        Raises:
            CharacterNotFound: None is visible in the guild; the error names the nearest.

        """
        wanted = name_or_id.strip().casefold()
        visible = self.all(guild_id)
        by_id = [character for character in visible if character.id == wanted]
        by_name = [character for character in visible if character.name.casefold() == wanted]
        by_alias = [character for character in visible if character.has_name(wanted)]
        for character in (*by_id, *by_name, *by_alias):
            return character
        raise self._not_found(wanted, guild_id)

    def _not_found(self, wanted: str, guild_id: int | None) -> CharacterNotFound:
        names = {name.casefold(): name for name in self.names(guild_id).values()} | self.names(guild_id)
        near = difflib.get_close_matches(wanted, names, n=1, cutoff=0.6)
        return CharacterNotFound(f"That character does not exist; did you mean {names[near[0]]}?" if near else None)

    # -- loading

    async def reload(self) -> LoadReport:
        """Run `load` in a thread, one at a time."""
        async with self._loading:
            return await asyncio.to_thread(self.load)

    def load(self) -> LoadReport:
        """Read every file again. Blocking. A file that cannot be read becomes a problem and raises nothing."""
        before = self._snapshot
        by_path: dict[Path, Character] = {}
        problems: dict[Path, ChorusError] = {}
        for path, guild_id in self._files():
            try:
                file = read_character(path, guild_id=guild_id)
            except Exception as error:  # noqa: BLE001 - a file that breaks its reader must not take the others with it
                problems[path] = _problem(path, error)
                if path in before.by_path:
                    by_path[path] = before.by_path[path]
            else:
                by_path[path] = file.character
                self._log_once(file.notes, logging.INFO)
        by_key = index_by_key(by_path, problems)
        if not os.access(self.root, os.R_OK | os.X_OK):
            problems[self.root] = ConfigError(
                f"The folder of characters {self.root} does not exist, or is not readable.",
                advice="Correct `paths.characters`; relative paths count from the configuration file's folder.",
            )
        self._snapshot = LibrarySnapshot(
            MappingProxyType(by_path), MappingProxyType(by_key), MappingProxyType(problems)
        )
        self._log_once((str(error) for error in problems.values()), logging.WARNING)
        return compare(before, self._snapshot)

    async def add(self, card: ImportedCard, guild_id: int | None = None) -> Character:
        """Write an imported card as a new character of a guild (None: of the owner) and return it.

        Raises:
            InputInvalid: The guild has `MAX_GUILD_CHARACTERS` already, there are too many characters of that name, or
                the card's texts are too long for a character file.
            OSError: The files cannot be written.

        """
        own = sum(guild == guild_id for guild, _ in self._snapshot.by_key)
        if guild_id is not None and own >= MAX_GUILD_CHARACTERS:
            raise InputInvalid(
                f"This server has {own} characters of its own; more than {MAX_GUILD_CHARACTERS} are not kept.",
                advice="Ask the person who runs this bot to remove some.",
            )
        if guild_id is not None:
            card = replace(card, character=_without_model(card.character))
        folder = self.root if guild_id is None else self._guild_folder(guild_id)
        taken = set(self.names(guild_id))
        path = await asyncio.to_thread(write_character, card, folder, taken)
        await self.reload()
        return self._snapshot.by_path[path]

    def _guild_folder(self, guild_id: int) -> Path:
        if self.guilds is None:
            raise ValueError("this library has no folder for guilds")
        return self.guilds / str(guild_id) / "characters"

    def _files(self) -> list[tuple[Path, int | None]]:
        folders: list[tuple[Path, int | None]] = [(self.root, None)]
        if self.guilds is not None and self.guilds.is_dir():
            guild_folders = sorted(path for path in self.guilds.iterdir() if path.name.isdecimal())
            folders += [(path / "characters", int(path.name)) for path in guild_folders]
        return [(path, guild_id) for folder, guild_id in folders for path in _character_files(folder)]

    def _log_once(self, sentences: Iterable[str], level: int) -> None:
        """Log each sentence the first time, not at every reload."""
        for sentence in sentences:
            if sentence not in self._logged:
                self._logged.add(sentence)
                _log.log(level, "%s", sentence)

    async def _watch(self) -> None:
        folders = [folder for folder in (self.root, self.guilds) if folder is not None and folder.is_dir()]
        if not folders:
            return
        try:
            async for _ in awatch(
                *folders, watch_filter=_is_relevant, debounce=_DEBOUNCE_MS, ignore_permission_denied=True
            ):
                await self._reload_changed()
        except Exception:  # noqa: BLE001 - task boundary: without a watcher (inotify limits) the bot still works
            _log.warning("character files are no longer watched; use /character reload", exc_info=True)

    async def _reload_changed(self) -> None:
        try:
            report = await self.reload()
        except Exception:  # noqa: BLE001 - task boundary: the next change may be read better
            _log.exception("the character files cannot be read")
            return
        for word, ids in (("added", report.added), ("changed", report.changed), ("removed", report.removed)):
            if ids:
                _log.info("characters %s: %s", word, ", ".join(ids))


def _without_model(character: Character) -> Character:
    """Which language model is loaded and how much it may write is the host's to say."""
    kept = character.preferred_llm.model_copy(
        update={"model": None, "max_tokens": None, "context_window": None},
    )
    return character.model_copy(update={"preferred_llm": kept})


def _problem(path: Path, error: Exception) -> ConfigError:
    if isinstance(error, ConfigError):
        return error
    _log.error("%s cannot be understood", path.name, exc_info=error)
    return ConfigError(f"{path.name}: the file cannot be understood ({type(error).__name__}).")


def _character_files(folder: Path) -> list[Path]:
    try:
        found = sorted(folder.iterdir())
    except OSError:  # a guild without characters; that the owner's folder is missing becomes a problem in `load`
        return []
    return [path for path in found if path.suffix.lower() in _FILE_SUFFIXES and path.name[0] != "." and path.is_file()]


def _is_relevant(change: Change, path: str) -> bool:
    # A file that is written right after its folder was made is not reported, because the folder is not watched yet.
    is_new_folder = change is Change.added and not Path(path).suffix
    return (is_new_folder or path.lower().endswith(_WATCHED_SUFFIXES)) and not Path(path).name.startswith(".")
