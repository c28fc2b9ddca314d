"""The library of workflows: all workflow files in memory, read again when they change."""

from __future__ import annotations

import asyncio
import difflib
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Self

from watchfiles import awatch  # pyright: ignore[reportUnknownVariableType]

from bot.domain.jobs import JobKind
from bot.errors import ChorusError, WorkflowInvalid, WorkflowNotFound
from bot.workflows.errors import NotAGraph, NotApiFormat
from bot.workflows.layout_migration import migrate_flat_files
from bot.workflows.workflow import (
    DEFAULT_WORKFLOW,
    INPAINT_WORKFLOW,
    OUTPAINT_WORKFLOW,
    SHARED,
    UPSCALE_WORKFLOW,
    VARY_WORKFLOW,
    Workflow,
)
from bot.workflows.workflow_files import (
    FileVersion,
    WorkflowKey,
    file_version,
    guild_folders,
    read_converted,
    read_workflow,
    workflow_files,
    workflow_path,
)

_log = logging.getLogger(__name__)

GuildDefault = Callable[[int, str, JobKind], str | None]
"""Guild id, character id and kind -> the name of the workflow that a server has chosen as its default, if it has."""
_BUTTON_WORKFLOWS = frozenset({VARY_WORKFLOW, UPSCALE_WORKFLOW, INPAINT_WORKFLOW, OUTPAINT_WORKFLOW})
"""They start from a result, so none of them becomes the default by being the only workflow."""
_CONVERTED_LATER = "It is converted as soon as ComfyUI answers. Or export it with File > Export (API)."
_DEBOUNCE_MS = 300
_RELOAD_MS = 3000
"""The folder is also looked at this often without a change: the file system may have reported none."""


@dataclass(frozen=True, slots=True)
class LoadReport:
    """What `WorkflowLibrary.load` has found."""

    loaded: int
    """How many workflows can be used."""
    changed: tuple[Path, ...]
    """Files that were read because they are new or have changed."""
    migrated: tuple[Path, ...]
    """New paths of files that were moved from Chorus Engine's layout."""
    problems: Mapping[Path, ChorusError]
    """Files that cannot be used, and why."""


class WorkflowLibrary:
    """The workflows under `<root>/<character>/<image|audio|video>/<name>.json`, with `_shared` for every character.

    Those of a server lie the same way under `<guilds>/<guild id>/workflows` and are found in that server only; there
    they go before the host's of the same name.

    As an async context manager it loads them and follows changes on disk. A file that cannot be used is logged and
    listed in `problems`, while its last good version stays in use.

    Args:
        root: The folder of the host's workflows.
        guilds: The folder with a folder for each server; None: servers have no workflows of their own.
        guild_default: The defaults that servers have chosen.
        host_first: The host's workflow goes before a server's of the same name.
        conversions: The folder of conversions of files in the UI format; None: such files cannot be used.
        poll_seconds: How often the folders are looked at where the system cannot watch them.

    """

    def __init__(
        self,
        root: Path,
        *,
        guilds: Path | None = None,
        guild_default: GuildDefault | None = None,
        host_first: bool = False,
        conversions: Path | None = None,
        poll_seconds: float = 2.0,
    ) -> None:
        self.root = root
        self.guilds = guilds
        self._guild_default = guild_default
        self._host_first = host_first
        self.conversions = conversions
        self._loading = asyncio.Lock()
        self._poll_seconds = poll_seconds
        self._workflows: dict[WorkflowKey, Workflow] = {}
        self._versions: dict[Path, FileVersion] = {}
        self._problems: dict[Path, ChorusError] = {}
        self._keys: dict[Path, WorkflowKey] = {}
        self._stop = asyncio.Event()
        self._watching: asyncio.Task[None] | None = None
        self._changed = asyncio.Condition()
        self._revision = 0

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
        """The files that cannot be used in their newest version, and why."""
        return MappingProxyType(self._problems)

    @property
    def revision(self) -> int:
        """A number that grows with each `load` that has found a change."""
        return self._revision

    async def wait_changed(self, since: int) -> int:
        """Wait until `revision` is larger than `since` and return it."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._revision > since)
            return self._revision

    def load(self) -> LoadReport:
        """Read what is new or changed in the folder and forget what is gone. Blocking.

        Makes the folder if it does not exist and moves files of Chorus Engine's layout first.

        Raises:
            OSError: The folder cannot be made or listed.

        """
        self.root.mkdir(parents=True, exist_ok=True)
        if self.guilds is not None:
            self.guilds.mkdir(parents=True, exist_ok=True)
        migrated = tuple(migrate_flat_files(self.root))
        workflows, versions, problems = dict(self._workflows), dict[Path, FileVersion](), dict[Path, ChorusError]()
        changed: list[Path] = []
        present, keys = set[WorkflowKey](), dict[Path, WorkflowKey]()
        for path, key in self._files():
            version = file_version(path)
            if version is None:
                continue  # removed since the folder was listed
            present.add(key)
            keys[path] = key
            versions[path] = version
            if self._versions.get(path) == version:
                if path in self._problems:
                    problems[path] = self._problems[path]
                continue
            changed.append(path)
            try:
                workflows[key] = _read_and_analyze(path, key, self.conversions)
            except WorkflowInvalid as error:
                problems[path] = error
                kept = "; the last good version stays in use" if key in workflows else ""
                _log.warning("workflow %s: %s%s", self._shown(path), error, kept)
            except OSError as error:
                problems[path] = NotAGraph("The workflow file cannot be read.")
                _log.warning("workflow %s cannot be read: %s", self._shown(path), error)
            except Exception:  # noqa: BLE001 - a file that breaks its reader must not take the others with it
                problems[path] = NotAGraph("The workflow file cannot be understood; the log says why.")
                _log.exception("workflow %s cannot be understood", self._shown(path))
        gone = bool(self._versions.keys() - versions.keys())
        self._workflows = {key: workflow for key, workflow in workflows.items() if key in present}
        self._versions, self._keys, self._problems = versions, keys, problems
        self._revision += bool(changed or gone)
        return LoadReport(len(self._workflows), tuple(changed), migrated, dict(problems))

    def unusable(self, guild_id: int | None = None) -> dict[WorkflowKey, ChorusError]:
        """Return the workflows of the host and of a server whose newest file cannot be used, and why."""
        found = [(self._keys.get(path), problem) for path, problem in list(self._problems.items())]
        return {key: problem for key, problem in found if key is not None and key.guild_id in {0, guild_id}}

    def unconverted(self) -> list[Path]:
        """Return the files in the UI format that were not converted yet."""
        return [path for path, problem in self._problems.items() if isinstance(problem, NotApiFormat)]

    def set_problem(self, path: Path, problem: ChorusError) -> None:
        """Say why a file cannot be used, until it is read again."""
        if path in self._keys:
            self._problems[path] = problem

    async def read_again(self, paths: Iterable[Path]) -> None:
        """Read files as if they had changed.

        Raises:
            OSError: The folder cannot be listed.

        """
        async with self._loading:
            for path in paths:
                self._versions.pop(path, None)
        await self.reload()

    async def reload(self) -> LoadReport:
        """Run `load` in a thread, one at a time, and tell those who wait for changes.

        Raises:
            OSError: The folder cannot be made or listed.

        """
        async with self._loading:
            before = self._revision
            report = await asyncio.to_thread(self.load)
            if self._revision > before:
                async with self._changed:
                    self._changed.notify_all()
            return report

    def get(
        self,
        character_id: str,
        kind: JobKind,
        name: str | None = None,
        *,
        guild_id: int | None = None,
        default: str | None = None,
    ) -> Workflow:
        """Return the character's workflow of that kind and name, else the shared one. Reads no file.

        Args:
            character_id: The character's id.
            kind: What the workflow makes.
            name: None: the default that the server has chosen, else `default`, else the character's `default`, else the
                shared one, else the first other workflow that there is.
            guild_id: The server whose workflows are found beside the host's; None: none.
            default: The name that the character's file has for the kind.

        Raises:
            WorkflowNotFound: There is none; the error names the nearest that exists.
            WorkflowInvalid: The file exists but cannot be used, and no good version was ever read.

        """
        chosen = self.guild_default(character_id, kind, guild_id) if name is None else None
        if chosen is not None and (found := self._find(character_id, kind, chosen, guild_id)) is not None:
            return found
        name = name if name is not None else default
        wanted = (
            (name,) if name is not None else (DEFAULT_WORKFLOW, *self._other_defaults(character_id, kind, guild_id))
        )
        for candidate in wanted:
            if (found := self._find(character_id, kind, candidate, guild_id)) is not None:
                return found
        raise self._not_found(character_id, kind, name, guild_id)

    def guild_default(self, character_id: str, kind: JobKind, guild_id: int | None) -> str | None:
        """Return the name of the workflow that a server has chosen as the character's default; None: it has not."""
        if guild_id is None or self._guild_default is None:
            return None
        return self._guild_default(guild_id, character_id, kind)

    def names(self, character_id: str, kind: JobKind, guild_id: int | None = None) -> list[str]:
        """Return the names to offer: the character's own (`default` first), then the shared ones it does not have."""
        own = self._own_names(character_id, kind, guild_id)
        return list(dict.fromkeys([*own, *self._own_names(SHARED, kind, guild_id)]))

    def all(self, guild_id: int | None = None) -> list[Workflow]:
        """Return every usable workflow of the host and of a server, by character, kind and name."""
        return [self._workflows[key] for key in sorted(self._workflows) if key.guild_id in {0, guild_id}]

    def all_keys(self) -> list[WorkflowKey]:
        """Return the keys of all usable workflows, those of every server too."""
        return sorted(self._workflows)

    def at(self, key: WorkflowKey) -> Workflow | None:
        """Return the workflow at exactly that place; None: there is none that can be used."""
        return self._workflows.get(key)

    def path(self, key: WorkflowKey) -> Path:
        """Return where the file of that workflow lies, or would lie.

        Raises:
            ValueError: The key names a server, and servers have no workflows of their own here.

        """
        if key.guild_id == 0:
            return workflow_path(self.root, key)
        if self.guilds is None:
            raise ValueError("this library has no folder for servers")
        return workflow_path(self.guilds / str(key.guild_id) / "workflows", key)

    def _files(self) -> Iterator[tuple[Path, WorkflowKey]]:
        yield from workflow_files(self.root)
        if self.guilds is None:
            return
        for guild_id, folder in guild_folders(self.guilds).items():
            try:
                yield from workflow_files(folder, guild_id)
            except OSError as error:  # one server's folder must not take the others with it
                _log.warning("the workflows of server %d cannot be listed: %s", guild_id, error)

    def _shown(self, path: Path) -> Path:
        """A path for the log, relative to the folder that the owner knows."""
        if self.guilds is not None and path.is_relative_to(self.guilds):
            return path.relative_to(self.guilds)
        return path.relative_to(self.root)

    def _scopes(self, guild_id: int | None) -> tuple[int, ...]:
        if not guild_id:
            return (0,)
        return (0, guild_id) if self._host_first else (guild_id, 0)

    def _find(self, character_id: str, kind: JobKind, name: str, guild_id: int | None) -> Workflow | None:
        """The workflow of that name; a broken file that would be it is raised as an error."""
        for owner in (character_id, SHARED):
            for scope in self._scopes(guild_id):
                key = WorkflowKey(owner, kind, name, scope)
                if key in self._workflows:
                    return self._workflows[key]
                if (problem := self._problem(key)) is not None:
                    raise problem
        return None

    def _own_names(self, owner: str, kind: JobKind, guild_id: int | None) -> list[str]:
        scopes = self._scopes(guild_id)
        found = {
            key.name
            for key in self._workflows
            if key.character_id == owner and key.kind == kind and key.guild_id in scopes
        }
        return sorted(found, key=lambda name: (name != DEFAULT_WORKFLOW, name))

    def _other_defaults(self, character_id: str, kind: JobKind, guild_id: int | None) -> list[str]:
        return [name for name in self.names(character_id, kind, guild_id) if name not in _BUTTON_WORKFLOWS]

    def _problem(self, key: WorkflowKey) -> ChorusError | None:
        """A new error of the same kind: raising the stored one again would add to its traceback each time."""
        problem = self._problems.get(self.path(key)) if self._problems else None
        return None if problem is None else type(problem)(problem.message, advice=problem.advice)

    def _not_found(self, character_id: str, kind: JobKind, name: str | None, guild_id: int | None) -> WorkflowNotFound:
        if name is None:
            return WorkflowNotFound(
                f"This character has no {kind.value} workflow.",
                advice=f"The owner can put one at workflows/<character>/{kind.value}/default.json or under _shared.",
            )
        near = difflib.get_close_matches(name, self.names(character_id, kind, guild_id), n=1, cutoff=0.3)
        hint = f' The nearest is "{near[0]}".' if near else ""
        return WorkflowNotFound(f"There is no {kind.value} workflow of that name.{hint}")

    async def _watch(self) -> None:
        try:
            folders = [self.root] if self.guilds is None else [self.root, self.guilds]
            changes = awatch(
                *folders, stop_event=self._stop, debounce=_DEBOUNCE_MS, rust_timeout=_RELOAD_MS, yield_on_timeout=True
            )
            async for _ in changes:
                await self._reload()
        except Exception as error:  # noqa: BLE001 - task boundary: no more inotify watches, a file system that reports nothing
            _log.warning("cannot watch %s (%s); looking every %g s instead", self.root, error, self._poll_seconds)
            await self._poll()

    async def _poll(self) -> None:
        while not self._stop.is_set():
            try:
                await asyncio.wait_for(self._stop.wait(), self._poll_seconds)
            except TimeoutError:
                await self._reload()

    async def _reload(self) -> None:
        before = self._revision
        try:
            report = await self.reload()
        except OSError as error:
            _log.warning("cannot look at %s: %s", self.root, error)
            return
        except Exception:  # noqa: BLE001 - task boundary: the next look may be better
            _log.exception("cannot look at %s", self.root)
            return
        if self._revision > before:
            names = ", ".join(str(self._shown(path)) for path in report.changed) or "files removed"
            _log.info("workflows: %s; %d usable, %d broken", names, report.loaded, len(report.problems))


def _read_and_analyze(path: Path, key: WorkflowKey, conversions: Path | None) -> Workflow:
    try:
        workflow = read_workflow(path, character_id=key.character_id, kind=key.kind, guild_id=key.guild_id or None)
    except NotApiFormat as error:
        if conversions is None:
            raise
        found = read_converted(path, conversions, key)
        if found is None:
            raise NotApiFormat(advice=_CONVERTED_LATER) from error
        workflow = found
    _ = workflow.analysis  # computed here, in a thread, so that the first run does not wait for it
    return workflow
