"""Bytes of a workflow file -> a checked, hashed `Workflow` value."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from bot.domain.jobs import JobKind
from bot.workflows.bindings import Bindings, parse_bindings, resolve_place
from bot.workflows.graph import Graph, decode_graph
from bot.workflows.roles import Role
from bot.workflows.values import Workflow

SHARED = "_shared"
"""The folder under `workflows/` that belongs to every character."""


def parse_workflow(
    data: bytes | str,
    *,
    bindings: bytes | str | None = None,
    character_id: str = SHARED,
    kind: JobKind = JobKind.IMAGE,
    name: str = "default",
    path: Path | None = None,
) -> Workflow:
    """A workflow from its file's content and, if there is one, its bindings file's.

    Raises:
        WorkflowInvalid: One of its subclasses (`bot.workflows.errors`): no graph, the editor's format, wrong bindings.

    """
    graph = decode_graph(data)
    said = Bindings() if bindings is None else parse_bindings(bindings)
    for role in Role:
        for place in said.places(role) or ():
            resolve_place(graph, place)
    return Workflow(
        character_id=character_id,
        kind=kind,
        name=name,
        path=path or Path(f"{name}.json"),
        graph=graph,
        bindings=said,
        content_hash=content_hash(graph, said),
    )


def content_hash(graph: Graph, bindings: Bindings) -> str:
    """SHA-256 (hex) of graph and bindings, whatever the order of keys and the layout of the files."""
    digest = hashlib.sha256(_canonical(graph))
    said = bindings.model_dump(mode="json", exclude_defaults=True)
    if said:
        digest.update(b"\n" + _canonical(said))
    return digest.hexdigest()


def _canonical(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()
