"""`chorus workflow convert FILE`: the API-format graph of whatever a file holds."""

from __future__ import annotations

import json
import lzma
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.markup import escape

from bot.cli.server_object_info import server_object_info
from bot.errors import InputInvalid, WorkflowInvalid
from bot.media.atomic_write import write_atomically
from bot.workflows.conversion import convert_ui_workflow
from bot.workflows.embedded import WorkflowSource, read_workflow_source

MAX_FILE_BYTES: Final = 500 * 2**20
"""Of a film with a workflow inside."""
MAX_OBJECT_INFO_BYTES: Final = 200 * 2**20


def convert_workflow(
    file: Path, notes: Console, *, object_info: Path | None = None, server: str | None = None
) -> bytes:
    """Return the graph in API format that is in a file, as JSON. Blocking.

    Where the file holds both formats, the API format is taken as it is.

    Args:
        file: A workflow in either format, also wrapped, or a picture, sound, film or sidecar that holds one.
        notes: Where to print what the file does not hold.
        object_info: A saved body of `GET /object_info`, possibly compressed with xz; for the UI format.
        server: The base URL of a ComfyUI, to ask in its place.

    Raises:
        WorkflowInvalid: The file cannot be read or converted, or holds no workflow.
        MissingNode: The server lacks node classes of the workflow.
        ComfyUnavailable: `server` does not answer.
        InputInvalid: The workflow is in the UI format, and there is no `/object_info` for it.

    """
    source = read_workflow_source(file_content(file))
    graph = source.graph
    if graph is None:
        converted = convert_ui_workflow(_ui_workflow(source, file), _object_info(object_info, server))
        graph = converted.graph
        for note in converted.notes:
            notes.print(f"[yellow]{escape(note)}[/]", soft_wrap=True)
    return json.dumps(graph, indent=2, ensure_ascii=False).encode("utf-8", "replace") + b"\n"


def write_file(out: Path, content: bytes) -> None:
    """Write a file, whole or not at all.

    Raises:
        InputInvalid: The file cannot be written.

    """
    try:
        write_atomically(out, content)
    except OSError as error:
        raise InputInvalid(f"{out.name} cannot be written ({_reason(error)}).", advice="Check the path.") from error


def file_content(file: Path) -> bytes:
    """The content of a file that may hold a workflow.

    Raises:
        WorkflowInvalid: It cannot be read, or is too large.

    """
    try:
        if file.stat().st_size > MAX_FILE_BYTES:
            raise WorkflowInvalid(f"{file.name} is larger than {MAX_FILE_BYTES // 2**20} MB.")
        return file.read_bytes()
    except OSError as error:
        raise WorkflowInvalid(f"{file.name} cannot be read ({_reason(error)}).", advice="Check the path.") from error


def _ui_workflow(source: WorkflowSource, file: Path) -> Mapping[str, Any]:
    if source.ui_workflow is None:
        raise WorkflowInvalid(
            f"{file.name} says what it was made with, but holds no workflow.",
            advice="It was made by another program than ComfyUI; use its prompt and settings with a workflow of yours.",
        )
    return source.ui_workflow


def _object_info(file: Path | None, server: str | None) -> Mapping[str, Any]:
    if server is not None:
        return server_object_info(server, "Check the address, or give a saved /object_info with --object-info FILE.")
    if file is None:
        raise InputInvalid(
            'The workflow was saved with "Save"; converting it takes the node descriptions of a ComfyUI.',
            advice="Give --comfyui http://127.0.0.1:8188, or --object-info FILE with a saved answer of /object_info.",
        )
    try:
        data = file.read_bytes()
        if file.suffix == ".xz":
            data = lzma.LZMADecompressor().decompress(data, MAX_OBJECT_INFO_BYTES)
        found = json.loads(data)
    except OSError as error:
        raise InputInvalid(f"{file.name} cannot be read ({_reason(error)}).", advice="Check the path.") from error
    except (ValueError, RecursionError, lzma.LZMAError) as error:
        raise InputInvalid(f"{file.name} is no JSON.", advice="Save the answer of ComfyUI's /object_info.") from error
    if not isinstance(found, dict):
        raise InputInvalid(f"{file.name} is no answer of /object_info.", advice="It should be a JSON object.")
    return found  # pyright: ignore[reportUnknownVariableType] - JSON


def _reason(error: OSError) -> str:
    return (error.strerror or "error").lower()
