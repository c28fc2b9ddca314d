"""The layout of the workflow folder, ``<root>/<character>/<kind>/<name>.json``, and reading one workflow from it."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from bot.domain.jobs import JobKind
from bot.workflows.api_format import MAX_BYTES
from bot.workflows.bindings import MAX_BINDINGS_BYTES
from bot.workflows.errors import BindingsInvalid, NotAGraph
from bot.workflows.workflow import SHARED, Workflow, parse_workflow

BINDINGS_SUFFIX = ".bindings.yaml"


class WorkflowKey(NamedTuple):
    """Which workflow a file holds, by its place in the folder."""

    character_id: str
    """A character's id, or `SHARED`."""
    kind: JobKind
    name: str
    guild_id: int = 0
    """The server that it belongs to; 0: the host."""


class FileVersion(NamedTuple):
    """Differs after a workflow file or its bindings file was written: modification time (ns), size, inode of each."""

    workflow: tuple[int, int, int]
    bindings: tuple[int, int, int] | None
    """None: there is no bindings file."""


def workflow_files(root: Path, guild_id: int = 0) -> Iterator[tuple[Path, WorkflowKey]]:
    """Yield every workflow file under `root`, in the order of the folders; hidden files and folders are skipped.

    Args:
        root: The folder with a folder for each character.
        guild_id: The server that the folder belongs to; 0: the host.

    Raises:
        OSError: The folder cannot be listed.

    """
    for folder in sorted(root.iterdir()):
        if not folder.is_dir() or folder.name.startswith("."):
            continue
        for kind in JobKind:
            for path in sorted((folder / kind.value).glob("*.json")):
                if path.is_file() and not path.name.startswith("."):
                    yield path, WorkflowKey(folder.name, kind, path.stem, guild_id)


def guild_folders(guilds: Path) -> dict[int, Path]:
    """Return the folder of workflows of each server that has one: `<guilds>/<guild id>/workflows`."""
    try:
        found = sorted(path for path in guilds.iterdir() if path.name.isdecimal())
    except OSError:
        return {}
    return {int(path.name): path / "workflows" for path in found if (path / "workflows").is_dir()}


def workflow_path(root: Path, key: WorkflowKey) -> Path:
    """Return where the file of that workflow lies."""
    return root / key.character_id / key.kind.value / f"{key.name}.json"


def file_version(path: Path) -> FileVersion | None:
    """Return the version of a workflow file with its bindings file; None if the workflow file is gone."""
    workflow = _stat(path)
    return None if workflow is None else FileVersion(workflow, _stat(bindings_path(path)))


def bindings_path(path: Path) -> Path:
    """Return the path of a workflow's bindings file: `portrait.json` -> `portrait.bindings.yaml` beside it."""
    return path.with_name(path.name.removesuffix(".json") + BINDINGS_SUFFIX)


def read_workflow(
    path: Path, *, character_id: str = SHARED, kind: JobKind = JobKind.IMAGE, guild_id: int | None = None
) -> Workflow:
    """Read a workflow file, with its bindings file if there is one.

    Args:
        path: The workflow file.
        character_id: The character that it belongs to, or `SHARED`.
        kind: What it makes.
        guild_id: The server that it belongs to; None: the host.

    Raises:
        NotAGraph: The file is larger than 16 MB or holds no graph.
        NotApiFormat: The file is in the editor's format.
        BindingsInvalid: The bindings file is wrong, or larger than 100 kB.
        OSError: A file cannot be read.

    """
    if path.stat().st_size > MAX_BYTES:
        raise NotAGraph(f"The workflow file is larger than {MAX_BYTES // 2**20} MB.")
    bindings = bindings_path(path)
    if bindings.is_file() and bindings.stat().st_size > MAX_BINDINGS_BYTES:
        raise BindingsInvalid(f"The bindings file is larger than {MAX_BINDINGS_BYTES // 1000} kB.")
    return parse_workflow(
        path.read_bytes(),
        bindings=bindings.read_bytes() if bindings.is_file() else None,
        character_id=character_id,
        kind=kind,
        name=path.stem,
        path=path,
        guild_id=guild_id,
    )


def converted_path(conversions: Path, data: bytes) -> Path:
    """Return where the conversion of a workflow file in the UI format is kept, by the file's content."""
    return conversions / f"{hashlib.sha256(data).hexdigest()}.json"


def read_converted(path: Path, conversions: Path, key: WorkflowKey) -> Workflow | None:
    """Read a workflow file in the UI format as it was converted; None: it was not converted yet.

    Args:
        path: The workflow file. It stays as it was brought.
        conversions: The folder of conversions.
        key: Which workflow it holds.

    Raises:
        NotAGraph, BindingsInvalid: As from `read_workflow`.
        OSError: A file cannot be read.

    """
    converted = converted_path(conversions, path.read_bytes())
    if not converted.is_file():
        return None
    bindings = bindings_path(path)
    workflow = parse_workflow(
        converted.read_bytes(),
        bindings=bindings.read_bytes() if bindings.is_file() else None,
        character_id=key.character_id,
        kind=key.kind,
        name=path.stem,
        path=path,
        guild_id=key.guild_id or None,
    )
    return dataclasses.replace(workflow, is_converted=True)


def _stat(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
