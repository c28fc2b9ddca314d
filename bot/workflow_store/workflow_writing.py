"""Writing and removing the files of a workflow: the graph, and the bindings file beside it."""

from __future__ import annotations

import json
from pathlib import Path

import yaml

from bot.media.atomic_write import write_atomically
from bot.workflows.workflow import Workflow
from bot.workflows.workflow_files import bindings_path


def write_workflow(path: Path, workflow: Workflow) -> None:
    """Write a workflow to `path`, each file whole or not at all. Blocking.

    Raises:
        OSError: A file cannot be written.

    """
    bindings = encoded_bindings(workflow)
    beside = bindings_path(path)
    if bindings is not None:
        write_atomically(beside, bindings)
    else:
        beside.unlink(missing_ok=True)
    write_atomically(path, encoded_graph(workflow))


def remove_workflow(path: Path) -> None:
    """Remove the files of a workflow; those that are gone already do not matter. Blocking.

    Raises:
        OSError: A file cannot be removed.

    """
    path.unlink(missing_ok=True)
    bindings_path(path).unlink(missing_ok=True)


def encoded_graph(workflow: Workflow) -> bytes:
    """The content of a workflow file: what ComfyUI's "Export (API)" writes."""
    return json.dumps(workflow.graph, indent=2, ensure_ascii=False).encode("utf-8", "replace") + b"\n"


def encoded_bindings(workflow: Workflow) -> bytes | None:
    """The content of the bindings file; None: nothing is bound."""
    bindings = workflow.bindings.model_dump(mode="json", exclude_defaults=True)
    return yaml.safe_dump(bindings, allow_unicode=True, sort_keys=False).encode() if bindings else None
