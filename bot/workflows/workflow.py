"""A workflow as a value: a checked graph with its bindings, from the content of its files."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from bot.domain.jobs import JobKind
from bot.workflows.api_format import decode_graph
from bot.workflows.bindings import Bindings, parse_bindings, require_parameter_names, resolve_node_input
from bot.workflows.graph import Graph
from bot.workflows.graph_analysis import GraphAnalysis, analyze_graph
from bot.workflows.input_roles import InputRole

SHARED = "_shared"
"""The folder under `workflows/` whose workflows every character has; it stands in place of a character's id."""
DEFAULT_WORKFLOW = "default"
"""The name of the workflow that is used where none is named."""
VARY_WORKFLOW = "vary"
UPSCALE_WORKFLOW = "upscale"
INPAINT_WORKFLOW = "inpaint"
OUTPAINT_WORKFLOW = "outpaint"
"""The names of the image workflows behind the buttons Vary, Upscale, Region and Wider."""


@dataclass(frozen=True)
class Workflow:
    """One workflow file, decoded and checked. Immutable: nobody may change `graph`."""

    character_id: str
    """The folder it came from: a character's id, or `SHARED`."""
    kind: JobKind
    name: str
    path: Path
    graph: Graph
    bindings: Bindings
    content_hash: str
    """SHA-256 (hex) of graph and bindings: equal content has an equal hash, whatever the layout of the files."""

    guild_id: int | None = None
    """The server that it belongs to; None: it is the host's, or a stored version."""
    is_converted: bool = False
    """The file is in the UI format, and `graph` was made of it."""

    @cached_property
    def analysis(self) -> GraphAnalysis:
        """Which inputs take which value; computed at the first use, since it can take milliseconds."""
        return analyze_graph(self.graph, self.bindings)


def parse_workflow(
    data: bytes | str,
    *,
    bindings: bytes | str | None = None,
    character_id: str = SHARED,
    kind: JobKind = JobKind.IMAGE,
    name: str = DEFAULT_WORKFLOW,
    path: Path | None = None,
    guild_id: int | None = None,
) -> Workflow:
    """Make a workflow of the content of its file and of its bindings file.

    Args:
        data: The content of the workflow file.
        bindings: The content of the bindings file; None: there is none.
        character_id: The character that it belongs to, or `SHARED`.
        kind: What it makes.
        name: Its name, without `.json`.
        path: Where the file lies; `<name>.json` if it lies nowhere.
        guild_id: The server that it belongs to; None: the host.

    Raises:
        NotAGraph: The file holds no graph.
        NotApiFormat: The file is in the editor's format.
        BindingsInvalid: The bindings file is wrong, or names an input that the graph does not have.

    """
    graph = decode_graph(data)
    parsed = Bindings() if bindings is None else parse_bindings(bindings)
    for role in InputRole:
        for input_name in parsed.input_names(role) or ():
            resolve_node_input(graph, input_name)
    for names in parsed.media.values():
        for input_name in names:
            resolve_node_input(graph, input_name)
    require_parameter_names(graph, parsed)
    return Workflow(
        character_id=character_id,
        kind=kind,
        name=name,
        path=path or Path(f"{name}.json"),
        graph=graph,
        bindings=parsed,
        content_hash=content_hash_of(graph, parsed),
        guild_id=guild_id,
    )


def content_hash_of(graph: Graph, bindings: Bindings) -> str:
    """Return the SHA-256 (hex) of graph and bindings."""
    digest = hashlib.sha256(_canonical_json(graph))
    given = bindings.model_dump(mode="json", exclude_defaults=True)
    if given:
        digest.update(b"\n" + _canonical_json(given))
    return digest.hexdigest()


def _canonical_json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()
