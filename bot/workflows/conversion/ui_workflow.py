"""The UI format of ComfyUI as frozen values: graphs of nodes and links, and subgraph definitions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

MUTED: Final = 2
BYPASSED: Final = 4

SUBGRAPH_INPUT: Final = "-10"
"""The origin id of links that come from the inputs of the subgraph around them."""
SUBGRAPH_OUTPUT: Final = "-20"
"""The target id of links that go to the outputs of the subgraph around them."""

PRIMITIVE: Final = "PrimitiveNode"
REROUTE: Final = "Reroute"
VIRTUAL_TYPES: Final = frozenset({"Note", "MarkdownNote", PRIMITIVE, REROUTE})
"""Node types that exist in the editor only."""


@dataclass(frozen=True, slots=True)
class UiInput:
    """An input socket as the file lists it; widgets without a socket are not listed."""

    name: str
    type: str
    link_id: str | None
    is_widget: bool = False
    """Whether the node had a widget of that name when the file was saved."""


@dataclass(frozen=True, slots=True)
class UiNode:
    """A node of the file."""

    id: str
    type: str
    """A node class, a type of the editor's own such as `Reroute`, or the id of a subgraph definition."""
    title: str | None
    """None: nobody gave it one."""
    mode: int
    """`MUTED`, `BYPASSED`; every other number is a normal node."""
    inputs: tuple[UiInput, ...]
    output_types: tuple[str, ...]
    widget_values: tuple[Any, ...] | Mapping[str, Any]
    """In the order of the widgets, or, from some node packs, by their names."""
    properties: Mapping[str, Any]

    @property
    def is_disabled(self) -> bool:
        """Whether the node itself does not run."""
        return self.mode in {MUTED, BYPASSED}


@dataclass(frozen=True, slots=True)
class UiLink:
    """A connection from an output to an input."""

    id: str
    origin_id: str
    origin_slot: int
    target_id: str
    target_slot: int


@dataclass(frozen=True, slots=True)
class UiGraph:
    """The nodes and links of the workflow itself or of one subgraph definition, by id."""

    nodes: Mapping[str, UiNode]
    links: Mapping[str, UiLink]


@dataclass(frozen=True, slots=True)
class SubgraphSocket:
    """An input or output of a subgraph definition."""

    name: str
    type: str
    link_ids: tuple[str, ...]
    """The links inside the definition, in the order in which they were made; not in every file."""


@dataclass(frozen=True, slots=True)
class SubgraphDefinition:
    """A subgraph, of which any number of nodes are instances: those whose type is its id."""

    id: str
    name: str
    graph: UiGraph
    inputs: tuple[SubgraphSocket, ...]
    outputs: tuple[SubgraphSocket, ...]
    renamed: Mapping[str, str]
    """Ids that nodes have in the file -> ids that they were given because others have them already."""
    input_indexes: Mapping[str, int]
    """The positions of the inputs by their names."""
    links_of_inputs: Mapping[int, tuple[str, ...]]
    """The ids of the links that come from each input, by its position."""


@dataclass(frozen=True, slots=True)
class UiWorkflow:
    """A whole file."""

    root: UiGraph
    definitions: Mapping[str, SubgraphDefinition]
