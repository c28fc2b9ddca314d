"""Reading a sidecar: the JSON file beside a result, with everything that is needed to make the same again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, ValidationError

from bot.errors import InputInvalid
from bot.generation.sidecar import FORMAT

MAX_SIDECAR_BYTES = 50 * 2**20


class _SidecarModel(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class SidecarWorkflow(_SidecarModel):
    """The workflow that the result was made with."""

    name: str
    hash: str
    """Its `content_hash`."""
    graph: Mapping[str, Any] | None = None
    """None: that version was no longer stored when the sidecar was written."""
    bindings: Mapping[str, Any] | None = None


class SidecarResult(_SidecarModel):
    """The file that the sidecar lies beside."""

    sha256: str


class Sidecar(_SidecarModel):
    """The keys of a sidecar that are needed to make the same again."""

    chorus_sidecar: int
    """Version of the file format."""
    job: UUID
    request: Mapping[str, Any]
    """The fields of the job's `GenerationRequest`, without the person who asked."""
    workflow: SidecarWorkflow
    seed: int
    parameters: Mapping[str, Any]
    """The values that were written into the graph."""
    file: SidecarResult | None = None


def read_sidecar(path: Path) -> Sidecar:
    """Read a sidecar. Blocking.

    Args:
        path: The JSON file, or the result that it lies beside.

    Raises:
        InputInvalid: The file cannot be read, is no sidecar, or has a newer format.

    """
    path = path if path.suffix.lower() == ".json" else path.with_suffix(".json")
    try:
        if path.stat().st_size > MAX_SIDECAR_BYTES:
            raise InputInvalid(f"{path.name} is larger than a sidecar is.")
        found = Sidecar.model_validate(json.loads(path.read_bytes()))
    except OSError as error:
        raise InputInvalid(f"{path.name} cannot be read ({(error.strerror or 'error').lower()}).") from error
    except (ValueError, RecursionError, ValidationError) as error:
        raise InputInvalid(
            f"{path.name} is no sidecar.", advice="Give the .json file that lies beside a result."
        ) from error
    if found.chorus_sidecar > FORMAT:
        raise InputInvalid(f"{path.name} comes from a newer version.", advice="Update Chorus and try again.")
    return found
