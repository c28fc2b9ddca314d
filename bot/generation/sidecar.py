"""The JSON file beside every artifact: what is needed to make it again, also on another machine."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bot.domain.jobs import Artifact, Job
from bot.domain.workflow_versions import StoredWorkflow
from bot.media.atomic_write import write_atomically

FORMAT = 1
_NOT_IN_SIDECARS = {"requester_id", "requester_name", "origin", "batch_id", "batch_index", "fresh", "region_start"}
"""Fields of requests that mean nothing outside of this installation."""


def sidecar_path(file: Path) -> Path:
    """`<name>.json` beside `<name>.png`."""
    return file.with_suffix(".json")


def write_sidecar(
    data_dir: Path, job: Job, artifact: Artifact, workflow: StoredWorkflow | None, originals: Sequence[str] = ()
) -> None:
    """Write the sidecar of an artifact, whole or not at all. Blocking.

    Raises:
        OSError: The disk is full, or not writable.

    """
    content = _file(artifact, originals) | settings_of(job, workflow)
    write_atomically(sidecar_path(data_dir / artifact.path), encode_sidecar(content))


def encode_sidecar(content: Mapping[str, Any]) -> bytes:
    """The bytes of the file."""
    return json.dumps(content, indent=1, ensure_ascii=False, sort_keys=True).encode("utf-8", "replace")


def settings_of(job: Job, workflow: StoredWorkflow | None) -> dict[str, Any]:
    """What all sidecars of a job say: request, workflow and parameters, but no person's name and no path."""
    request = job.request.model_dump(mode="json", exclude=_NOT_IN_SIDECARS)
    # The folder of an input file is of no use elsewhere: it is found again by its name and SHA-256.
    request["inputs"] = [given | {"path": Path(given["path"]).name} for given in request["inputs"]]
    return {
        "chorus_sidecar": FORMAT,
        "job": str(job.id),
        "request": request,
        "character": {"id": job.request.character_id, "version": job.character_version},
        "workflow": {
            "name": job.workflow_name,
            "hash": job.workflow_hash,
            "graph": None if workflow is None else workflow.graph,
            "bindings": None if workflow is None else workflow.bindings,
        },
        "seed": job.seed,
        "parameters": job.parameters,
        "created_at": job.created_at.isoformat(),
        "queue_seconds": None if job.started_at is None else (job.started_at - job.created_at).total_seconds(),
        "execution_seconds": job.execution_seconds,
    }


def _file(artifact: Artifact, originals: Sequence[str]) -> dict[str, Any]:
    return {
        "file": {
            "name": Path(artifact.path).name,
            "sha256": artifact.sha256,
            "size": artifact.size,
            "media_type": artifact.media_type,
            "width": artifact.width,
            "height": artifact.height,
            "duration_seconds": artifact.duration_seconds,
            "originals": [Path(path).name for path in originals],
        },
    }
