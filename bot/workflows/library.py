"""The library of workflows: all workflow files in memory, read again when they change."""

from __future__ import annotations

import asyncio
import difflib
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Self

from watchfiles import awatch  # pyright: ignore[reportUnknownVariableType]

from bot.domain.jobs import JobKind
from bot.errors import ChorusError, WorkflowInvalid, WorkflowNotFound
from bot.workflows.errors import NotAGraph
from bot.workflows.layout_migration import migrate_flat_files
from bot.workflows.workflow import DEFAULT_WORKFLOW, SHARED, UPSCALE_WORKFLOW, VARY_WORKFLOW, Workflow
from bot.workflows.workflow_files import (
    FileVersion,
    WorkflowKey,
    file_version,
    read_workflow,
    workflow_files,
    workflow_path,
)

_log = logging.getLogger(__name__)

_BUTTON_WORKFLOWS = frozenset({VARY_WORKFLOW, UPSCALE_WORKFLOW})
"""They start from a result, so none of them becomes the default by being the only workflow."""
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

    As an async context manager it loads them and follows changes on disk. A file that cannot be used is logged and
    listed in `problems`, while its last good version stays in use.

    Args:
        root: The folder of workflows.
        poll_seconds: How often the folder is looked at where the system cannot watch it.

    """

    def __init__(self, root: Path, *, poll_seconds: float = 2.0) -> None:
        self.root = root
        self._poll_seconds = poll_seconds
        self._workflows: dict[WorkflowKey, Workflow] = {}
        self._versions: dict[Path, FileVersion] = {}
        self._problems: dict[Path, ChorusError] = {}
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
        migrated = tuple(migrate_flat_files(self.root))
        workflows, versions, problems = dict(self._workflows), dict[Path, FileVersion](), dict[Path, ChorusError]()
        changed: list[Path] = []
        present = set[WorkflowKey]()
        for path, key in workflow_files(self.root):
            version = file_version(path)
            if version is None:
                continue  # removed since the folder was listed
            present.add(key)
            versions[path] = version
            if self._versions.get(path) == version:
                if path in self._problems:
                    problems[path] = self._problems[path]
                continue
            changed.append(path)
            try:
                workflows[key] = _read_and_analyze(path, key)
            except WorkflowInvalid as error:
                problems[path] = error
                kept = "; the last good version stays in use" if key in workflows else ""
                _log.warning("workflow %s: %s%s", path.relative_to(self.root), error, kept)
            except OSError as error:
                problems[path] = NotAGraph("The workflow file cannot be read.")
                _log.warning("workflow %s cannot be read: %s", path.relative_to(self.root), error)
            except Exception:  # noqa: BLE001 - a file that breaks its reader must not take the others with it
                problems[path] = NotAGraph("The workflow file cannot be understood; the log says why.")
                _log.exception("workflow %s cannot be understood", path.relative_to(self.root))
        gone = bool(self._versions.keys() - versions.keys())
        self._workflows = {key: workflow for key, workflow in workflows.items() if key in present}
        self._versions, self._problems = versions, problems
        self._revision += bool(changed or gone)
        return LoadReport(len(self._workflows), tuple(changed), migrated, dict(problems))

    def get(self, character_id: str, kind: JobKind, name: str | None = None) -> Workflow:
        """Return the character's workflow of that kind and name, else the shared one. Reads no file.

        Args:
            character_id: The character's id.
            kind: What the workflow makes.
            name: None: the character's `default`, else the shared one, else the first other workflow that there is.

        Raises:
            WorkflowNotFound: There is none; the error names the nearest that exists.
            WorkflowInvalid: The file exists but cannot be used, and no good version was ever read.

        """
        wanted = (name,) if name is not None else (DEFAULT_WORKFLOW, *self._other_defaults(character_id, kind))
        for candidate in wanted:
            for owner in (character_id, SHARED):
                key = WorkflowKey(owner, kind, candidate)
                if key in self._workflows:
                    return self._workflows[key]
                if (problem := self._problem(key)) is not None:
                    raise problem
        raise self._not_found(character_id, kind, name)

    def names(self, character_id: str, kind: JobKind) -> list[str]:
        """Return the names to offer: the character's own (`default` first), then the shared ones it does not have."""
        return list(dict.fromkeys([*self._own_names(character_id, kind), *self._own_names(SHARED, kind)]))

    def all(self) -> list[Workflow]:
        """Return every usable workflow, by character, kind and name."""
        return [self._workflows[key] for key in sorted(self._workflows)]

    def _own_names(self, owner: str, kind: JobKind) -> list[str]:
        found = [key.name for key in self._workflows if key.character_id == owner and key.kind == kind]
        return sorted(found, key=lambda name: (name != DEFAULT_WORKFLOW, name))

    def _other_defaults(self, character_id: str, kind: JobKind) -> list[str]:
        return [name for name in self.names(character_id, kind) if name not in _BUTTON_WORKFLOWS]

    def _problem(self, key: WorkflowKey) -> ChorusError | None:
        """A new error of the same kind: raising the stored one again would add to its traceback each time."""
        problem = self._problems.get(workflow_path(self.root, key)) if self._problems else None
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
            changes = awatch(
                self.root, stop_event=self._stop, debounce=_DEBOUNCE_MS, rust_timeout=_RELOAD_MS, yield_on_timeout=True
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
            report = await asyncio.to_thread(self.load)
        except OSError as error:
            _log.warning("cannot look at %s: %s", self.root, error)
            return
        except Exception:  # noqa: BLE001 - task boundary: the next look may be better
            _log.exception("cannot look at %s", self.root)
            return
        if self._revision > before:
            names = ", ".join(str(path.relative_to(self.root)) for path in report.changed) or "files removed"
            _log.info("workflows: %s; %d usable, %d broken", names, report.loaded, len(report.problems))
            async with self._changed:
                self._changed.notify_all()


def _read_and_analyze(path: Path, key: WorkflowKey) -> Workflow:
    workflow = read_workflow(path, character_id=key.character_id, kind=key.kind)
    _ = workflow.analysis  # computed here, in a thread, so that the first run does not wait for it
    return workflow
