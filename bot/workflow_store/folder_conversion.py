"""Converts files in the UI format that lie in the folders of workflows, as soon as ComfyUI tells what it has."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from bot.errors import ChorusError
from bot.generation.installation_watch import InstallationWatch
from bot.media.atomic_write import write_atomically
from bot.workflows.api_format import decode_json
from bot.workflows.conversion import convert_ui_workflow
from bot.workflows.errors import NotApiFormat
from bot.workflows.library import WorkflowLibrary
from bot.workflows.object_info import ObjectInfo
from bot.workflows.workflow_files import converted_path

_log = logging.getLogger(__name__)

_RETRY_SECONDS = 30.0


class FolderConversion:
    """Follows the library and the ComfyUI servers. Open it with `async with`.

    The files stay as they were brought. Their conversions lie in `WorkflowLibrary.conversions`, by content, so that
    they are used while ComfyUI is away as well; a file whose nodes are not installed is tried again when they are.

    Args:
        library: Workflow files.
        installations: What the ComfyUI servers have.

    """

    def __init__(self, library: WorkflowLibrary, installations: InstallationWatch) -> None:
        self._library = library
        self._installations = installations
        self._tasks: list[asyncio.Task[None]] = []
        self._wanted = asyncio.Event()
        self._tried: dict[Path, tuple[int, ObjectInfo]] = {}
        """What each file that could not be converted was tried with: its modification time, and `/object_info`."""

    async def __aenter__(self) -> Self:
        self._wanted.set()
        self._tasks = [
            asyncio.create_task(self._follow_library(), name="conversion: follow files"),
            asyncio.create_task(self._follow_installations(), name="conversion: follow ComfyUI"),
            asyncio.create_task(self._convert_when_wanted(), name="conversion"),
        ]
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _follow_library(self) -> None:
        revision = 0
        while True:
            revision = await self._library.wait_changed(revision)
            self._wanted.set()

    async def _follow_installations(self) -> None:
        revision = 0
        while True:
            revision = await self._installations.wait_changed(revision)
            self._wanted.set()

    async def _convert_when_wanted(self) -> None:
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            try:
                await self._convert_all()
            except Exception:  # noqa: BLE001 - a task boundary: the next change, or the next start, converts it; logged
                _log.exception("workflow files in the UI format could not be converted")
                await asyncio.sleep(_RETRY_SECONDS)

    async def _convert_all(self) -> None:
        infos = self._installations.object_infos
        folder = self._library.conversions
        if not infos or folder is None:
            return
        info = next(iter(infos.values()))
        converted: list[Path] = []
        for path in self._library.unconverted():
            try:
                tried = path.stat().st_mtime_ns, info
                if self._is_tried(path, tried):
                    continue
                self._tried[path] = tried
                notes = await asyncio.to_thread(_convert, path, folder, info)
            except ChorusError as error:
                _log.warning("workflow %s cannot be converted: %s", path.name, error)
                self._library.set_problem(path, NotApiFormat(f"{NotApiFormat.default} {error}", advice=error.advice))
            except OSError as error:
                _log.warning("workflow %s cannot be converted: %s", path.name, error)
            else:
                _log.info("workflow %s was converted from the UI format%s", path.name, _listed(notes))
                converted.append(path)
        if converted:
            await self._library.read_again(converted)

    def _is_tried(self, path: Path, tried: tuple[int, ObjectInfo]) -> bool:
        known = self._tried.get(path)
        return known is not None and known[0] == tried[0] and known[1] is tried[1]


def _convert(path: Path, folder: Path, object_info: ObjectInfo) -> tuple[str, ...]:
    """Write the conversion of a file; returns what was changed. Blocking."""
    data = path.read_bytes()
    found = convert_ui_workflow(decode_json(data), object_info)
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(converted_path(folder, data), json.dumps(found.graph, indent=2).encode())
    return found.notes


def ui_workflow_of(path: Path) -> Mapping[str, Any]:
    """Return the content of a file in the UI format. Blocking.

    Raises:
        NotAGraph: It has changed since.
        OSError: It cannot be read.

    """
    return decode_json(path.read_bytes())


def _listed(notes: tuple[str, ...]) -> str:
    return f": {' '.join(notes)}" if notes else ""
