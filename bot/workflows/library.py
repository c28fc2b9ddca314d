"""The workflows on disk, in memory: looked up without I/O, picked up when they change, kept when a change is broken."""

from __future__ import annotations

import asyncio
import difflib
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple, Self

from watchfiles import awatch  # pyright: ignore[reportUnknownVariableType]

from bot.domain.jobs import JobKind
from bot.errors import ChorusError, WorkflowInvalid, WorkflowNotFound
from bot.workflows.errors import NotAGraph
from bot.workflows.graph import MAX_BYTES
from bot.workflows.migration import migrate_flat_files
from bot.workflows.parsing import SHARED, parse_workflow
from bot.workflows.values import Workflow

_log = logging.getLogger(__name__)

DEFAULT = "default"
BINDINGS_SUFFIX = ".bindings.yaml"
SPECIAL_NAMES = frozenset({"vary", "upscale"})
"""Workflows behind buttons; never somebody's default by being the only one."""
_POLL_SECONDS = 2.0
_LOOK_ANYWAY_MS = 3000


class Key(NamedTuple):
    """Where a workflow lives: `<character>/<kind>/<name>.json`."""

    character_id: str
    kind: JobKind
    name: str


@dataclass(frozen=True, slots=True)
class LoadReport:
    """What a look at the folder found."""

    loaded: int
    """Workflows that can be used."""
    changed: tuple[Path, ...]
    """Files read because they are new or changed."""
    migrated: tuple[Path, ...]
    """Old flat files that were moved; their new places."""
    problems: Mapping[Path, ChorusError]


class _Stamp(NamedTuple):
    """Changes when either file is written anew."""

    graph: tuple[int, int, int]
    bindings: tuple[int, int, int] | None


class WorkflowLibrary:
    """`<root>/<character>/<image|audio|video>/<name>.json`, with `_shared` for every character.

    As an async context manager it follows changes on disk; a broken file is logged and listed in `problems`, and the
    last good version stays in use.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._workflows: dict[Key, Workflow] = {}
        self._stamps: dict[Path, _Stamp] = {}
        self._problems: dict[Path, ChorusError] = {}
        self._stop = asyncio.Event()
        self._watching: asyncio.Task[None] | None = None
        self._changed = asyncio.Condition()
        self._generation = 0

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(self.load)
        self._watching = asyncio.create_task(self._watch(), name="workflows: watch")
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stop.set()
        if self._watching is not None:
            await self._watching

    @property
    def problems(self) -> Mapping[Path, ChorusError]:
        """Files that cannot be used (as they are now), and why."""
        return MappingProxyType(self._problems)

    @property
    def generation(self) -> int:
        """Counts the looks at the folder that found something changed."""
        return self._generation

    async def wait_changed(self, since: int) -> int:
        """Return the new `generation` once it is beyond `since`."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._generation > since)
            return self._generation

    def load(self) -> LoadReport:
        """Look at the folder (blocking): move old flat files, read what is new or changed, forget what is gone."""
        self.root.mkdir(parents=True, exist_ok=True)
        migrated = tuple(migrate_flat_files(self.root))
        workflows, stamps, problems = dict(self._workflows), dict[Path, _Stamp](), dict[Path, ChorusError]()
        changed: list[Path] = []
        present = set[Key]()
        for path, key in _files(self.root):
            stamp = _stamp(path)
            if stamp is None:
                continue  # gone between listing and looking
            present.add(key)
            stamps[path] = stamp
            if self._stamps.get(path) == stamp:
                if path in self._problems:
                    problems[path] = self._problems[path]
                continue
            changed.append(path)
            try:
                workflows[key] = _read(path, key)
            except WorkflowInvalid as error:
                problems[path] = error
                kept = "; the last good version stays in use" if key in workflows else ""
                _log.warning("workflow %s: %s%s", path.relative_to(self.root), error, kept)
            except OSError as error:
                problems[path] = NotAGraph("The workflow file cannot be read.")
                _log.warning("workflow %s cannot be read: %s", path.relative_to(self.root), error)
        gone = bool(self._stamps.keys() - stamps.keys())
        self._workflows = {key: workflow for key, workflow in workflows.items() if key in present}
        self._stamps, self._problems = stamps, problems
        self._generation += bool(changed or gone)
        return LoadReport(len(self._workflows), tuple(changed), migrated, dict(problems))

    def get(self, character_id: str, kind: JobKind, name: str | None = None) -> Workflow:
        """The character's workflow of that kind and name, else the shared one; from memory.

        Args:
            character_id: The character.
            kind: What it makes.
            name: None: `default`, the character's own before the shared one, else the only thing there is.

        Raises:
            WorkflowNotFound: Names the nearest that exists.
            WorkflowInvalid: The file exists, is broken, and no good version was ever read.

        """
        wanted = (name,) if name is not None else (DEFAULT, *self._fallbacks(character_id, kind))
        for candidate in wanted:
            for owner in (character_id, SHARED):
                key = Key(owner, kind, candidate)
                if key in self._workflows:
                    return self._workflows[key]
                if (problem := self._problem(key)) is not None:
                    raise problem
        raise self._not_found(character_id, kind, name)

    def names(self, character_id: str, kind: JobKind) -> list[str]:
        """Names to offer: the character's own (`default` first), then the shared ones it does not have itself."""
        return list(dict.fromkeys([*self._own_names(character_id, kind), *self._own_names(SHARED, kind)]))

    def all(self) -> list[Workflow]:
        """Every usable workflow, in the order of the folders."""
        return [self._workflows[key] for key in sorted(self._workflows)]

    def _own_names(self, owner: str, kind: JobKind) -> list[str]:
        found = [key.name for key in self._workflows if key.character_id == owner and key.kind == kind]
        return sorted(found, key=lambda name: (name != DEFAULT, name))

    def _fallbacks(self, character_id: str, kind: JobKind) -> list[str]:
        return [name for name in self.names(character_id, kind) if name not in SPECIAL_NAMES]

    def _problem(self, key: Key) -> ChorusError | None:
        if not self._problems:
            return None
        problem = self._problems.get(self.root / key.character_id / key.kind.value / f"{key.name}.json")
        return None if problem is None else type(problem)(problem.message, advice=problem.advice)

    def _not_found(self, character_id: str, kind: JobKind, name: str | None) -> WorkflowNotFound:
        if name is None:
            return WorkflowNotFound(
                f"This character has no {kind.value} workflow.",
                advice=f"The owner can put one at workflows/<character>/{kind.value}/default.json or under _shared.",
            )
        near = difflib.get_close_matches(name, self.names(character_id, kind), n=1, cutoff=0.3)
        hint = f' The nearest is "{near[0]}".' if near else ""
        return WorkflowNotFound(f"There is no {kind.value} workflow of that name.{hint}")

    async def _watch(self) -> None:
        try:
            # Also looks at every timeout: what changed before the watch stood, or on a file system that tells little.
            changes = awatch(
                self.root, stop_event=self._stop, debounce=300, rust_timeout=_LOOK_ANYWAY_MS, yield_on_timeout=True
            )
            async for _ in changes:
                await self._look_again()
        except (OSError, RuntimeError) as error:  # no more inotify watches, a file system that reports nothing
            _log.warning("cannot watch %s (%s); looking every %g s instead", self.root, error, _POLL_SECONDS)
            await self._poll()

    async def _poll(self) -> None:
        while not self._stop.is_set():
            try:
                await asyncio.wait_for(self._stop.wait(), _POLL_SECONDS)
            except TimeoutError:
                await self._look_again()

    async def _look_again(self) -> None:
        before = self._generation
        try:
            report = await asyncio.to_thread(self.load)
        except OSError as error:
            _log.warning("cannot look at %s: %s", self.root, error)
            return
        if self._generation > before:
            names = ", ".join(str(path.relative_to(self.root)) for path in report.changed) or "files removed"
            _log.info("workflows: %s; %d usable, %d broken", names, report.loaded, len(report.problems))
            async with self._changed:
                self._changed.notify_all()


def _files(root: Path) -> Iterator[tuple[Path, Key]]:
    for folder in sorted(root.iterdir()):
        if not folder.is_dir() or folder.name.startswith("."):
            continue
        for kind in JobKind:
            for path in sorted((folder / kind.value).glob("*.json")):
                if path.is_file() and not path.name.startswith("."):
                    yield path, Key(folder.name, kind, path.stem)


def _stamp(path: Path) -> _Stamp | None:
    graph = _file_stamp(path)
    return None if graph is None else _Stamp(graph, _file_stamp(bindings_path(path)))


def _file_stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def bindings_path(path: Path) -> Path:
    """`portrait.json` -> `portrait.bindings.yaml` beside it."""
    return path.with_name(path.name.removesuffix(".json") + BINDINGS_SUFFIX)


def _read(path: Path, key: Key) -> Workflow:
    workflow = read_workflow(path, character_id=key.character_id, kind=key.kind)
    _ = workflow.reading  # here, in a thread, so that the first run does not wait for it
    return workflow


def read_workflow(path: Path, *, character_id: str = SHARED, kind: JobKind = JobKind.IMAGE) -> Workflow:
    """A workflow file with the bindings file beside it, if there is one.

    Raises:
        WorkflowInvalid: See `parse_workflow`.
        OSError: The file cannot be read.

    """
    if path.stat().st_size > MAX_BYTES:
        raise NotAGraph(f"The workflow file is larger than {MAX_BYTES // 2**20} MB.")
    said = bindings_path(path)
    return parse_workflow(
        path.read_bytes(),
        bindings=said.read_bytes() if said.is_file() else None,
        character_id=character_id,
        kind=kind,
        name=path.stem,
        path=path,
    )
