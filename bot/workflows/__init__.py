"""ComfyUI workflows: files on disk, where the values of a run go, and what can be known to be wrong beforehand.

A workflow is what its owner exported from ComfyUI with "Export (API)". `WorkflowLibrary` keeps them in memory,
`inject` puts a run's values into a copy, `validate_structure` and `validate_installed` tell what would fail.
"""

from bot.workflows.bindings import Bindings, parse_bindings
from bot.workflows.description import Finding, Place, WorkflowDescription, describe, describe_text
from bot.workflows.errors import (
    AmbiguousTarget,
    BindingsInvalid,
    NoOutputNode,
    NoPromptTarget,
    NotAGraph,
    NotApiFormat,
)
from bot.workflows.graph import Graph, Target, decode_graph, node_title
from bot.workflows.injection import inject, seed_limit
from bot.workflows.library import LoadReport, WorkflowLibrary, read_workflow
from bot.workflows.parsing import SHARED, parse_workflow
from bot.workflows.roles import Role
from bot.workflows.validation import validate_installed, validate_structure
from bot.workflows.values import Ambiguity, GraphReading, Injection, PlaceholderUse, Source, Workflow

__all__ = [
    "SHARED",
    "Ambiguity",
    "AmbiguousTarget",
    "Bindings",
    "BindingsInvalid",
    "Finding",
    "Graph",
    "GraphReading",
    "Injection",
    "LoadReport",
    "NoOutputNode",
    "NoPromptTarget",
    "NotAGraph",
    "NotApiFormat",
    "Place",
    "PlaceholderUse",
    "Role",
    "Source",
    "Target",
    "Workflow",
    "WorkflowDescription",
    "WorkflowLibrary",
    "decode_graph",
    "describe",
    "describe_text",
    "inject",
    "node_title",
    "parse_bindings",
    "parse_workflow",
    "read_workflow",
    "seed_limit",
    "validate_installed",
    "validate_structure",
]
