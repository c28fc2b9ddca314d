"""All characters, in memory, as fresh as their files."""

from __future__ import annotations

import asyncio
import contextlib
import difflib
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Self

from watchfiles import Change, awatch  # pyright: ignore[reportUnknownVariableType] - it names trio's types

from bot.characters.cards import ImportedCard
from bot.characters.character import Character
from bot.characters.files import read_character
from bot.characters.writing import write_character
from bot.errors import CharacterNotFound, ChorusError, ConfigError

_log = logging.getLogger(__name__)

_SUFFIXES = (".yaml", ".yml")
_WATCHED = (*_SUFFIXES, ".png", ".jpg", ".jpeg", ".webp", ".gif")
_DEBOUNCE_MS = 300


@dataclass(frozen=True)
class LoadReport:
    """What a (re)load found, against what was known before. Ids; guild characters as `<guild>/<id>`."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]
    problems: Mapping[Path, ChorusError]


@dataclass(frozen=True)
class _State:
    """Replaced as a whole, so that a reader never sees half a reload."""

    by_path: Mapping[Path, Character] = field(default_factory=dict[Path, Character])
    by_id: Mapping[tuple[int | None, str], Character] = field(default_factory=dict[tuple[int | None, str], Character])
    problems: Mapping[Path, ChorusError] = field(default_factory=dict[Path, ChorusError])


class CharacterLibrary:
    """The host's characters (`root`) and those of each guild (`guilds/<guild id>/characters/`).

    A broken file is a problem, and the last good version of it stays; what a guild imported is seen in that guild
    only, and never in place of one of the host's. While open (`async with`), changes on disk are picked up.
    """

    def __init__(self, root: Path, guilds: Path | None = None) -> None:
        self.root = root
        self.guilds = guilds
        self._state = _State()
        self._told: set[str] = set()
        self._watching: asyncio.Task[None] | None = None
        self._loading = asyncio.Lock()

    async def __aenter__(self) -> Self:
        if self.guilds is not None:
            self.guilds.mkdir(parents=True, exist_ok=True)
        self._watching = asyncio.create_task(self._watch(), name="characters: watch files")
        # The watcher must see the folder before it is read, or what changes in between is never noticed.
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

    # -- asking; none of these reads the disk

    @property
    def problems(self) -> Mapping[Path, ChorusError]:
        """File -> why it (or its newest version) is not used."""
        return self._state.problems

    def all(self, guild_id: int | None = None) -> list[Character]:
        """Every character visible in that guild (None: the host's only), by name."""
        visible = [character for (guild, _), character in self._state.by_id.items() if guild in {None, guild_id}]
        return sorted(visible, key=lambda character: (character.name.casefold(), character.id))

    def names(self, guild_id: int | None = None) -> dict[str, str]:
        """Id -> name of every character visible there, by name."""
        return {character.id: character.name for character in self.all(guild_id)}

    def called(self, guild_id: int | None = None) -> list[tuple[str, str]]:
        """(what people call it, id) of every character visible there: names first, then aliases."""
        visible = self.all(guild_id)
        names = [(character.name, character.id) for character in visible]
        return names + [(alias, character.id) for character in visible for alias in character.aliases if alias]

    def get(self, character_id: str, guild_id: int | None = None) -> Character:
        """By id. Raises CharacterNotFound."""
        found = self._state.by_id.get((None, character_id)) or self._state.by_id.get((guild_id, character_id))
        if found is None:
            raise self._not_found(character_id, guild_id)
        return found

    def find(self, name_or_id: str, guild_id: int | None = None) -> Character:
        """By id, else by name, else by alias, whatever the case. Raises CharacterNotFound."""
        wanted = name_or_id.strip().casefold()
        visible = self.all(guild_id)
        by_id = [character for character in visible if character.id == wanted]
        by_name = [character for character in visible if character.name.casefold() == wanted]
        by_alias = [character for character in visible if character.is_called(wanted)]
        for character in (*by_id, *by_name, *by_alias):
            return character
        raise self._not_found(wanted, guild_id)

    def _not_found(self, wanted: str, guild_id: int | None) -> CharacterNotFound:
        names = {name.casefold(): name for name in self.names(guild_id).values()} | self.names(guild_id)
        near = difflib.get_close_matches(wanted, names, n=1, cutoff=0.6)
        return CharacterNotFound(f"That character does not exist; did you mean {names[near[0]]}?" if near else None)

    # -- loading

    def guild_folder(self, guild_id: int) -> Path:
        """Where that guild's own characters live."""
        if self.guilds is None:
            raise ValueError("this library has no folder for guilds")
        return self.guilds / str(guild_id) / "characters"

    async def reload(self) -> LoadReport:
        """`load` off the event loop; one at a time."""
        async with self._loading:
            return await asyncio.to_thread(self.load)

    def load(self) -> LoadReport:
        """Read every file again. Never raises for a file's sake: see the report's problems."""
        before = self._state
        by_path: dict[Path, Character] = {}
        problems: dict[Path, ChorusError] = {}
        for path, guild_id in self._files():
            try:
                file = read_character(path, guild_id=guild_id)
            except ConfigError as error:
                problems[path] = error
                if path in before.by_path:
                    by_path[path] = before.by_path[path]
            else:
                by_path[path] = file.character
                self._tell(file.notes, logging.INFO)
        by_id = _index(by_path, problems)
        if not os.access(self.root, os.R_OK | os.X_OK):
            problems[self.root] = ConfigError(
                f"The folder of characters {self.root} does not exist, or is not readable.",
                advice="Correct `paths.characters`; relative paths count from the configuration file's folder.",
            )
        self._state = _State(MappingProxyType(by_path), MappingProxyType(by_id), MappingProxyType(problems))
        self._tell([str(error) for error in problems.values()], logging.WARNING)
        return _compare(before, self._state)

    async def add(self, card: ImportedCard, guild_id: int | None = None) -> Character:
        """Write an imported card as a new character, the host's or a guild's; never over another one."""
        folder = self.root if guild_id is None else self.guild_folder(guild_id)
        taken = set(self.names(guild_id))
        path = await asyncio.to_thread(write_character, card, folder, taken)
        await self.reload()
        return self._state.by_path[path]

    def _files(self) -> list[tuple[Path, int | None]]:
        folders: list[tuple[Path, int | None]] = [(self.root, None)]
        if self.guilds is not None and self.guilds.is_dir():
            owners = sorted(path for path in self.guilds.iterdir() if path.name.isdecimal())
            folders += [(path / "characters", int(path.name)) for path in owners]
        return [(path, guild_id) for folder, guild_id in folders for path in _yaml_files(folder)]

    def _tell(self, notes: tuple[str, ...] | list[str], level: int) -> None:
        """Log each sentence once, not at every reload."""
        for note in notes:
            if note not in self._told:
                self._told.add(note)
                _log.log(level, "%s", note)

    async def _watch(self) -> None:
        folders = [folder for folder in (self.root, self.guilds) if folder is not None and folder.is_dir()]
        if not folders:
            return
        try:
            async for _ in awatch(
                *folders, watch_filter=_matters, debounce=_DEBOUNCE_MS, ignore_permission_denied=True
            ):
                report = await self.reload()
                for word, ids in (("added", report.added), ("changed", report.changed), ("removed", report.removed)):
                    if ids:
                        _log.info("characters %s: %s", word, ", ".join(ids))
        except Exception:  # noqa: BLE001 - task boundary: without a watcher (inotify limits) the bot still works
            _log.warning("character files are no longer watched; use /character reload", exc_info=True)


def _yaml_files(folder: Path) -> list[Path]:
    try:
        found = sorted(folder.iterdir())
    except OSError:  # not there, or not ours to read: a problem only where it is the host's own
        return []
    return [path for path in found if path.suffix.lower() in _SUFFIXES and path.name[0] != "." and path.is_file()]


def _matters(change: Change, path: str) -> bool:
    # A file written right after its folder was made comes before that folder is watched: then only the folder is told.
    new_folder = change is Change.added and not Path(path).suffix
    return (new_folder or path.lower().endswith(_WATCHED)) and not Path(path).name.startswith(".")


def _index(
    by_path: Mapping[Path, Character], problems: dict[Path, ChorusError]
) -> dict[tuple[int | None, str], Character]:
    """Who has an id first keeps it: the host's before a guild's, then by file name."""
    by_id: dict[tuple[int | None, str], Character] = {}
    owners: dict[tuple[int | None, str], Path] = {}
    for path, character in by_path.items():
        key = (character.guild_id, character.id)
        first = owners.get((None, character.id)) or owners.get(key)
        if first is not None:
            problems[path] = ConfigError(f"{path.name}: the id `{character.id}` already belongs to {first.name}.")
            continue
        owners[key], by_id[key] = path, character
    return by_id


def _compare(before: _State, after: _State) -> LoadReport:
    def label(key: tuple[int | None, str]) -> str:
        return key[1] if key[0] is None else f"{key[0]}/{key[1]}"

    old, new = before.by_id, after.by_id
    return LoadReport(
        added=tuple(label(key) for key in new if key not in old),
        changed=tuple(label(key) for key in new if key in old and new[key] != old[key]),
        removed=tuple(label(key) for key in old if key not in new),
        problems=after.problems,
    )
